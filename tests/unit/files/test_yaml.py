"""YAML as Dynia reads it: version 1.2, every value with its place."""

from __future__ import annotations

import io

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dynia.interfaces.files.yaml_reader import read_yaml
from dynia.interfaces.files.yaml_scalars import plain_value
from dynia.interfaces.files.yaml_tree import plain, spot_of


def values(text: str) -> object:
    tree, mistakes = read_yaml("f", text.encode())
    assert tree is not None and mistakes == ()
    return plain(tree)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("on", "on"), ("off", "off"), ("12:30", "12:30"), ("2026-01-01", "2026-01-01"),
        ("true", True), ("False", False), ("~", None), ("null", None), ("", None), ("012", 12), ("0o14", 12),
        ("0x1f", 31), ("-3", -3), ("1_000", "1_000"), ("9" * 30, float("9" * 30)), ("1.5", 1.5), (".inf", float("inf")),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert plain_value(text) == value
    assert type(plain_value(text)) is type(value)


def test_quoted_scalars_are_text_and_fractions_stay_as_written() -> None:
    assert values("a: '1'\nb: \"true\"\nc: !!str 5\nd: 1.10\n") == {
        "a": "1",
        "b": "true",
        "c": "5",
        "d": "1.10",
    }


def test_merged_keys_give_way_to_own_ones_and_the_first_merge_wins() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], z: 3}\n"
    assert values(text) == {"a": {"x": 1, "y": 1}, "b": {"y": 2, "z": 2}, "c": {"z": 3, "x": 1, "y": 1}}


def test_places_are_those_of_the_text() -> None:
    tree, _ = read_yaml("f", "a:\n  - {b: éé, c: [1, 22]}\n".encode())
    assert tree is not None
    spot = spot_of(tree, ("a", 0, "c", 1))
    assert (spot.line, spot.column, spot.width) == (2, 20, 2)
    key = spot_of(tree, ("a", 0, "c"), key=True)
    assert (key.line, key.column, key.width) == (2, 13, 1)


def test_the_place_of_what_is_missing_is_the_key_above_it() -> None:
    tree, _ = read_yaml("f", b"a:\n  b:\n    c: 1\n")
    assert tree is not None
    spot = spot_of(tree, ("a", "b", "d"))
    assert (spot.line, spot.column) == (2, 3)


_WORD = st.text(alphabet="ab1.:é _-'\"", min_size=1, max_size=6)
_TREE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | _WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORD, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(tree=_TREE, flow=st.booleans())
def test_whatever_another_writer_writes_is_read_back(tree: object, flow: bool) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.allow_unicode = flow, True
    written = io.StringIO()
    yaml.dump({"root": tree}, written)
    try:
        assume(yaml.load(written.getvalue()) == {"root": tree})
    except YAMLError:  # it does not always read its own writing
        assume(False)
    assert values(written.getvalue()) == {"root": tree}


@settings(deadline=None)
@given(text=st.text(alphabet="ab:-[]{},&*!|>'\"#%@`? \n\t\\", max_size=40))
def test_any_text_gives_a_tree_or_mistakes_and_never_both_nothing(text: str) -> None:
    tree, mistakes = read_yaml("f", text.encode())
    assert tree is not None or len(mistakes) == 1
    for each in mistakes:
        assert 1 <= each.line <= text.count("\n") + 1
        assert each.column >= 1


@settings(deadline=None)
@given(text=st.text(alphabet="ab:-[]{},'\"# \n", max_size=30))
def test_what_another_reader_refuses_is_refused(text: str) -> None:
    tree, mistakes = read_yaml("f", text.encode())
    try:
        YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        assert mistakes or tree is None
