"""The door to one node: a connection that breaks with the node, and leaves what it began there going on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.interfaces.node_requests import (
    AskRequest,
    Bootstrapped,
    BootstrapRequest,
    ConfirmRequest,
    DrainRequest,
    ExecRequest,
    Executed,
    GateAnswer,
    GateRequest,
    ImageRequest,
    ObserveRequest,
    PushAnswer,
    PushRequest,
    RemoveRequest,
    ServiceAnswer,
    Traffic,
    TrafficRequest,
)
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions.hand_over import SCRIPTS
from dynia.services.rollback import PIECE, READ
from dynia.state.model import Node as Recorded
from tests.simulation import looks, reboots, scripts
from tests.simulation.loop import Process
from tests.simulation.machine import File, Node
from tests.simulation.scripts import Script
from tests.simulation.wire import Wire

_T = TypeVar("_T")


async def connect(wire: Wire, recorded: Recorded) -> Connection:
    def answer() -> Node:
        node = wire.world.at(recorded.address)
        if node is None or not node.on or node.cut:
            raise NotObservedError(f"{recorded.name}: connection refused")
        if node.shut:
            raise NotObservedError(f"{recorded.name}: no answer within 10 s")
        if node.host_key != recorded.host_key:
            raise DyniaError(f"{recorded.name}: another host key")
        return node

    node = await wire.call("connect", answer, where=recorded.name)
    return Connection(wire, node)


class Connection:
    """To one node as it was when it was opened: after a reboot it is dead."""

    script: type[Script] = Script

    def __init__(self, wire: Wire, node: Node) -> None:
        self.wire, self.world, self.node = wire, wire.world, node
        self.who, self.process = wire.process.name, node.process
        self.closed = False

    async def observe(self, request: ObserveRequest) -> NodeFacts:
        async def look() -> NodeFacts:
            return looks.observe(self.world, self.node, self.who, request)

        return await self._run("observe", look)

    async def bootstrap(self, request: BootstrapRequest) -> Bootstrapped:
        return await self._run(
            "bootstrap", lambda: scripts.bootstrap(self.world, self.node, self.who, request)
        )

    async def push(self, request: PushRequest) -> PushAnswer:
        if request.files and self.world.chance(self.world.odds.hasty):
            self._meanwhile(request.files[0].path)
        made = self.script(self.world, self.node, self.who, request.component)
        return await self._run(f"push {request.component}", lambda: made.push(request))

    async def confirm(self, request: ConfirmRequest) -> PushAnswer:
        made = self.script(self.world, self.node, self.who, request.component)
        return await self._run(f"confirm {request.component}", lambda: made.confirm(request))

    def _meanwhile(self, path: str, new: bytes = b"") -> None:
        """A person mends that very file, or puts a new one there, while the call is under way."""

        def edit() -> None:
            there = self.node.files.get(path)
            if (there is not None or new) and self.node.on:
                content, mode = (there.content, there.mode) if there is not None else (new, 0o644)
                self.node.files[path] = File(content + b"# just now\n", mode)
                self.world.fired["person: just now"] += 1
                self.world.note("person", "edit", self.node.name, path)

        self.world.loop.later(self.world.fate.uniform(0.0, 0.3), edit)

    async def remove(self, request: RemoveRequest) -> PushAnswer:
        place = request.paths[0]
        if place not in self.node.files and self.world.chance(self.world.odds.hasty):
            self._meanwhile(f"{place}/notes-0.txt", b"remember\n")
        made = self.script(self.world, self.node, self.who, request.component)
        return await self._run(f"remove {request.component}", lambda: made.remove(request))

    async def gate(self, request: GateRequest) -> GateAnswer:
        return await self._run(
            f"gate {request.service}", lambda: scripts.gate(self.world, self.node, self.who, request)
        )

    async def drain(self, request: DrainRequest) -> tuple[str, ...]:
        verb = "drain" if request.lasts_s else "undrain"
        return await self._run(verb, lambda: scripts.drain(self.world, self.node, self.who, request))

    async def traffic(self, request: TrafficRequest) -> Traffic:
        return await self._run("traffic", lambda: scripts.traffic(self.world, self.node, request))

    async def ask(self, request: AskRequest) -> tuple[ServiceAnswer, ...]:
        return await self._run("ask", lambda: scripts.ask(self.world, self.node, request))

    async def provide_image(
        self, request: ImageRequest, layers: AsyncGenerator[bytes, None] | None = None
    ) -> str:
        async def pull() -> str:
            self.node.images.setdefault(
                request.pull or request.image_id, (request.reference, request.image_id)
            )
            self.world.note(self.who, "done", self.node.name, "image")
            return request.image_id

        return await self._run("image", pull)

    async def exec(self, request: ExecRequest) -> Executed:
        told = next((what for what, text in SCRIPTS.items() if request.argv[:3] == ("sh", "-c", text)), "")
        if told:
            deed = lambda: scripts.handing_over(self.world, self.node, self.who, told, request)  # noqa: E731
            return await self._run(f"tell {told}", deed)

        if what := reboots.asked(request):
            return await self._run(what, lambda: reboots.answer(self.world, self.node, self.who, request))

        async def read() -> Executed:
            if request.argv == ("cat", "/run/dynia/vrrp"):
                return Executed(exit_code=0, stdout=self.node.vrrp.encode(), stderr=b"")
            if request.argv[:3] == READ:
                begin, path = int(request.argv[4]) - 1, request.argv[5]
                there = self.node.files[path].content if path in self.node.files else b""
                return Executed(exit_code=0, stdout=there[begin : begin + PIECE], stderr=b"")
            if request.argv == ("cat", "/run/dynia/vrrp"):
                return Executed(exit_code=0, stdout=self.node.vrrp.encode(), stderr=b"")
            if request.argv[0] == "curl":
                return Executed(
                    exit_code=0, stdout=scripts.told(self.world, self.node, request.argv[-1]), stderr=b""
                )
            if request.argv[0] == "cat" and request.argv[1] in self.node.files:
                return Executed(exit_code=0, stdout=self.node.files[request.argv[1]].content, stderr=b"")
            return Executed(exit_code=0, stdout=b"", stderr=b"")

        return await self._run("exec", read)

    async def stream(self, argv: tuple[str, ...]) -> AsyncIterator[str]:
        raise AssertionError("no apply streams")
        yield ""

    async def close(self) -> None:
        self.closed = True

    def _there(self) -> Process:
        if self.closed or self.process.dead or not self.node.on or self.node.cut:
            raise NotObservedError(f"{self.node.name}: the connection broke")
        return self.process

    async def _run(self, what: str, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        self.wire.process.check()
        self._there()
        return await self.wire.script(what, self.node, self._there, work)
