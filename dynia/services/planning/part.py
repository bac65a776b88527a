"""What a sub-planner hands back: steps, what it found, and what has to wait."""

from __future__ import annotations

from dynia.interfaces.shape import Shape
from dynia.services.planning.plan import Drift, Line, Step, Waiting


class Part(Shape):
    """`more` says that another pass is needed after this one."""

    steps: tuple[Step, ...] = ()
    drift: tuple[Drift, ...] = ()
    lines: tuple[Line, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    more: bool = False
