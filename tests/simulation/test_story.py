"""Stories wish only what a clusters.yaml can say: what no team can ask for tells nothing about Dynia."""

from __future__ import annotations

import random

import msgspec

from dynia.interfaces.desired import ClusterSpec
from tests.simulation.story import draw_spec
from tests.unit.files.memory import loaded

Wish = tuple[str, str]
COMPOSE = "services: {web: {image: acme/api:1, expose: ['8080']}}\n"


def test_a_story_keeps_its_provider_and_moves_its_address_as_a_file_may_ask() -> None:
    met: set[Wish] = set()
    changes: set[Wish] = set()
    for number in range(300):
        chance = random.Random(f"wishes/{number}")
        spec = draw_spec(chance, None)
        met.add(_wish(spec))
        for _ in range(6):
            then, spec = spec, draw_spec(chance, spec)
            assert spec.provider == then.provider, "a story stays with its provider"
            met.add(_wish(spec))
            changes.add((_wish(then)[1], _wish(spec)[1]))
    for wish in sorted(met):
        assert _as_read(wish) == wish
    assert met == {("docker", "vip"), ("docker", "none"), ("digitalocean", "api"), ("digitalocean", "none")}
    assert changes >= {("vip", "none"), ("none", "vip"), ("api", "none"), ("none", "api")}


def _wish(spec: ClusterSpec) -> Wish:
    return str(msgspec.to_builtins(spec.provider)["kind"]), str(msgspec.to_builtins(spec.entry)["kind"])


def _as_read(wish: Wish) -> Wish:
    """What a file with this wish says; it ends with `BadInput` where the file is refused."""
    provider, entry = wish
    region = ", region: lon1" if provider == "digitalocean" else ""
    text = f"""\
clusters:
  prod:
    provider: {{kind: {provider}{region}}}
    nodes: {{count: 3}}
    entry: {{kind: {entry}}}
    services:
      api: {{compose: ./compose.yaml, domains: [api.example.com]}}
"""
    (spec,) = loaded({"clusters.yaml": text, "compose.yaml": COMPOSE}).clusters
    return _wish(spec)
