"""Asks a person beside the event loop: while somebody reads the plan, the lease gives signs of life."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


async def beside(question: Callable[[], Answer]) -> Answer:
    """What `question` returns or raises. It runs in a thread of its own, which an interrupt leaves behind: it
    ends with the process, also where it still waits for a terminal."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Answer] = loop.create_future()

    def told(put: Callable[[], None]) -> None:
        def settle() -> None:
            if not answered.done():
                put()

        with contextlib.suppress(RuntimeError):  # the loop is closed: it was interrupted meanwhile
            loop.call_soon_threadsafe(settle)

    def run() -> None:
        try:
            answer = question()
        except BaseException as raised:  # noqa: BLE001  (raised again where it was asked)
            error = raised
            told(lambda: answered.set_exception(error))
        else:
            told(lambda: answered.set_result(answer))

    threading.Thread(target=run, daemon=True).start()
    return await answered
