"""What others say stays text in Markdown, and the whole stays as short as a comment may be."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from dynia.commands.screens.markdown import (
    Section,
    block,
    cell,
    code,
    fitted,
    marker,
    summary,
)
from dynia.commands.screens.text import clean, one_line

HOSTILE = (
    "`",
    "```",
    "\n```\n",
    "\n`````\n",
    "~~~",
    "|",
    "\\|",
    "</details>",
    "<details>",
    "<!--",
    "-->",
    "@root",
    "#1",
    "GH-1",
    "[a](http://b)",
    "![a](http://b)",
    "<img src=x>",
    "**",
    "_",
    "&lt;",
    "\n",
    "\n\n",
    "# ",
    "- ",
    "\U0001f600",
    "www.a.example",
    "\x1b[31m",
)
TEXT = st.lists(
    st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=("Cs",)), max_size=8), max_size=12
).map("".join)
READER = MarkdownIt("commonmark").enable("table")


def inline(source: str) -> list[Token]:
    return [child for token in READER.parse(source) for child in token.children or ()]


@given(TEXT)
def test_whatever_is_said_is_one_piece_of_code_and_all_of_it(text: str) -> None:
    found = inline(f"- drift {code(text)} end")
    assert [token.type for token in found] == ["text", "code_inline", "text"]
    assert found[1].content.strip() == one_line(text)


@given(TEXT)
def test_a_cell_of_a_table_stays_one_cell(text: str) -> None:
    rows = READER.parse(f"| a | b |\n|---|---|\n| {cell(text)} | end |\n")
    cells = [rows[n + 1] for n, token in enumerate(rows) if token.type == "td_open"]
    assert len(cells) == 2
    assert [child.type for child in cells[0].children or ()] == ["code_inline"]
    assert cells[1].content == "end"


@given(TEXT)
def test_a_summary_opens_and_closes_nothing_but_its_code(text: str) -> None:
    said = summary(text)
    assert re.findall("<[^>]*>", said) == ["<code>", "</code>"]
    assert html.unescape(said[len("<code>") : -len("</code>")]) == one_line(text)
    assert "\n" not in said


@given(TEXT)
def test_nothing_ends_a_block_but_its_own_end(text: str) -> None:
    first, after = READER.parse(f"{block(text, 'diff')}\n\nafter\n")[0:2]
    assert (first.type, after.type) == ("fence", "paragraph_open")
    assert first.content.rstrip("\n") == clean(text).rstrip("\n")


def test_of_a_long_block_it_is_said_how_much_is_left_out() -> None:
    shown = block("\n".join("line" for _ in range(30)), most=10)
    assert shown.splitlines()[-2:] == ["(20 lines left out)", "```"]


def test_a_long_word_is_cut_in_its_middle() -> None:
    assert len(code("x" * 10_000)) < 400
    assert len(summary("<" * 10_000)) < 2000


def test_the_marker_is_stable_and_cannot_be_left() -> None:
    assert marker("drift", "prod") == "<!-- dynia:drift prod -->"
    assert marker("plan", "a --> b").count("-->") == 1


BLOCKS = st.lists(TEXT.map(lambda text: f"- {code(text)}"), max_size=20)
SECTIONS = st.lists(
    st.builds(
        Section,
        lead=st.just("## Drift"),
        blocks=BLOCKS.map(tuple),
        summary=st.sampled_from(["", "more"]),
    ),
    max_size=6,
)


@given(SECTIONS, st.integers(400, 3000))
def test_it_is_never_longer_and_says_what_it_left_out(sections: list[Section], most: int) -> None:
    made = fitted("<!-- head -->", sections, "foot", most)
    assert len(made.encode("utf-16-le")) // 2 <= most
    assert made.startswith("<!-- head -->\n") and made.endswith("foot\n")
    tags = "".join(token.content for token in READER.parse(made) if token.type == "html_block")
    assert tags.count("<details>") == tags.count("</details>")
    everything = all(one in made for section in sections for one in section.blocks)
    assert everything or "left out" in made


def test_what_has_no_room_is_counted_and_earlier_sections_come_first() -> None:
    many = tuple(f"- entry {number:03}" for number in range(100))
    sections = [Section(lead="## One", blocks=many[:5]), Section(lead="## Two", blocks=many, summary="100")]
    made = fitted("head", sections, "foot", 900)
    assert all(one in made for one in many[:5])
    kept = made.count("- entry") - 5
    assert 0 < kept < 100
    assert f"*{100 - kept} more entries left out: the text would be too long.*" in made
    assert "left out" not in fitted("head", sections, "foot")


def test_where_not_even_the_headings_fit_it_says_how_many_sections_are_missing() -> None:
    sections = [Section(lead=f"## Section {number} {'x' * 200}") for number in range(10)]
    made = fitted("head", sections, "foot", 900)
    kept = made.count("## Section")
    assert 0 < kept < 10
    assert f"*{10 - kept} sections left out: the text would be too long.*" in made
