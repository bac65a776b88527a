"""Where in a JSON text the value of a key path stands, for messages. Only read when something is wrong."""

from __future__ import annotations

import functools
import json
import re

from dynia.interfaces.shape import Shape

KeyPath = tuple[str | int, ...]

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR = re.compile(r"[^\s,\]}]+")


class Place(Shape):
    """A value and, inside an object, its key, as offsets. `end` is one past the value's first token."""

    path: KeyPath
    value: int
    end: int
    key: int = -1
    key_end: int = -1


def places(text: str) -> list[Place]:
    """Every value of a valid JSON text in the order in which it stands there (a repeated key: both)."""
    found: list[Place] = []
    # One entry for each open object or list: its path, and the index in a list (None in an object).
    open_: list[tuple[KeyPath, int | None]] = []
    path: KeyPath = ()
    key = key_end = -1
    at = _skip(text, 0)
    while at < len(text):
        mark = text[at]
        if mark in "]}":
            open_.pop()
            at = _skip(text, at + 1)
            continue
        if mark == ",":
            at = _skip(text, at + 1)
        if open_:
            base, index = open_[-1]
            if index is None:
                name = _match(_STRING, text, at)
                key, key_end = at, at + len(name)
                path = (*base, str(json.loads(name)))
                at = _skip(text, _skip(text, key_end) + 1)
            else:
                key = key_end = -1
                path = (*base, index)
                open_[-1] = (base, index + 1)
        mark = text[at]
        if mark in "[{":
            found.append(Place(path=path, value=at, end=at + 1, key=key, key_end=key_end))
            open_.append((path, 0 if mark == "[" else None))
            at = _skip(text, at + 1)
            if text[at] in "]}":
                continue
        else:
            token = _match(_STRING if mark == '"' else _SCALAR, text, at)
            found.append(Place(path=path, value=at, end=at + len(token), key=key, key_end=key_end))
            at = _skip(text, at + len(token))
    return found


@functools.lru_cache(maxsize=1)
def by_path(text: str) -> dict[KeyPath, Place]:
    """`places` by path; of a key that stands twice its last one, which is what every parser takes.

    Kept for the next mistake in the same text: a file may have as many as it has lines."""
    return {place.path: place for place in places(text)}


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Both count from 1."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def line_of(text: str, number: int, limit: int = 400) -> str:
    """The line with this number, or nothing where it is too long to be shown."""
    lines = text.splitlines()
    line = lines[number - 1] if 0 < number <= len(lines) else ""
    return line if len(line) <= limit else ""


def dotted(path: KeyPath) -> str:
    """``("nodes", 0, "port")`` as ``nodes[0].port``."""
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return shown.removeprefix(".")


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _match(pattern: re.Pattern[str], text: str, at: int) -> str:
    found = pattern.match(text, at)
    if found is None:  # pragma: no cover (the text was parsed before)
        raise ValueError(f"not JSON at {at}")
    return found.group()
