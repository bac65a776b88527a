"""An event loop whose time jumps to the next timer: seconds of waiting take none, and always end in order.

No clock ends what waits for ever here: time stands still for whoever looks again at once, and is boundless for whoever
sleeps. So turns of the loop are counted.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
# The longest work takes some hundreds.
TURNS = 5_000


class _Jumping(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        self.turns += 1
        if self.turns == TURNS:
            raise AssertionError(f"this never ends: {TURNS} turns, and {self.now:.0f} s by its own clock")
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """`asyncio.run` in such a loop. For work that waits for timers only."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)
