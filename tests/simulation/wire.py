"""A call over the network: it may be lost before or after its deed, be slow, or land long after its caller gave up.

What was sent belongs to the world: it lands whether the runner still lives or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.state.model import Node as Recorded
from tests.simulation.loop import Process
from tests.simulation.machine import Node
from tests.simulation.world import World

_T = TypeVar("_T")


class Wire:
    """How one runner reaches the world. `known` are the nodes that its state knows."""

    def __init__(self, world: World, process: Process) -> None:
        self.world, self.process = world, process
        self.known: Callable[[], tuple[Recorded, ...]] = tuple
        self.guard: Callable[[], object] = tuple

    async def call(self, what: str, deed: Callable[[], _T], *, where: str = "") -> _T:
        """A vendor's call: its deed is one instant. Every vendor asks its guard before each."""
        self.guard()
        return await self._send(what, where, deed)

    async def script(
        self,
        what: str,
        node: Node,
        reached: Callable[[], Process],
        work: Callable[[], Coroutine[Any, Any, _T]],
    ) -> _T:
        """A script of a node, which takes its time there. `reached` says whether it still can be begun."""
        loop = self.world.loop

        def deed() -> asyncio.Task[_T]:
            return loop.begin(reached(), work())

        answered: asyncio.Future[Any] = loop.create_future()
        node.waiting.append(answered)
        try:
            return await self._send(what, node.name, deed, answered)
        finally:
            node.waiting.remove(answered)

    async def _send(
        self, what: str, where: str, deed: Callable[[], Any], answered: asyncio.Future[Any] | None = None
    ) -> Any:
        self.process.check()
        world, loop = self.world, self.world.loop
        answered = answered or loop.create_future()
        odds, fate = world.odds, world.fate
        delay = world.pace.uniform(0.01, 0.2)
        world.note(self.process.name, "sent", where, what)
        if world.chance(odds.slow):
            world.fault("slow call", what)
            delay = fate.uniform(3.0, 45.0)
        if world.chance(odds.lost_before):
            world.fault("lost before", what)
            loop.later(delay, lambda: _fail(answered, f"{where or what}: no answer"))
            return await answered
        deaf = world.chance(odds.lost_after)
        if deaf:
            world.fault("lost after", what)
        elif world.chance(odds.late):
            deaf = True
            world.fault("late deed", what)
            loop.later(delay, lambda: _fail(answered, f"{where or what}: no answer within 30 s"))
            delay = fate.uniform(5.0, 60.0)

        def land() -> None:
            try:
                result = deed()
            except DyniaError as error:
                raised = error
                loop.later(0.05, lambda: _raise(answered, raised))
                return
            if isinstance(result, asyncio.Task):
                loop.begin(None, _follow(result, answered, deaf, where or what))
            elif deaf:
                loop.later(0.5, lambda: _fail(answered, f"{where or what}: no answer"))
            else:
                loop.later(world.pace.uniform(0.01, 0.1), lambda: _tell(answered, result))

        loop.later(delay, land)
        return await answered


async def _follow(work: Awaitable[Any], answered: asyncio.Future[Any], deaf: bool, where: str) -> None:
    try:
        result = await work
    except DyniaError as error:
        _raise(answered, error)
    else:
        if deaf:
            _fail(answered, f"{where}: the connection broke")
        else:
            _tell(answered, result)


def broken(world: World, node: Node) -> None:
    """Whoever waits for an answer of this node hears, some time later, that there will be none."""
    waiting = list(node.waiting)

    def give_up() -> None:
        for answered in waiting:
            _fail(answered, f"{node.name}: the connection broke")

    world.loop.later(world.pace.uniform(0.1, 20.0), give_up)


def _tell(answered: asyncio.Future[Any], result: Any) -> None:
    if not answered.done():
        answered.set_result(result)


def _raise(answered: asyncio.Future[Any], error: DyniaError) -> None:
    if not answered.done():
        answered.set_exception(error)


def _fail(answered: asyncio.Future[Any], message: str) -> None:
    _raise(answered, NotObservedError(message))
