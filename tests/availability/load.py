"""The load: requests on a schedule that waits for no answer, from before a change until after it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Sequence
from types import TracebackType

from tests.availability.client import Asked, Client, Kind
from tests.availability.row import Row
from tests.availability.sessions import Session, session
from tests.availability.wire import Target

RATE = 200
AROUND_S = 5.0
TIMEOUT_S = 5.0
# Whatever happens, it ends after this.
MOST_S = 900.0
# Half over fresh connections, half over kept ones. What may not be repeated goes over fresh ones only: no client can
# know of a kept one that it is not being closed.
MIX = (Kind(fresh=False), Kind(), Kind(fresh=False), Kind(method="POST"))
# 50 to 300 ms, in an order that has no rhythm with nodes or kinds.
WAITS = tuple((50 + number * 89 % 251) / 1000 for number in range(251))


class Load:
    """``with Load(name, target) as load: ...``: the block begins `around_s` after the load, which ends as long after the
    block; then `row` is what became of it.

    It has a thread and an event loop of its own. `ended`: when the block did (monotonic). `releases`: an answer of any other one is a failure.
    """

    def __init__(
        self,
        name: str,
        target: Target,
        *,
        rate: int = RATE,
        around_s: float = AROUND_S,
        timeout_s: float = TIMEOUT_S,
        most_s: float = MOST_S,
        mix: Sequence[Kind] = MIX,
        waits: Sequence[float] = WAITS,
        sessions: Sequence[str] = ("socket", "download"),
        releases: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self._target, self._rate, self._around_s, self._most_s = target, rate, around_s, most_s
        self._mix, self._waits, self._kinds = mix, waits, sessions
        self._client = Client(target, timeout_s=timeout_s, releases=releases)
        self._planned: int | None = None
        self._asked: list[Asked] = []
        self._sessions: list[Session] = []
        self._begin = self.ended = 0.0
        self._led, self._ending = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._go, daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        self._led.wait()
        if self._error is not None:
            raise self._error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended = time.monotonic()
        self._ending.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        if self._planned is None:  # it came to `most_s` first
            self._planned = self._count(self.ended)

    @property
    def row(self) -> Row:
        """What became of it, once it has ended."""
        return Row(
            name=self.name,
            planned=self._planned or 0,
            asked=tuple(self._asked),
            sessions=tuple(self._sessions),
        )

    def _go(self) -> None:
        # The clock that measures must not wait for what it measures. (Without the right to it, it does without.)
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -10)
        try:
            asyncio.run(self._send())
        except BaseException as error:  # noqa: BLE001 - it is raised where the load is used
            self._error = error
        finally:
            self._led.set()

    async def _send(self) -> None:
        self._begin = time.monotonic()
        number = 0
        async with asyncio.TaskGroup() as tasks:
            while number < int(self._most_s * self._rate) and number != self._planned:
                due = self._begin + number / self._rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                tasks.create_task(self._ask(number, due))
                if number % self._rate == 0:
                    for kind in self._kinds:
                        tasks.create_task(self._live(kind))
                number += 1
                if self._planned is None and self._ending.is_set():
                    self._planned = max(number, self._count(self.ended))
                if due >= self._begin + self._around_s:
                    self._led.set()
        self._client.close()

    def _count(self, ended: float) -> int:
        """How many requests it takes if the block ended then."""
        return int((ended + self._around_s - self._begin) * self._rate) + 1

    async def _ask(self, number: int, due: float) -> None:
        kind, wait = self._mix[number % len(self._mix)], self._waits[number % len(self._waits)]
        self._asked.append(await self._client.ask(number, kind, due=due, wait=wait))

    async def _live(self, kind: str) -> None:
        self._sessions.append(await session(kind, self._target))
