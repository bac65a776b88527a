"""JSON for programs: versioned documents (docs/json.md), safe to print on a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

VERSION = 1

_UNSAFE = re.compile("[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]")


def document(format: str, body: Mapping[str, object], *, one_line: bool = False) -> bytes:
    """One JSON object: ``{"format": "dynia.plan", "version": 1, ...}``; on one line among JSON lines."""
    whole = {"format": f"dynia.{format}", "version": VERSION, **body}
    return (
        line(whole) if one_line else _safe(msgspec.json.format(msgspec.json.encode(whole), indent=2)) + b"\n"
    )


def line(value: object) -> bytes:
    """One value on one line."""
    return _safe(msgspec.json.encode(value)) + b"\n"


def _safe(encoded: bytes) -> bytes:
    """The same JSON with what a terminal could obey written as an escape."""
    if encoded.isascii() and b"\x7f" not in encoded:
        return encoded
    return _UNSAFE.sub(lambda m: f"\\u{ord(m.group()):04x}", encoded.decode()).encode()
