"""Edits of YAML: only what is meant changes, judged by ruamel's own reader and by a diff of the lines."""

from __future__ import annotations

import copy
import difflib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from dynia.interfaces.files.yaml_edit import CannotEdit, Drop, Edit, Put, edit
from tests.unit.files.odd_files import KEYS, odd_files


def done(text: str, *edits: Edit) -> str:
    return edit("clusters.yaml", text.encode(), edits).decode()


def meaning(text: str) -> Any:
    """What ruamel itself reads."""
    return YAML(typ="safe", pure=True).load(text)


def lost_and_new(before: str, after: str) -> tuple[list[str], list[str]]:
    """Lines that went and lines that came, with their line ends."""
    one, other = before.splitlines(keepends=True), after.splitlines(keepends=True)
    diff = list(difflib.ndiff(one, other))
    return [d[2:] for d in diff if d[0] == "-"], [d[2:] for d in diff if d[0] == "+"]


def mappings(tree: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(tree, dict):
        return []
    return [path, *(found for key, value in tree.items() for found in mappings(value, (*path, key)))]


def at(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


SERVICE = {"compose": "./a b.yaml", "domains": ["a.example.com"], "health": {"path": "/"}}
VALUES = st.sampled_from([5, True, "text", "a: b", "on", "1.10", "ü # x", SERVICE, {"count": 2}, ["a", "b"]])


@given(file=odd_files(), data=st.data(), value=VALUES)
def test_a_new_entry_is_added_and_nothing_else_changes(
    file: tuple[str, dict[str, Any]], data: st.DataObject, value: Any
) -> None:
    text, tree = file
    path = data.draw(st.sampled_from(mappings(tree)))
    after = done(text, Put(path=(*path, "added"), value=value))
    wanted = copy.deepcopy(tree)
    at(wanted, path)["added"] = value
    assert meaning(after) == wanted
    assert is_inside(text, after)
    # and taken out again, the file is what it was
    assert meaning(done(after, Drop(path=(*path, "added")))) == tree
    if at(tree, path):
        assert done(after, Drop(path=(*path, "added"))).replace(",", "") == text.replace(",", "")


def is_inside(before: str, after: str) -> bool:
    """Whether every line that was there is there still, in order; only one may have got longer, or lost `{}`."""
    lost, _ = lost_and_new(before, after)
    return len(lost) <= 1 and all(
        _characters(re.sub(r" *\{ *\}", "", line).rstrip("\r\n"), after) for line in lost
    )


def _characters(few: str, many: str) -> bool:
    rest = iter(many)
    return all(c in rest for c in few)


@given(file=odd_files(), data=st.data(), value=st.sampled_from([5, 12, True, "text", "a: b", "on", "it's"]))
def test_a_value_is_set_and_every_other_byte_stays(
    file: tuple[str, dict[str, Any]], data: st.DataObject, value: Any
) -> None:
    text, tree = file
    leaves = [
        (*path, key)
        for path in mappings(tree)
        for key, each in at(tree, path).items()
        if not isinstance(each, dict | list)
    ]
    if not leaves:
        return
    path = data.draw(st.sampled_from(leaves))
    after = done(text, Put(path=path, value=value))
    wanted = copy.deepcopy(tree)
    at(wanted, path[:-1])[path[-1]] = value
    assert meaning(after) == wanted
    same = len(_prefix(text, after))
    tail = len(_prefix(text[same:][::-1], after[same:][::-1]))
    longest = max(len(repr(at(tree, path))) + 2, len("False"))
    assert len(text) - same - tail <= longest
    assert len(lost_and_new(text, after)[0]) <= 1


def _prefix(one: str, other: str) -> str:
    length = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return one[: min(len(one), len(other)) if length is None else length]


@given(file=odd_files(), data=st.data())
def test_an_entry_is_taken_out_and_no_other_line_changes(
    file: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    text, tree = file
    entries = [(*path, key) for path in mappings(tree) for key in at(tree, path) if path or len(tree) > 1]
    if not entries:
        return
    path = data.draw(st.sampled_from(entries))
    after = done(text, Drop(path=path))
    wanted = copy.deepcopy(tree)
    del at(wanted, path[:-1])[path[-1]]
    assert meaning(after) == wanted
    assert _characters(after.replace(" {}", "").replace("{}", ""), text), (
        "something was written that was not there"
    )


@given(
    file=odd_files(),
    key=KEYS,
    items=st.lists(st.sampled_from(["a.b", "c.d", "e.f", "g"]), unique=True, min_size=1),
)
def test_a_list_becomes_another_list(file: tuple[str, dict[str, Any]], key: str, items: list[str]) -> None:
    text, tree = file
    if not isinstance(tree.get(key), list):
        return
    try:
        after = done(text, Put(path=(key,), value=items))
    except CannotEdit:  # comments inside of it would be lost, or an item is nothing at all
        return
    assert meaning(after) == {**tree, key: items}


FILE = """\
# ours; ask before you change it
clusters:
      prod:   # the real one
            provider: {kind: docker}
            nodes: { count: 3 }   # three is enough

            services:
               api:        # the public one
                  compose: './api/compose.yaml'
                  domains:
                  - api.example.com    # old
                  - www.example.com
                  # more to come

               # mail
               mailer: {compose: mailer.yaml, kind: worker}
            # the end of prod

      staging: {provider: {kind: docker}, nodes: {count: 1}}
"""
API = ("clusters", "prod", "services", "api")


def check_lines(before: str, after: str, lost: list[str], new: list[str]) -> None:
    went, came = lost_and_new(before, after)
    assert ([line.rstrip("\r\n") for line in went], [line.rstrip("\r\n") for line in came]) == (lost, new)


@pytest.mark.parametrize("feed", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("wanted", "lost", "new"),
    [
        (
            Put(path=("clusters", "prod", "nodes", "count"), value=4),
            ["            nodes: { count: 3 }   # three is enough"],
            ["            nodes: { count: 4 }   # three is enough"],
        ),
        (
            Put(path=(*API, "compose"), value="./b.yaml"),
            ["                  compose: './api/compose.yaml'"],
            ["                  compose: './b.yaml'"],
        ),
        (
            Put(path=(*API[:-1], "web"), value={"compose": "./web.yaml", "domains": ["a.de"]}),
            [],
            ["               web:", "                  compose: ./web.yaml", "                  domains: [a.de]"],
        ),
        (
            Put(path=(*API, "health", "path"), value="/healthz"),
            [],
            ["                  health: {path: /healthz}"],
        ),
        (
            Put(path=(*API, "domains"), value=["api.example.com", "www.example.com", "new.example.com"]),
            [],
            ["                  - new.example.com"],
        ),
        (
            Put(path=(*API, "domains"), value=["www.example.com", "new.example.com"]),
            ["                  - api.example.com    # old"],
            ["                  - new.example.com"],
        ),
        (
            Drop(path=(*API[:-1], "mailer")),
            ["               mailer: {compose: mailer.yaml, kind: worker}"],
            [],
        ),
        (
            Put(path=("clusters", "new"), value={"provider": {"kind": "docker"}, "nodes": {"count": 2}}),
            [],
            ["      new:", "            provider: {kind: docker}", "            nodes: {count: 2}"],
        ),
        (
            Put(path=("clusters", "staging", "services", "web"), value={"compose": "./w", "domains": ["a.de"]}),
            ["      staging: {provider: {kind: docker}, nodes: {count: 1}}"],
            [
                "      staging: {provider: {kind: docker}, nodes: {count: 1}, "
                "services: {web: {compose: ./w, domains: [a.de]}}}"
            ],
        ),
    ],
)  # fmt: skip
def test_only_the_lines_that_mean_something_change(
    feed: str, wanted: Edit, lost: list[str], new: list[str]
) -> None:
    text = FILE.replace("\n", feed)
    after = done(text, wanted)
    check_lines(text, after, lost, new)
    assert after.count("\r") == (after.count("\n") if feed == "\r\n" else 0)


def test_the_last_service_goes_and_comes_back_where_it_stood() -> None:
    text = "clusters:\n  a:\n    services:   # all of them\n      web:\n        compose: ./w\n\n# end\n"
    without = done(text, Drop(path=("clusters", "a", "services", "web")))
    assert without == "clusters:\n  a:\n    services: {}   # all of them\n\n# end\n"
    # two columns for a level, for want of anything that says otherwise
    put = Put(path=("clusters", "a", "services", "web"), value={"compose": "./w", "x": ["z"]})
    assert done(without, put) == text.replace("./w\n", "./w\n        x: [z]\n")


def test_a_comment_stays_behind_its_entry_when_a_flow_mapping_grows() -> None:
    text = "services: {\n  a: 1, # one\n  b: 2  # two\n}\n"
    assert done(text, Put(path=("services", "c"), value=3)) == (
        "services: {\n  a: 1, # one\n  b: 2,  # two\n  c: 3\n}\n"
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # shared: the other cluster would change as well
        ("x: &n {count: 3}\na: {nodes: *n}\n", Put(path=("a", "nodes", "count"), value=4)),
        ("a: {nodes: &n {count: 3}}\nb: {nodes: *n}\n", Put(path=("a", "nodes", "count"), value=4)),
        ("x: &s {services: {api: {c: 1}}}\na: {<<: *s}\n", Put(path=("a", "services", "web"), value=1)),
        ("x: &s {services: {api: {c: 1}}}\na: {<<: *s}\n", Drop(path=("a", "services", "api"))),
        # rare forms
        ("? a\n: b: 1\n", Drop(path=("a", "b"))),
        ("a: 1\na: 2\n", Put(path=("b",), value=1)),
        ("- a\n", Put(path=("b",), value=1)),
        ("a: [\n", Put(path=("b",), value=1)),
        ("a: 1\n", Drop(path=("a",))),
        ("a: 1\n", Put(path=("a", "b"), value=1)),
    ],
)  # fmt: skip
def test_what_is_not_sure_is_not_done_and_the_lines_are_said(text: str, wanted: Edit) -> None:
    with pytest.raises(CannotEdit) as caught:
        done(text, wanted)
    assert caught.value.lines
    assert all(line in caught.value.message for line in caught.value.lines)


def test_an_alias_that_nobody_else_needs_gives_way_to_the_value() -> None:
    assert done("x: &n 3\na: {count: *n} # c\n", Put(path=("a", "count"), value=4)) == (
        "x: &n 3\na: {count: 4} # c\n"
    )


def test_an_own_value_wins_over_a_merged_one() -> None:
    text = "x: &s {image: a}\na:\n  <<: *s # shared\n"
    assert done(text, Put(path=("a", "image"), value="b")) == text + "  image: b\n"


def test_a_block_text_is_replaced_with_all_of_its_lines() -> None:
    assert done("a: >-  # c\n  x\n  y\n\nb: 1", Put(path=("a",), value="z")) == "a: z\n\nb: 1"
    assert done("a: |+\n  x\n\nb: 1", Put(path=("c",), value=2)) == "a: |+\n  x\n\nb: 1\nc: 2"


def test_a_mark_of_byte_order_stays() -> None:
    assert edit("f", b"\xef\xbb\xbfa: 1\r\n", (Put(path=("a",), value=2),)) == b"\xef\xbb\xbfa: 2\r\n"


def test_a_file_of_comments_gets_its_first_entry() -> None:
    assert done("# mine", Put(path=("a", "b"), value={"c": {"d": 1}})) == "# mine\na:\n  b:\n    c: {d: 1}\n"


def test_nothing_to_change_changes_nothing() -> None:
    for wanted in (
        Put(path=(*API, "compose"), value="./api/compose.yaml"),
        Drop(path=("clusters", "x", "y")),
    ):
        assert done(FILE, wanted) == FILE
