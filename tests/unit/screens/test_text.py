"""Text always fits, loses nothing when it is wrapped, and carries nothing that a terminal obeys."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from dynia.commands.screens.layout import entries, on_nodes
from dynia.commands.screens.text import cells, clean, columns, join_wrapped, one_line, shorten, wrap
from dynia.interfaces.durations import span

WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=120)
WIDTHS = st.integers(min_value=20, max_value=160)


@given(WORDS)
def test_what_a_node_says_carries_no_control_character(text: str) -> None:
    cleaned = clean(text)
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf") for c in cleaned)
    assert "\n" not in one_line(text)


def test_an_escape_sequence_goes_whole() -> None:
    assert clean("a\x1b[31;1mred\x1b[0m b") == "ared b"
    assert clean("a\x1b]0;title\x07b") == "ab"
    assert clean("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b") == "alinkb"
    assert clean("a\x9b2Jb") == "ab"
    assert clean("over\rwritten") == "overwritten"


@given(WORDS, WIDTHS)
def test_a_shortened_text_fits_and_keeps_both_ends(text: str, width: int) -> None:
    text = one_line(text)
    short = shorten(text, width)
    assert cells(short) <= width
    if cells(text) <= width:
        assert short == text
    else:
        assert "…" in short
        assert cells(short) >= width - 2


@given(WORDS, WIDTHS)
def test_wrapping_fits_and_loses_nothing(text: str, width: int) -> None:
    text = one_line(text)
    lines = wrap(text, width, first="> ", rest="  ")
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(f"> {text}".split())


@given(st.lists(WORDS, max_size=6), WIDTHS)
def test_joined_parts_fit_and_lose_nothing(parts: list[str], width: int) -> None:
    parts = [part.replace("|", "") for part in map(one_line, parts)]
    lines = join_wrapped(parts, width, first="Effect  ", glue=" | ")
    assert all(cells(line) <= width for line in lines)
    kept = "".join("".join(lines).replace("|", "").split())
    assert kept == "".join("".join(["Effect", *parts]).split())


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=6), WIDTHS)
def test_entries_fit_and_lose_nothing(rows: list[tuple[str, str, str]], width: int) -> None:
    tidy = [tuple(one_line(text) for text in row) for row in rows]
    laid = entries([("  ~ ", row) for row in tidy], width)
    for row, lines in zip(tidy, laid, strict=True):
        assert all(cells(line) <= width for line in lines)
        assert "".join("".join(lines).split()) == "".join(f"~{''.join(row)}".split())


@given(st.lists(st.lists(WORDS, min_size=3, max_size=3), min_size=1, max_size=5), st.integers(40, 160))
def test_columns_fit(rows: list[list[str]], width: int) -> None:
    tidy = [[one_line(cell) for cell in row] for row in rows]
    assert all(cells(line) <= width for line in columns(tidy, width))


def test_many_nodes_are_a_number_with_the_exceptions_named() -> None:
    names = tuple(f"n{number}" for number in range(50))
    assert on_nodes(names, names, 50) == "on all 50 nodes"
    assert on_nodes(names[1:], names, 50) == "on 49 of 50 nodes, all but n0"
    assert on_nodes(names[:20], names, 50) == "on 20 of 50 nodes: n0, n1 and 18 more"
    assert on_nodes(("a", "b"), names, 50) == "on a, b"
    assert on_nodes(("a",), ("a",), 1) == "on a"


def test_durations_read_as_people_say_them() -> None:
    assert [span(s) for s in (0.4, 18, 99.9, 180, 3 * 3600, 12 * 86400)] == [
        "0 s",
        "18 s",
        "99 s",
        "3 min",
        "3 h",
        "12 d",
    ]
