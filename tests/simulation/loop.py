"""One event loop for one world: its clock is the world's, and a process in it can freeze or die at any await.

Nothing here waits: time jumps to the next timer. Callbacks run in the order in which they were asked for, so the same
seed gives the same run. Whose a callback is, is told by its context: what belongs to a process that is dead is never
run again, what belongs to a frozen one waits until it wakes.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

CURRENT: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


class Killed(GeneratorExit):
    """Raised into whoever acts for a dead process. Not an `Exception`: nothing may catch it and go on. Of the kind
    that a coroutine may end with unheard, when it is collected long after its world."""


class StandsStill(Exception):
    """Somebody waits, and nothing will ever happen again."""


class Process:
    """A runner, or what runs on a node: everything that ends together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.frozen = False
        self.backlog: list[asyncio.Handle] = []

    def check(self) -> None:
        if self.dead:
            raise Killed(self.name)


class _Owned:
    """A callback that asks its process first."""

    def _run(self) -> None:
        process = self._context.get(CURRENT)  # type: ignore[attr-defined]
        if process is None:
            super()._run()  # type: ignore[misc]
        elif process.frozen:
            process.backlog.append(self)  # type: ignore[arg-type]
        elif not process.dead:
            super()._run()  # type: ignore[misc]


class _Handle(_Owned, asyncio.Handle):
    pass


class _Timer(_Owned, asyncio.TimerHandle):
    pass


class _Jump:
    """In the place of a selector: to wait is to move the clock."""

    def __init__(self, loop: WorldLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise StandsStill
        self._loop.now += timeout
        return []

    def close(self) -> None:
        return None


class WorldLoop(asyncio.BaseEventLoop):
    """`tasks` are kept, so that no dead one is collected, and thereby resumed, before the world ends."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.tasks: list[asyncio.Task[Any]] = []
        self._selector = _Jump(self)
        self.set_exception_handler(lambda loop, context: None)

    def time(self) -> float:
        return self.now

    def _process_events(self, events: list[Any]) -> None:
        return None

    def _write_to_self(self) -> None:
        return None

    def _call_soon(self, callback: Any, args: Any, context: Any) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def create_task(self, coro: Any, **how: Any) -> asyncio.Task[Any]:  # type: ignore[override]
        task = super().create_task(coro, **how)
        self.tasks.append(task)
        return task

    def begin(self, process: Process | None, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task of a process, or of the world itself (None)."""
        context = contextvars.Context()
        if process is not None:
            context.run(CURRENT.set, process)
        return self.create_task(work, context=context)

    def later(self, seconds: float, deed: Callable[[], object]) -> asyncio.TimerHandle:
        """The world itself does something."""
        return self.call_at(self.now + seconds, deed, context=contextvars.Context())

    def freeze(self, process: Process) -> None:
        process.frozen = True

    def thaw(self, process: Process) -> None:
        process.frozen = False
        self._ready.extend(process.backlog)  # type: ignore[attr-defined]
        process.backlog = []

    def dispose(self) -> None:
        """The end of the world: coroutines that were never resumed are closed, and can reach nothing any more."""
        # Their last words begin tasks, in whichever loop runs: in this one, where they are closed in their turn. Where
        # none runs asyncio makes a loop for the whole process, which falls to bits in the middle of a later test.
        asyncio._set_running_loop(self)
        try:
            self._close_all()
        finally:
            asyncio._set_running_loop(None)
        self.tasks.clear()
        self.close()

    def _close_all(self) -> None:
        for task in self.tasks:  # it grows meanwhile
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            if task.done():
                with suppress(asyncio.CancelledError):
                    task.exception()
                continue
            for _ in range(9):
                try:
                    task.get_coro().close()  # type: ignore[union-attr]
                except (Exception, Killed):  # noqa: BLE001 (whatever it says now, nobody hears it)
                    continue
                break
