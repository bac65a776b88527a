"""Mistakes in the state's files, each with file, line, column and key path."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import msgspec

from dynia.interfaces.errors import Mistake
from dynia.state import positions
from dynia.state.refused import hint_for

_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_EXPECTED = re.compile(r"Expected `(.*)`, got `(.*)`")
_PART = re.compile(r"\.([A-Za-z0-9_]+)|\[([0-9]+)\]|\[(\.\.\.)\]")
# Escapes from left to right, so that `\\\\ud800` is a backslash and a word; two halves are one character.
_HALVES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
_WORDS = {
    "int": "a whole number", "float": "a number", "str": "text", "bool": "true or false",
    "null": "null", "array": "a list", "object": "an object",
}  # fmt: skip


def plain(path: Path, rule: str, message: str, *, hint: str = "") -> Mistake:
    """A mistake of the file as a whole."""
    return Mistake(file=str(path), line=1, column=1, key="", message=message, hint=hint, rule=rule)


def no_folder(path: Path) -> Mistake:
    return plain(path, "not-a-folder", "the journal's folder should be here, and this is none")


def lost_snapshot(path: Path) -> Mistake:
    return plain(
        path, "lost-snapshot", "this file is missing, but its journal is still there",
        hint="restore it from a backup; without one, move .dynia aside and run `dynia state rebuild`",
    )  # fmt: skip


def unreadable(path: Path, error: OSError, limit: int) -> Mistake:
    """Why a file could not be read at all."""
    if error.errno == errno.EFBIG:
        return plain(path, "too-large", f"this file is larger than {limit // 2**20} MiB")
    if error.errno in (errno.EISDIR, errno.EINVAL, errno.ENXIO):
        return plain(path, "not-a-file", "this is not a regular file")
    message = f"this file can't be read: {(error.strerror or str(error)).lower()}"
    return plain(path, "unreadable", message, hint=hint_for(error))


def at(
    path: Path,
    text: str,
    key: positions.KeyPath,
    message: str,
    *,
    rule: str,
    hint: str = "",
    on_key: bool = False,
) -> Mistake:
    """A mistake of one value, or of its key. What is missing is shown at the object that it is missing in."""
    found = positions.by_path(text)
    shown = key
    while shown and shown not in found:
        shown = shown[:-1]
    place = found[shown]
    on_key = on_key and place.key >= 0 and shown == key
    start, end = (place.key, place.key_end) if on_key else (place.value, place.end)
    line, column = positions.line_and_column(text, start)
    return Mistake(
        file=str(path), line=line, column=column, key=positions.dotted(key), message=message,
        text=positions.line_of(text, line), width=max(1, end - start), hint=hint, rule=rule,
    )  # fmt: skip


def syntax(path: Path, text: str, error: json.JSONDecodeError) -> Mistake:
    """Not JSON: where the parser gave up."""
    return Mistake(
        file=str(path), line=error.lineno, column=error.colno, key="",
        message=f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}",
        text=positions.line_of(text, error.lineno), rule="not-json",
    )  # fmt: skip


def unreadable_number(path: Path) -> Mistake:
    return plain(path, "not-json", "not JSON that can be read: a number has thousands of digits")


def half_character(path: Path, text: str) -> Mistake | None:
    """An escape like ``\\ud800`` alone: half of a character, which nothing can be written with."""
    for found in _HALVES.finditer(text):
        if found.lastgroup == "half":
            line, column = positions.line_and_column(text, found.start())
            message = f"{found.group()} is half a character"
            return Mistake(
                file=str(path), line=line, column=column, key="", message=message,
                text=positions.line_of(text, line), width=len(found.group()), rule="not-utf8",
            )  # fmt: skip
    return None


def repeated_keys(path: Path, text: str) -> tuple[Mistake, ...]:
    """Every key that its object has already."""
    seen: set[positions.KeyPath] = set()
    twins: dict[positions.KeyPath, None] = {}
    for place in positions.places(text):
        if place.path in seen and not any(place.path[:n] in twins for n in range(len(place.path))):
            twins[place.path] = None
        seen.add(place.path)
    return tuple(
        at(path, text, key, f"{key[-1]} is here twice", rule="duplicate-key", on_key=True) for key in twins
    )


def newer(path: Path, text: str, key: positions.KeyPath, version: int) -> Mistake:
    return at(
        path, text, key, f"version {version} was written by a newer Dynia", rule="newer-version",
        hint="upgrade Dynia; an older one would not understand what it keeps",
    )  # fmt: skip


def tree_of(text: str) -> object:
    """A JSON text, as far as it can be read: nothing where a number in it is too long or it is too deep."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def of_shape(
    path: Path, text: str, tree: object, error: msgspec.ValidationError, *, base: positions.KeyPath = ()
) -> Mistake:
    """What msgspec says of a tree, in words and at its place. `tree` is the whole text's."""
    said, _, where = str(error).partition(" - at `")
    key = (*base, *_key_path(where.rstrip("`"), tree, base))
    if unknown := _UNKNOWN.fullmatch(said):
        name = unknown.group(1)
        return at(path, text, (*key, name), f"unknown key {name}", rule="unknown-key", on_key=True)
    if missing := _MISSING.fullmatch(said):
        name = missing.group(1)
        return at(path, text, (*key, name), f"{name} is missing", rule="missing-key")
    if expected := _EXPECTED.fullmatch(said):
        wanted = " or ".join(_WORDS.get(w, w) for w in expected.group(1).split(" | "))
        got = _WORDS.get(expected.group(2), expected.group(2))
        return at(path, text, key, f"expected {wanted}, found {got}", rule="wrong-type")
    return at(path, text, key, said[:1].lower() + said[1:], rule="wrong-value")


def _key_path(where: str, tree: object, base: positions.KeyPath) -> positions.KeyPath:
    """msgspec's ``$.nodes[0].components[...]`` as a path; ``[...]`` is the first entry that is no text."""
    for part in base:
        tree = _inside(tree, part)
    path: list[str | int] = []
    for name, index, some in _PART.findall(where):
        part = name or (int(index) if index else "")
        if some and isinstance(tree, dict):
            part = next((k for k, v in tree.items() if not isinstance(v, str)), "")
        path.append(part)
        tree = _inside(tree, part)
    return tuple(path)


def _inside(tree: object, part: str | int) -> object:
    if isinstance(tree, dict):
        return tree.get(part)
    return tree[part] if isinstance(tree, list) and isinstance(part, int) else None
