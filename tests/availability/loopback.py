"""A server of the tests' own on a free port of loopback, on an event loop in a thread beside them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def on_loopback(serve: Serve) -> Iterator[int]:
    """Its port, for as long as the block lasts. What is served still at its end is cancelled."""
    loop, port, ready = asyncio.new_event_loop(), 0, threading.Event()
    end = asyncio.Event()

    async def run() -> None:
        nonlocal port
        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
        port = server.sockets[0].getsockname()[1]
        ready.set()
        await end.wait()
        server.close()

    def go() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(30)
