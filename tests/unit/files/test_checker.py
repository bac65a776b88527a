"""The checker goes on after a mistake, and agrees with msgspec on what is one."""

from __future__ import annotations

import copy
import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.files import raw
from dynia.interfaces.files.checker import check, convert
from dynia.interfaces.files.yaml_reader import read_yaml
from dynia.interfaces.files.yaml_tree import plain
from tests.examples import examples

GOOD: dict[str, Any] = {
    "requires": ">=2.0",
    "state": {"kind": "file"},
    "clusters": {
        "prod": {
            "provider": {"kind": "ssh", "known_hosts": "k"},
            "nodes": [{"name": "a", "host": "h", "private_ip": "10.0.0.1", "port": 22}],
            "ssh": {"user": "root", "port": 22, "connect_timeout": "10s"},
            "entry": {"kind": "vip", "address": "10.0.0.9"},
            "dns": {"kind": "none"},
            "rollout": {"max_unavailable": "25%", "canary": True},
            "firewall": {"ssh": ["10.0.0.0/8"], "http": "any"},
            "registries": [{"host": "r", "user": "u", "password": {"env": "TOKEN"}}],
            "caddy": {"image": "caddy"},
            "services": {
                "api": {
                    "compose": "c.yaml", "domains": ["a.b"], "default": False, "env": {"A": "x"},
                    "health": {"path": "/x", "interval": "1s"}, "volumes": "per-node",
                }
            },
        },
        "lab": {"provider": {"kind": "docker"}, "nodes": {"count": 3}, "entry": {"kind": "none"}},
    },
}  # fmt: skip
_OTHER = [
    0,
    -1,
    70000,
    True,
    "",
    "x",
    "any",
    "5s",
    "50%",
    "/p",
    ">=1",
    [],
    ["x"],
    {},
    {"kind": "none"},
    {"x": 1},
]


def _paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    for key, value in (
        tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    ):
        found += _paths(value, (*path, key))
    return found


def _mutated(seed: int) -> Any:
    """The good file with up to three values replaced, dropped or added."""
    chance = random.Random(seed)
    tree = msgspec.json.decode(msgspec.json.encode(GOOD))
    for _ in range(chance.randint(0, 3)):
        path = chance.choice([path for path in _paths(tree) if path])
        home = tree
        for part in path[:-1]:
            home = home[part]
        match chance.randint(0, 2):
            case 0:
                home[path[-1]] = copy.deepcopy(chance.choice(_OTHER))
            case 1 if isinstance(home, dict):
                del home[path[-1]]
            case _ if isinstance(home, dict):
                home[chance.choice(["extra", "kind", "port", "x"])] = copy.deepcopy(chance.choice(_OTHER))
    return tree


@settings(max_examples=examples(600), deadline=None)
@given(seed=st.integers(0, 10**9))
def test_no_mistake_means_that_msgspec_takes_it_and_mistakes_that_it_does_not(seed: int) -> None:
    built = _mutated(seed)
    tree, _ = read_yaml("f", msgspec.json.encode(built))
    assert tree is not None
    checked = check(tree, raw.File)
    try:
        expected = msgspec.convert(plain(tree), raw.File)
    except msgspec.ValidationError:
        # words that a number was written for are text to us, where the type says so
        if not checked.mistakes:
            numbers = isinstance(built["clusters"], dict) and checked.usable
            assert numbers and _env_numbers(built)
        return
    assert checked.mistakes == () or _allowed_here(checked.mistakes)
    if not checked.mistakes:
        assert convert(checked, raw.File) == expected


def _env_numbers(tree: Any) -> bool:
    """Whether some `env` has a value that is a number or a truth value."""
    if isinstance(tree, dict):
        env = tree.get("env")
        if isinstance(env, dict) and any(isinstance(value, bool | int) for value in env.values()):
            return True
        return any(_env_numbers(value) for value in tree.values())
    return isinstance(tree, list) and any(_env_numbers(value) for value in tree)


def _allowed_here(mistakes: tuple[Any, ...]) -> bool:
    """We are stricter in two things: null is never a value, and `kind` is always said."""
    return all("found nothing" in each.message or "needs kind" in each.message for each in mistakes)


@settings(max_examples=examples(200), deadline=None)
@given(seed=st.integers(0, 10**9))
def test_what_is_left_after_mistakes_can_always_be_used(seed: int) -> None:
    tree, _ = read_yaml("f", msgspec.json.encode(_mutated(seed)))
    assert tree is not None
    checked = check(tree, raw.File)
    if checked.usable:
        convert(checked, raw.File)
    else:
        assert checked.mistakes


def test_the_good_file_has_no_mistake() -> None:
    tree, _ = read_yaml("f", msgspec.json.encode(GOOD))
    assert tree is not None
    assert check(tree, raw.File).mistakes == ()
