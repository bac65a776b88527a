"""Text that fits: widths, shortening, wrapping, columns and colour for every screen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

Role = Literal["add", "change", "destroy", "drift", "good", "bad", "head", "dim"]

_SGR: dict[Role, str] = {
    "add": "32",
    "change": "33",
    "destroy": "31",
    "drift": "35",
    "good": "32",
    "bad": "31",
    "head": "1",
    "dim": "2",
}


def paint(text: str, role: Role, color: bool) -> str:
    """`text` in the colour of its role. Colour is added last, after everything was measured."""
    return f"\x1b[{_SGR[role]}m{text}\x1b[0m" if color and text else text


def clean(text: str) -> str:
    """`text` without anything that a terminal could obey: what nodes and vendors say is data.

    Control and formatting characters (also escape sequences and bidirectional overrides) go, tabs
    become blanks, other line ends become newlines.
    """
    if text.isascii() and text.isprintable():
        return text
    spaced = _without_sequences(text).replace("\r\n", "\n").replace("\t", "    ")
    return "".join(c for c in spaced if c == "\n" or unicodedata.category(c) not in _UNSAFE)


_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def _without_sequences(text: str) -> str:
    """Drops whole escape sequences, so that no `[31m` is left over from a colour."""
    if "\x1b" not in text and "\x9b" not in text:
        return text
    kept: list[str] = []
    position, end = 0, len(text)
    while position < end:
        char = text[position]
        if char not in "\x1b\x9b":
            kept.append(char)
            position += 1
            continue
        position += 1
        opener = "[" if char == "\x9b" else text[position : position + 1]
        if char == "\x1b":
            position += 1
        if opener == "[":
            while position < end and not "\x40" <= text[position] <= "\x7e":
                position += 1
            position += 1
        elif opener in ("]", "P", "X", "^", "_") and opener:
            while position < end and text[position] not in "\x07\x1b\x9c\n":
                position += 1
            if text[position : position + 2] == "\x1b\\":
                position += 2
            elif position < end and text[position] in "\x07\x9c":
                position += 1
    return "".join(kept)


def one_line(text: str) -> str:
    """`text` cleaned and on one line."""
    return " ".join(clean(text).split())


def cells(text: str) -> int:
    """How many columns `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(char) for char in text)


def _cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` columns; what does not fit is left out of its middle."""
    if cells(text) <= width:
        return text
    if width <= 1:
        return "…"[: max(width, 0)]
    tail = (width - 1) // 2
    return take(text, width - 1 - tail) + "…" + take(text[::-1], tail)[::-1]


def take(text: str, width: int) -> str:
    """As much of the beginning of `text` as goes into `width` columns."""
    taken: list[str] = []
    for char in text:
        width -= _cells_of(char)
        if width < 0:
            break
        taken.append(char)
    return "".join(taken)


def wrap(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """`text`, cleaned, in lines of at most `width` columns; words longer than a line are cut, not lost."""
    lines: list[str] = []
    current, empty = first, True
    for word in clean(text).split():
        while True:
            glue = "" if empty else " "
            if cells(current) + len(glue) + cells(word) <= width:
                current, empty = current + glue + word, False
                break
            if not empty:
                lines.append(current.rstrip())
                current, empty = rest, True
                continue
            room = max(width - cells(current), 1)
            piece = take(word, room) or word[0]
            lines.append(current + piece)
            current, word = rest, word[len(piece) :]
            if not word:
                break
    if not empty or not lines:
        lines.append(current.rstrip())
    return [line for line in lines if line] or [""]


def join_wrapped(parts: Sequence[str], width: int, *, first: str, glue: str = " · ") -> list[str]:
    """Parts joined by `glue`; a part that does not fit goes below, under where the first one began."""
    rest = " " * cells(first)
    lines: list[str] = []
    current, empty = first, True
    for part in map(one_line, parts):
        joined = current + ("" if empty else glue) + part
        if cells(joined) <= width:
            current, empty = joined, False
            continue
        if not empty:
            lines.append(current)
            current = rest
        *full, current = wrap(part, width, first=current, rest=rest)
        lines += full
        empty = False
    return [*lines, current.rstrip()]


def pad(text: str, width: int) -> str:
    """`text` filled up with blanks to `width` columns."""
    return text + " " * max(width - cells(text), 0)


def columns(rows: Sequence[Sequence[str]], width: int, *, gap: int = 2, indent: str = "") -> list[str]:
    """Rows as aligned columns in at most `width`: the widest column gives way first, from its middle.
    Cells are cleaned."""
    if not rows:
        return []
    count = max(len(row) for row in rows)
    full = [[*map(one_line, row), *[""] * (count - len(row))] for row in rows]
    wide = [max(cells(row[index]) for row in full) for index in range(count)]
    room = width - cells(indent) - gap * (count - 1)
    while sum(wide) > room and max(wide) > 4:
        wide[wide.index(max(wide))] -= 1
    return [
        indent
        + (" " * gap)
        .join(pad(shorten(cell, wide[index]), wide[index]) for index, cell in enumerate(row))
        .rstrip()
        for row in full
    ]


def listing(names: Iterable[str], limit: int = 3) -> str:
    """Names for people: all of them up to `limit`, else the first ones and how many more there are."""
    known = list(names)
    if len(known) <= limit:
        return ", ".join(known)
    return f"{', '.join(known[: limit - 1])} and {len(known) - limit + 1} more"


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 node``, ``3 nodes``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
