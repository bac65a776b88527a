"""Whatever stands in the files: a value or mistakes with places, never another error."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.clusters_file import read
from dynia.interfaces.errors import BadInput
from tests.bad_input import compose_cases, desired_cases
from tests.examples import examples
from tests.unit.files.memory import looking_at

SHIPPING = """\
include: [sub/more.yaml, {path: sub/other.yaml}]
services:
  web:
    image: "a:${V:-1}"
    ports: ["5000-5001:1-2/udp", {target: 8080, published: "9000", host_ip: 127.0.0.1}]
    volumes: [./config:/c:ro, {type: bind, source: ./config, target: /d, read_only: true}, data:/e]
    env_file: [{path: a.env, required: false}, .env]
    environment: [A=1, LEVEL]
    configs: [{source: app, target: /x}]
    secrets: [key]
    networks: {back: {aliases: [w]}}
    depends_on: {init: {condition: service_completed_successfully}}
    deploy: {replicas: 1}
    healthcheck: {test: [CMD, x]}
  init: {image: b, profiles: []}
configs: {app: {file: config/app.toml}}
secrets: {key: {environment: LEVEL}}
networks: {back: {internal: true}}
volumes: {data: {}}
"""
FILES = {
    "clusters.yaml": desired_cases.GOOD["clusters.yaml"].replace("env: {LEVEL", "target: web\n        volumes: per-node\n        env: {LEVEL"),
    "compose.yaml": SHIPPING,
    "config/app.toml": "x",
    "a.env": "B=${LEVEL}\nC='x'\n",
    ".env": "VERSION=1\n",
    "sub/more.yaml": "services: {m: {image: x}}\n",
    "sub/other.yaml": "networks: {z: }\n",
}  # fmt: skip
_PIECES = [
    "\t", "\n", ":", " ", "- ", "[", "]", "{", "}", "&a ", "*a", "<<: *a", "!!x ", "|", ">", "'", '"', "#", "%", "@", "$", "${",
    "${X", "}", "null", "~", "true", "1", "-1", "1e400", "0x", "é", "\u2028", "\ufeff", "\x00", "\ud7ff", "../", "/", "~/",
    ".", "80", "99999999999999999999", "? ", "---\n", "...\n", "x-", "=", ":ro", "*", "\\", "\r",
]  # fmt: skip


def _mangled(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(text))
        match chance.randint(0, 3):
            case 0:
                text = text[:at] + chance.choice(_PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.randint(1, 12) :]
            case 2:
                text = text[:at] + chance.choice(_PIECES) + text[at + chance.randint(1, 8) :]
            case _:
                other = chance.randint(0, len(text))
                text = text[:at] + text[other : other + chance.randint(1, 30)] + text[at:]
    return text


def _attempt(files: dict[str, str | bytes]) -> None:
    try:
        read("clusters.yaml", "/w", looking_at({f"/w/{k}": v for k, v in files.items()}), version="2.0")
    except BadInput as error:
        for each in error.mistakes:
            assert each.message
            assert each.rule
            assert each.line >= 1
            assert each.column >= 1
            assert each.width >= 1


def test_the_files_that_are_mangled_are_good() -> None:
    found = read("clusters.yaml", "/w", looking_at({f"/w/{k}": v for k, v in FILES.items()}), version="2.0")
    assert [each.name for each in found.clusters[0].services[0].containers] == ["init", "m", "web"]


@settings(max_examples=examples(500), deadline=None)
@given(seed=st.integers(0, 10**9))
def test_mangled_files_give_mistakes_and_nothing_else(seed: int) -> None:
    chance = random.Random(seed)
    files: dict[str, str | bytes] = dict(FILES)
    name = chance.choice(["clusters.yaml", "compose.yaml", "compose.yaml", ".env", "a.env", "sub/more.yaml"])
    files[name] = _mangled(FILES[name], chance).encode("utf-8", "replace")
    _attempt(files)


@settings(max_examples=examples(200), deadline=None)
@given(data=st.binary(max_size=60), name=st.sampled_from(["clusters.yaml", "compose.yaml", ".env", "a.env"]))
def test_any_bytes_give_mistakes_and_nothing_else(data: bytes, name: str) -> None:
    _attempt({**FILES, name: data})


_TREES = st.recursive(
    st.sampled_from(["web", "1", "80:80", "./config", "data:/x", "", "true", "null", "${V}", "a.env"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda values: "[" + ", ".join(values) + "]")
    | st.dictionaries(
        st.sampled_from(["services", "web", "image", "ports", "volumes", "env_file", "environment", "configs", "secrets", "networks", "source", "target", "file", "include", "path", "depends_on", "deploy", "replicas", "healthcheck", "test", "condition", "profiles", "x"]),
        inner, max_size=4,
    ).map(lambda values: "{" + ", ".join(f"{key}: {value}" for key, value in values.items()) + "}"),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=examples(300), deadline=None)
@given(
    tree=_TREES, place=st.sampled_from(["", "services: {web: ", "services: {web: {image: a, ", "services: "])
)
def test_any_shape_of_a_compose_file_gives_mistakes_and_nothing_else(tree: str, place: str) -> None:
    inner = tree.strip("{}") if place.endswith(", ") and tree.startswith("{") else tree
    _attempt({**FILES, "compose.yaml": place + inner + "}" * place.count("{")})


def test_the_tables_have_enough_cases_and_rules() -> None:
    cases = (*desired_cases.CASES, *compose_cases.CASES)
    assert len(desired_cases.CASES) >= 25
    assert len(compose_cases.CASES) >= 25
    assert len({case.name for case in desired_cases.CASES}) == len(desired_cases.CASES)
    assert len({case.rule for case in cases}) >= 20
