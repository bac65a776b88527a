"""Ask the entry address from outside which node answers there, with a word that was never used before."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Awaitable, Callable

from dynia.interfaces.observed import EntryAnswer, NotObserved

AskEntry = Callable[[str], Awaitable[EntryAnswer | NotObserved]]

PATH = "/.well-known/dynia"
ANSWER_S = 2.0
_LIMIT = 8192


async def ask_entry(
    address: str, *, port: int = 80, timeout_s: float = ANSWER_S
) -> EntryAnswer | NotObserved:
    """Which node answers at `address`, on a new connection. Whoever can't repeat the word is not believed."""
    word = secrets.token_hex(16)
    try:
        async with asyncio.timeout(timeout_s):
            raw = await _get(address, port, f"{PATH}/{word}")
    except TimeoutError:
        return NotObserved(reason=f"no answer within {timeout_s:g} s")
    except OSError as error:
        # asyncio's own text is of sockets, not for people.
        return NotObserved(reason=os.strerror(error.errno).lower() if error.errno else str(error))
    return answer_of(raw, word)


async def nobody_asked(address: str) -> EntryAnswer | NotObserved:
    """For runs that have no way to the address."""
    del address
    return NotObserved(reason="not asked")


def answer_of(raw: bytes, word: str) -> EntryAnswer | NotObserved:
    """The node that an HTTP answer names, if it repeats the word."""
    head, _, body = raw.decode("latin-1").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    status = first.split(" ")[1:2]
    told = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    node = told.get("x-dynia-node", "")
    if status != ["200"] or body.strip() != word or not node:
        return NotObserved(reason=f"no node of Dynia's answers there (HTTP {' '.join(status) or 'nothing'})")
    return EntryAnswer(node=node)


async def _get(address: str, port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
        await writer.drain()
        raw = b""
        while len(raw) < _LIMIT and (more := await reader.read(_LIMIT - len(raw))):
            raw += more
        return raw
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
