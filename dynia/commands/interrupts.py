"""Runs a verb so that Ctrl-C ends it well: what is in flight is finished first, then it is cut."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from dynia.interfaces.errors import Interrupted

_T = TypeVar("_T")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LAST_S = 3.0


def run_interruptible(
    work: Coroutine[Any, Any, _T],
    *,
    stop: asyncio.Event | None = None,
    in_flight: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda text: None,
) -> _T:
    """The result of `work`; `Interrupted` when a signal ended it.

    While `in_flight` says so, the first signal only sets `stop`. Else, and the second time, `work` is
    cancelled; what does not even end then is left behind after a few seconds (the journal says where).
    """

    async def main() -> _T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        heard = 0

        def hear() -> None:
            nonlocal heard
            heard += 1
            if heard == 1 and stop is not None and in_flight():
                stop.set()
                tell("Stopping: finishing what is in flight. Once more stops at once.")
                return
            if task is not None:
                task.cancel()
            loop.call_later(LAST_S, os._exit, 130)

        for number in SIGNALS:
            loop.add_signal_handler(number, hear)
        try:
            return await work
        except asyncio.CancelledError:
            if not heard:
                raise
            hint = "run it again to go on" if stop is not None and stop.is_set() else ""
            said = "interrupted; what was in flight was cut" if hint else "interrupted; nothing was changed"
            raise Interrupted(said, hint=hint) from None
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    return asyncio.run(main())
