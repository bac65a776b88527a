"""Shows progress while an apply runs: redrawn in place, as plain lines with a heartbeat, or as JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from dynia.commands.output import Output
from dynia.commands.screens.board import Board
from dynia.commands.screens.machine import line
from dynia.commands.screens.progress import heartbeat_lines, live_lines, plain_lines
from dynia.interfaces.events import Event, Note, RunEnded, RunStarted
from dynia.interfaces.requests import ProgressKind

HEARTBEAT_S = 10.0
FRAME_S = 0.2


class Reporter(Protocol):
    """`take` is the event sink; `tick` is called a few times a second; `note` says something in between."""

    def take(self, event: Event) -> None: ...

    def tick(self, now: float) -> None: ...

    def note(self, text: str) -> None: ...


def reporter_for(kind: ProgressKind, output: Output, *, as_json: bool) -> Reporter:
    """`auto`: live where people watch a terminal, else plain. Beside a JSON answer, progress is on stderr."""
    if kind == "auto":
        kind = "tty" if output.is_terminal and not as_json else "plain"
    if kind == "json":
        return JsonLines(output)
    if kind == "tty" and output.is_terminal and not as_json:
        return Live(output)
    return Plain(output, output.tell if as_json else output.show)


@contextlib.asynccontextmanager
async def ticking(reporter: Reporter) -> AsyncIterator[None]:
    """Keeps a reporter's clock going."""

    async def go() -> None:
        while True:
            await asyncio.sleep(FRAME_S)
            reporter.tick(time.time())

    task = asyncio.create_task(go(), name="progress")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        reporter.tick(time.time())


class Plain:
    """One line with the time per transition; after ten quiet seconds what is being waited for."""

    def __init__(self, output: Output, say: Callable[[str], None]) -> None:
        self._output = output
        self._say = say
        self._board = Board()
        self._last = 0.0

    def take(self, event: Event) -> None:
        self._board.take(event)
        self._last = event.at
        for text in plain_lines(self._board, event, width=self._output.width):
            self._say(text)

    def tick(self, now: float) -> None:
        quiet = self._board.cluster and self._board.ended is None
        if quiet and now - self._last >= HEARTBEAT_S:
            self._last = now
            for text in heartbeat_lines(self._board, width=self._output.width, now=now):
                self._say(text)

    def note(self, text: str) -> None:
        self.take(Note(at=time.time(), text=text))


class JsonLines:
    """The events themselves, one a line."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def take(self, event: Event) -> None:
        self._output.data(line(event))

    def tick(self, now: float) -> None:
        return

    def note(self, text: str) -> None:
        self.take(Note(at=time.time(), text=text))


class Live:
    """One line a node, redrawn in place below what was said before."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._board = Board()
        self._drawn = 0

    def take(self, event: Event) -> None:
        self._board.take(event)
        if isinstance(event, Note):
            self._above(plain_lines(self._board, event, width=self._output.width))
        elif isinstance(event, (RunStarted, RunEnded)):
            self._draw(event.at)

    def tick(self, now: float) -> None:
        if self._board.cluster and (self._board.ended is None):
            self._draw(now)

    def note(self, text: str) -> None:
        self.take(Note(at=time.time(), text=text))

    def _above(self, texts: list[str]) -> None:
        self._output.raw(self._back() + "".join(f"{text}\x1b[K\n" for text in texts) + "\x1b[J")
        self._drawn = 0
        if self._board.cluster and self._board.ended is None:
            self._draw(time.time())

    def _draw(self, now: float) -> None:
        output = self._output
        lines = live_lines(
            self._board, width=output.width - 1, height=output.height, now=now, color=output.color
        )
        self._output.raw(self._back() + "".join(f"{text}\x1b[K\n" for text in lines) + "\x1b[J")
        self._drawn = len(lines)

    def _back(self) -> str:
        return f"\x1b[{self._drawn}A\r" if self._drawn else ""
