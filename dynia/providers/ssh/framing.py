"""How a node's answer is cut into sections of tokens, and how its text is made harmless."""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

Sections = dict[str, list[bytes]]


def sections(raw: bytes) -> Sections:
    """Tokens by section. A section that comes twice keeps its first tokens; what is cut off is dropped."""
    found: Sections = {}
    current: list[bytes] = []
    for token in raw.split(b"\0")[:-1]:
        if token.startswith(b"\x01"):
            current = []
            found.setdefault(token[1:].decode("ascii", "replace"), current)
        else:
            current.append(token)
    return found


def records(tokens: list[bytes], width: int) -> tuple[list[list[bytes]], bool]:
    """Groups of `width` tokens that each end with the mark ``.``, and whether nothing was cut off."""
    if tokens and tokens[-1] == b"":
        tokens = tokens[:-1]
    groups = [tokens[at : at + width] for at in range(0, len(tokens), width)]
    whole = [group for group in groups if len(group) == width and group[-1] == b"."]
    return whole, len(whole) == len(groups)


def token(found: Sections, section: str, index: int) -> bytes:
    """One token, or nothing."""
    tokens = found.get(section, [])
    return tokens[index] if index < len(tokens) else b""


def line(raw: bytes, limit: int = 500) -> str:
    """One harmless line."""
    return text(raw, limit).replace("\n", " ").replace("\t", " ").strip()


def text(raw: bytes, limit: int = 10_000) -> str:
    """Harmless text: no escape sequence and no control character but newline and tab."""
    shown = raw[-limit * 4 :].decode("utf-8", "replace").replace("\r\n", "\n")
    return _CONTROLS.sub("", _ESCAPES.sub("", shown))[-limit:]


def path_text(raw: bytes) -> str:
    """A path as one harmless word of text: what can't be shown is written as ``\\x1b``."""
    shown = raw.decode("utf-8", "backslashreplace").replace("\n", "\\x0a").replace("\t", "\\x09")
    return _CONTROLS.sub(lambda found: f"\\x{ord(found.group()):02x}", shown)


def number(raw: bytes, *, base: int = 10, most: int = 2**63 - 1) -> int:
    """A natural number, or 0 for anything else."""
    digits = raw.split(b".")[0].strip()
    allowed = b"01234567" if base == 8 else b"0123456789"
    if not digits or len(digits) > 22 or digits.translate(None, allowed):
        return 0
    return min(int(digits, base), most)
