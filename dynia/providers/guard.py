"""Whether a run may still act: asked before each call to a vendor."""

from __future__ import annotations

from typing import Protocol


class Guard(Protocol):
    """A run under a lease. `check` raises `Locked` where it lost it; `left` is for how many seconds nobody
    can have taken it over (None: this run has none, and only looks): no call may take longer."""

    def check(self) -> None: ...

    def left(self) -> float | None: ...


class Unguarded:
    """For whoever has no lease to lose."""

    def check(self) -> None:
        return

    def left(self) -> float | None:
        return None


FREE = Unguarded()
