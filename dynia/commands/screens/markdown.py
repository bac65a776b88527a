"""Markdown for comments and issues: text that cannot break out of it, and a length that is kept."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from dynia.commands.screens.text import clean, count, one_line, shorten
from dynia.interfaces.shape import Shape

# GitHub takes 65,536 characters in a comment. The rest is for whoever adds a line of their own.
MOST = 65_000
_WORD, _LINES = 300, 400
_LEFT_OUT = 120


class Section(Shape):
    """Blocks below a heading. `lead` is there as long as anything is; of `blocks` as many as there is room
    for. With `summary` (HTML, from `summary`) they are folded away below it."""

    lead: str
    blocks: tuple[str, ...] = ()
    summary: str = ""


def marker(kind: str, cluster: str) -> str:
    """The first line, by which the text is found again: ``<!-- dynia:drift prod -->``."""
    return f"<!-- dynia:{kind} {re.sub('[^A-Za-z0-9._-]', '_', cluster).replace('--', '-_')} -->"


def code(text: str, most: int = _WORD) -> str:
    """Anything as a code span: in there no sign means anything, nobody is mentioned and nothing is linked.
    Not for cells of a table."""
    said = shorten(one_line(text), most)
    if not said:
        return "` `"
    fence = "`" * (_longest_run(said) + 1)
    pad = " " if said.startswith("`") or said.endswith("`") else ""
    return f"{fence}{pad}{said}{pad}{fence}"


def cell(text: str, most: int = _WORD) -> str:
    """As `code`, in a table: there a bar ends the cell even in code."""
    return code(text.replace("|", "¦"), most)


def summary(text: str, most: int = _WORD) -> str:
    """Anything as HTML, for a line such as that of `<summary>`. Code there too: nobody is mentioned."""
    return f"<code>{html.escape(shorten(one_line(text), most))}</code>"


def block(text: str, language: str = "", most: int = _LINES, wide: int = _WORD) -> str:
    """Lines as a fenced block, which nothing in them can end; of more than `most` lines the first ones."""
    lines = [shorten(line, wide) for line in clean(text).replace("\r", "").split("\n")]
    if len(lines) > most:
        lines = [*lines[:most], f"({count(len(lines) - most, 'line')} left out)"]
    fence = "`" * max(3, max(map(_longest_run, lines), default=0) + 1)
    return "\n".join([f"{fence}{language}", *lines, fence])


def fitted(head: str, sections: Sequence[Section], foot: str = "", most: int = MOST) -> str:
    """All of it in at most `most` characters. What there is no room for is left out whole, block by block
    from the end of each section, and each says how many. Earlier sections come first."""
    room = most - _size(head) - _size(foot) - _LEFT_OUT - 8
    kept: list[Section] = []
    for section in sections:
        frame = _size(_shown(section, (), len(section.blocks))) + 2
        if frame > room:
            break
        room -= frame
        kept.append(section)
    shown: list[str] = []
    for section in kept:
        taken: list[str] = []
        for one in section.blocks:
            if _size(one) + 2 > room:
                break
            room -= _size(one) + 2
            taken.append(one)
        shown.append(_shown(section, taken, len(section.blocks) - len(taken)))
    if len(kept) < len(sections):
        shown.append(f"*{count(len(sections) - len(kept), 'section')} left out: the text would be too long.*")
    return "\n\n".join(filter(None, (head, *shown, foot))) + "\n"


def _shown(section: Section, taken: Sequence[str], missing: int) -> str:
    parts = list(taken)
    if missing:
        parts.append(
            f"*{count(missing, 'more entry', 'more entries')} left out: the text would be too long.*"
        )
    if section.summary and parts:
        parts = [f"<details><summary>{section.summary}</summary>", *parts, "</details>"]
    return "\n\n".join(filter(None, (section.lead, *parts)))


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _size(text: str) -> int:
    """As the strictest counts: a sign beyond the first plane is two."""
    return len(text) + sum(char > "\uffff" for char in text)
