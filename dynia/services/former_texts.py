"""Reads what changed files say now, from one node each, so that a plan can show what goes and what comes."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.node_requests import ExecRequest
from dynia.services.connections import Connections
from dynia.services.planning.former import Wanted

READ_S = 10.0
MOST = 131_072
_SCRIPT = f'for path; do head -c {MOST} -- "$path" | base64 -w 0 || :; echo; done'


async def former_texts(connections: Connections, wanted: Wanted) -> dict[str, str]:
    """Texts by digest. A node that does not answer, a file that is too large or no text: it is not in here,
    and the plan says that it is not known."""
    found = await asyncio.gather(*(_of(connections, name, paths) for name, paths in wanted.items()))
    return {digest: text for texts in found for digest, text in texts.items()}


async def _of(connections: Connections, name: str, paths: tuple[str, ...]) -> dict[str, str]:
    try:
        connection = await connections.get(name)
        done = await connection.exec(ExecRequest(argv=("sh", "-c", _SCRIPT, "sh", *paths), deadline_s=READ_S))
    except DyniaError:
        return {}
    texts = {}
    for line in done.stdout.splitlines():
        try:
            content = base64.b64decode(line, validate=True)
            texts[f"sha256:{hashlib.sha256(content).hexdigest()}"] = content.decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return texts
