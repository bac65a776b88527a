"""Makes an input smaller for as long as it does the same: pieces are left out, large ones first."""

from __future__ import annotations

from collections.abc import Callable

MOST_TRIES = 400


def smaller(raw: bytes, same: Callable[[bytes], bool]) -> bytes:
    size, tries = max(1, len(raw) // 2), 0
    while tries < MOST_TRIES:
        at = 0
        while at < len(raw) and tries < MOST_TRIES:
            shorter = raw[:at] + raw[at + size :]
            tries += 1
            if same(shorter):
                raw = shorter
            else:
                at += size
        if size == 1:
            break
        size = max(1, size // 2)
    return raw
