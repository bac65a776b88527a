"""What lives for seconds beside the requests: a WebSocket that is echoed, and a download that comes slowly."""

from __future__ import annotations

import asyncio
import base64
import os
import time

from dynia.interfaces.shape import Shape
from tests.availability.wire import Link, Lost, Outcome, Target

ECHOES = 8
ECHO_EVERY_S = 0.5
TIMEOUT_S = 15.0
DOWNLOADED = 320_000
# RFC 6455: a final frame of text and one that closes, from a client, so masked; a mask of zeros is one too.
TEXT, CLOSE, MASKED, NO_MASK = 0x81, 0x88, 0x80, bytes(4)


class Session(Shape):
    """One of them: `kind` is ``socket`` or ``download``. It is good if it came to its proper end."""

    kind: str
    begin: float
    end: float
    outcome: Outcome
    why: str = ""


async def session(
    kind: str, target: Target, *, timeout_s: float = TIMEOUT_S, every_s: float = ECHO_EVERY_S
) -> Session:
    """Open it, live it, end it."""
    begin = time.monotonic()
    outcome, why, link = Outcome.OK, "", None
    try:
        async with asyncio.timeout(timeout_s):
            link = await Link.open(target)
            await (_echoes(link, every_s) if kind == "socket" else _download(link))
    except Lost as lost:
        outcome, why = lost.outcome, str(lost)
    except TimeoutError:
        outcome, why = Outcome.TIMEOUT, f"no end within {timeout_s:g} s"
    finally:
        if link is not None:
            link.close()
    return Session(kind=kind, begin=begin, end=time.monotonic(), outcome=outcome, why=why)


async def _download(link: Link) -> None:
    content = await link.ask("/download", headers={"Connection": "close"})
    if len(content) != DOWNLOADED:
        raise Lost(Outcome.WRONG, f"{len(content)} bytes")


async def _echoes(link: Link, every_s: float) -> None:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    await link.ask("/socket", headers=headers, wanted=101)
    try:
        for number in range(ECHOES):
            await _echo(link, TEXT, f"word {number}".encode())
            await asyncio.sleep(every_s)
        await _echo(link, CLOSE, b"")
    except (OSError, asyncio.IncompleteReadError) as error:
        raise Lost(Outcome.CUT, repr(error)) from error


async def _echo(link: Link, kind: int, content: bytes) -> None:
    link.writer.write(bytes((kind, MASKED | len(content))) + NO_MASK + content)
    await link.writer.drain()
    first, length = await link.reader.readexactly(2)
    answer = await link.reader.readexactly(length)
    if (first, answer) != (kind, content):
        raise Lost(
            Outcome.CUT if first == CLOSE else Outcome.WRONG, f"{first:#x} {answer!r}, not {content!r}"
        )
