"""Plain values as YAML text, in the style in which people write clusters.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from dynia.interfaces.files.yaml_scalars import plain_value

WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z0-9_./~]([A-Za-z0-9_./~@+:-]*[A-Za-z0-9_./~@+-])?")
# Text for Dynia, and truth values or days for every program that still reads YAML 1.1.
_DAY = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*")
_OLD_TRUTH = frozenset(("y", "n", "yes", "no", "on", "off"))


def scalar(value: object, quote: str = "") -> str:
    """One value. `quote` is how the text that it replaces was quoted: it stays so."""
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    text = str(value)
    if quote == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    safe = _PLAIN.fullmatch(text) and plain_value(text) == text and text.lower() not in _OLD_TRUTH
    safe = safe and not _DAY.fullmatch(text)
    return text if safe and not quote else json.dumps(text, ensure_ascii=False)


def flow(value: object) -> str:
    """A value on one line: ``{kind: docker}``, ``[a, b]``."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def block(key: str, value: object, indent: int, step: int) -> Iterator[str]:
    """The lines of one entry, `indent` columns in, each level below by `step` more."""
    line = " " * indent + f"{scalar(key)}: {flow(value)}"
    deep = isinstance(value, dict) and any(isinstance(each, dict | list) for each in value.values())
    if isinstance(value, dict) and value and (deep or len(line) > WIDTH):
        yield " " * indent + f"{scalar(key)}:"
        for below, each in value.items():
            yield from block(below, each, indent + step, step)
    else:
        yield line


def nested(path: tuple[str, ...], value: object) -> object:
    """``("a", "b")`` and v as ``{a: {b: v}}``."""
    for key in reversed(path):
        value = {key: value}
    return value
