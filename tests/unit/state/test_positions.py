"""Every value of a JSON text is found at its place."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from dynia.state.positions import KeyPath, dotted, line_and_column, line_of, places

trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


def values(tree: object, path: KeyPath = ()) -> list[tuple[KeyPath, object]]:
    found: list[tuple[KeyPath, object]] = [(path, tree)]
    if isinstance(tree, dict):
        for key, inner in tree.items():
            found += values(inner, (*path, key))
    if isinstance(tree, list):
        for index, inner in enumerate(tree):
            found += values(inner, (*path, index))
    return found


@given(tree=trees, indent=st.sampled_from([None, 0, 2]), ascii=st.booleans())
def test_every_value_is_found_where_it_stands(tree, indent, ascii):
    text = json.dumps(tree, indent=indent, ensure_ascii=ascii)
    found = places(text)
    assert [place.path for place in found] == [path for path, _ in values(tree)]
    decoder = json.JSONDecoder()
    for place, (path, value) in zip(found, values(tree), strict=True):
        assert decoder.raw_decode(text, place.value)[0] == value
        if path and isinstance(path[-1], str):
            assert json.loads(text[place.key : place.key_end]) == path[-1]
        else:
            assert place.key == -1


def test_a_key_that_stands_twice_is_found_twice():
    assert [p.path for p in places('{"a": 1, "a": {"b": 2}}')] == [(), ("a",), ("a",), ("a", "b")]


def test_lines_and_columns_count_from_one():
    text = "ab\ncd\n"
    assert [line_and_column(text, offset) for offset in (0, 1, 3, 4)] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert line_of(text, 2) == "cd"
    assert line_of("x" * 401, 1) == "", "too long to be shown"


def test_a_path_reads_as_people_write_it():
    assert dotted(("nodes", 0, "components", "caddy")) == "nodes[0].components.caddy"
    assert dotted(()) == ""
