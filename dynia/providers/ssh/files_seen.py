"""Files as a node's script listed them: one parser for observations and for the answers of pushes."""

from __future__ import annotations

import re
from typing import Literal

from dynia.interfaces.observed import FileSeen
from dynia.providers.ssh.framing import Sections, line, number, path_text, records

_HEX = re.compile(rb"[0-9a-f]{64}")
Kind = Literal["file", "dir", "link", "other"]
_KINDS: dict[bytes, Kind] = {b"f": "file", b"d": "dir", b"l": "link"}


def files_seen(found: Sections) -> tuple[tuple[FileSeen, ...], bool]:
    """Every listed path once, by path, with its digest; and whether the lists were whole."""
    rows, rows_whole = records(found.get("files", []), 7)
    digests, digests_whole = _plain_digests(found.get("hashes", []))
    digests |= keyed_digests(found, "secrets")
    files = {}
    for path_raw, kind, mode, owner, size, mtime, _ in rows:
        if not path_raw.startswith(b"/"):
            rows_whole = False
            continue
        path = path_text(path_raw)
        kind_word: Kind = _KINDS.get(kind, "other")
        files[path] = FileSeen(
            path=path,
            kind=kind_word,
            mode=number(mode, base=8, most=0o7777),
            owner=line(owner, 100),
            digest=digests.get(path, "") if kind_word == "file" else "",
            size=number(size),
            mtime=number(mtime),
        )
    return tuple(files[path] for path in sorted(files)), rows_whole and digests_whole


def keyed_digests(found: Sections, section: str) -> dict[str, str]:
    """``hmac:<hex>`` by path."""
    rows, _ = records(found.get(section, []), 3)
    return {path_text(path): f"hmac:{digest.decode()}" for path, digest, _ in rows if _HEX.fullmatch(digest)}


def _plain_digests(tokens: list[bytes]) -> tuple[dict[str, str], bool]:
    """What ``sha256sum -z`` printed: hash, two signs, path."""
    digests = {}
    whole = True
    for row in tokens:
        if not row:
            continue
        if _HEX.fullmatch(row[:64]) and row[64:67] == b"  /":
            digests[path_text(row[66:])] = f"sha256:{row[:64].decode()}"
        else:
            whole = False
    return digests, whole
