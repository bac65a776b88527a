"""Changes bytes a little: pieces put in, taken out, doubled, moved, cut off; lines as wholes too."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.chance import Chance, pick
from tests.fuzz.odd import PIECES, RAW

_PIECES = tuple(piece.encode("utf-8", "surrogatepass") for piece in PIECES) + RAW
MOST = 2_000_000


def mutated(raw: bytes, others: Sequence[bytes], chance: Chance) -> bytes:
    """`raw` after one to four changes; `others` are what parts may be taken from."""
    for _ in range(1 + chance.below(4)):
        raw = _changed(raw, others, chance)
    return raw[:MOST]


def _changed(raw: bytes, others: Sequence[bytes], chance: Chance) -> bytes:
    size = len(raw)
    at = chance.below(size + 1)
    match chance.below(14):
        case 0 | 1:
            return raw[:at] + pick(chance, _PIECES) + raw[at:]
        case 2:
            return raw[:at] + raw[at + 1 + chance.below(12) :]
        case 3 | 4:
            return raw[:at] + pick(chance, _PIECES) + raw[at + 1 + chance.below(8) :]
        case 5:
            begin = chance.below(size + 1)
            return raw[:at] + raw[begin : begin + 1 + chance.below(60)] + raw[at:]
        case 6:
            return raw[:at]
        case 7:
            return raw[:at] + bytes((raw[at] ^ (1 << chance.below(8)),)) + raw[at + 1 :] if at < size else raw
        case 8:
            other = pick(chance, others) if others else raw
            begin = chance.below(len(other) + 1)
            return raw[:at] + other[begin : begin + 1 + chance.below(200)] + raw[at:]
        case 9:
            return _lines(raw, chance)
        case 10:
            return raw[:at] + raw[at : at + 1 + chance.below(20)] * (2 + chance.below(50)) + raw[at:]
        case 11:
            opened = pick(chance, (b"[", b"{", b'{"a":', b"- ", b"{{#services}}", b"${A:-", b"("))
            return raw[:at] + opened * pick(chance, (2, 40, 60, 200, 3000)) + raw[at:]
        case 12:
            return raw[:at] + bytes((chance.below(256),)) + raw[at + 1 :]
        case _:
            digits = [n for n in range(size) if 48 <= raw[n] <= 57]
            if not digits:
                return raw
            at = pick(chance, digits)
            number = pick(
                chance, (b"-1", b"0", b"99999999999999999999", b"1e9", b"4294967296", b"9" * 5000, b"00")
            )
            return raw[:at] + number + raw[at + 1 :]


def _lines(raw: bytes, chance: Chance) -> bytes:
    """One line left out, doubled, moved, or indented otherwise."""
    lines = raw.split(b"\n")
    at = chance.below(len(lines))
    line = lines[at]
    match chance.below(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, line)
        case 2:
            del lines[at]
            lines.insert(chance.below(len(lines) + 1), line)
        case 3:
            lines[at] = b"  " + line
        case _:
            lines[at] = line.lstrip()
    return b"\n".join(lines)
