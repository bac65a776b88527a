"""The failover drill: the entry address is taken from its holder, watched from outside, and handed back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec

from dynia.interfaces.desired import ApiEntry, NoEntry
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import EntryAnswer, NodeFacts
from dynia.interfaces.shape import Shape
from dynia.services.actions.hand_over import find_role, tell
from dynia.services.drill_report import DrillReport, Probe, lost, stretches
from dynia.services.leased import leased
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.reconcile import Reconciler
from dynia.state.model import Node

EVERY_S = 0.1
# Below the second after which a lost first packet is sent again: whoever needs that second got no answer.
ANSWER_S = 0.9
WATCH_S, MOVE_S = 1.0, 30.0
# So long somebody who is slow may take to answer at all.
FIRST_S = 5.0


class DrillWish(Shape):
    """`node`: who shall take over (empty: whoever VRRP elects). `hard`: connections at work are cut."""

    node: str = ""
    hard: bool = False


class Ground(Shape):
    """What a drill starts from. `others` are the nodes beside the holder that could take over."""

    address: str
    entry: str
    holder: Node
    others: tuple[Node, ...]


async def failover(
    run: Reconciler, wish: DrillWish, approve: Callable[[Ground], Awaitable[bool]]
) -> DrillReport:
    """Do it, under the cluster's lock, and keep what was seen. Refused where it could hurt."""
    session = run.session
    async with leased(session):
        ground = _ground(session.cluster, await run.plan(), run.given, wish)
        if not await approve(ground):
            raise Refused(f"cluster {session.cluster}: no drill, nothing was changed")
        report = await _Drill(run, ground, wish).play()
        session.store.keep_drill(session.cluster, msgspec.json.encode(report))
        return report


def _ground(cluster: str, plan: Plan, given: PlanningInput | None, wish: DrillWish) -> Ground:
    spec = given.desired if given else None
    home = given.state.cluster(cluster) if given else None
    if not given or not spec or not home or isinstance(spec.entry, NoEntry) or not home.reserved_ip:
        raise Refused(f"cluster {cluster} has no reserved IP that could move")
    nodes = given.state.nodes_of(cluster)
    silent = [name for name, _ in plan.not_observed]
    splits = [item.detail for item in plan.drift if item.category == "split"]
    if silent or splits:
        said = f"not observed: {', '.join(silent)}" if silent else f"the reserved IP is split: {splits[0]}"
        raise Refused(
            f"cluster {cluster}: {said}", hint="a drill needs a cluster that is well: `dynia status`"
        )
    seen = given.observed.nodes
    holder = next((n for n in nodes if n.name == plan.holder), None)
    ready = tuple(n for n in nodes if isinstance(f := seen.get(n.name), NodeFacts) and f.vrrp == "BACKUP")
    if holder is None or not ready:
        why = "nobody has the reserved IP" if holder is None else "no other node could take the reserved IP"
        raise Refused(f"cluster {cluster}: {why}", hint="look at it with `dynia status`")
    if wish.node and wish.node not in {n.name for n in ready}:
        said = "has it already" if wish.node == holder.name else "is no node that could take it"
        raise Refused(f"{wish.node} {said}", hint=f"one of {', '.join(n.name for n in ready)}")
    entry = "api" if isinstance(spec.entry, ApiEntry) else "vip"
    return Ground(address=home.reserved_ip.address, entry=entry, holder=holder, others=ready)


class _Drill:
    """One drill that is under way: its clock, its probes, and the nodes whose keepalived it stopped."""

    def __init__(self, run: Reconciler, ground: Ground, wish: DrillWish) -> None:
        self._run, self._ground, self._wish = run, ground, wish
        self._time = asyncio.get_running_loop().time
        self._began = self._time()
        self._probes: list[Probe] = []
        self._stopped: list[Node] = []

    async def play(self) -> DrillReport:
        session, ground = self._run.session, self._ground
        at = int(session.clock.now())
        holder = ground.holder
        async with self._probing():
            await asyncio.sleep(WATCH_S)
            while not any(p.node == holder.name for p in self._probes):
                if self._now() < FIRST_S:
                    await asyncio.sleep(EVERY_S)
                    continue
                raise Refused(
                    f"{ground.address} does not answer this machine, so nothing could be seen",
                    hint="run the drill from a machine that reaches the reserved IP on port 80",
                )
            try:
                moved, taken = await self._move(holder, self._wish.node, hard=self._wish.hard)
                await asyncio.sleep(WATCH_S)
                await self._start_again()
                back = self._now()
                returned = ""
                if taken:
                    current = next(n for n in ground.others if n.name == taken)
                    _, returned = await self._move(current, holder.name, hard=False)
            finally:
                await self._start_again()
            await asyncio.sleep(WATCH_S)
        plan = await self._run.plan()
        found = stretches(self._probes)
        splits = [item.detail for item in plan.drift if item.category == "split"]
        amiss = "; ".join(splits if returned else [f"{holder.name} did not get it back", *splits])
        return DrillReport(
            cluster=session.cluster,
            entry=ground.entry,
            address=ground.address,
            holder=holder.name,
            taken=taken,
            hard=self._wish.hard,
            at=at,
            lost=lost(found, moved, back),
            lost_back=lost(found, back, self._now()),
            probes=len(self._probes),
            unanswered=sum(not p.node for p in self._probes),
            slowest=round(max((p.seconds for p in self._probes if p.node), default=0.0), 3),
            settled=not amiss,
            amiss=amiss,
            answered=found,
        )

    async def _move(self, source: Node, target: str, *, hard: bool) -> tuple[float, str]:
        """Takes the address from `source`; when that was, and who answered then. With a `target`, everybody
        else stops first: they have nothing to lose, and whoever took it would keep it."""
        others = [n for n in (self._ground.holder, *self._ground.others) if n.name != source.name]
        wanted = next((n for n in others if n.name == target), None)
        for node in others:
            if wanted is not None and node.name != wanted.name:
                await self._do(node, "stop")
        began = self._now()
        # The provider moves the address: until then the old holder goes on serving, so nothing has to wait.
        await self._do(source, "stop" if hard or self._ground.entry == "api" else "hand over")
        until = self._now() + MOVE_S
        while self._now() < until:
            new = next((p.node for p in reversed(self._probes) if p.node and p.at >= began), "")
            if new and new != source.name and (wanted is None or new == wanted.name):
                return began, new
            await asyncio.sleep(EVERY_S)
        return began, ""

    async def _start_again(self) -> None:
        """keepalived runs again wherever it was stopped, and has found its role."""
        failed: list[DyniaError] = []
        while self._stopped:
            node = self._stopped.pop()
            try:
                await self._do(node, "start")
                await find_role(await self._run.connections.get(node.name), node.name)
            except DyniaError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    async def _do(self, node: Node, what: str) -> None:
        if what != "start":
            self._stopped.append(node)
        connection = await self._run.connections.get(node.name)
        self._run.session.store.check(self._run.session.cluster)
        await tell(connection, node.name, what, self._ground.address, self._run.session.fence())

    @asynccontextmanager
    async def _probing(self) -> AsyncIterator[None]:
        """Asks ten times a second, each time on a new connection, whoever is still to answer."""
        asked: set[asyncio.Task[None]] = set()

        async def go() -> None:
            following = self._time()
            while True:
                task = asyncio.create_task(self._probe())
                asked.add(task)
                task.add_done_callback(asked.discard)
                following += EVERY_S
                await asyncio.sleep(max(0.0, following - self._time()))

        asking = asyncio.create_task(go(), name="probes")
        try:
            yield
        finally:
            asking.cancel()
            await asyncio.gather(asking, *asked, return_exceptions=True)

    async def _probe(self) -> None:
        began = self._now()
        node = ""
        try:
            async with asyncio.timeout(ANSWER_S):
                told = await self._run.session.ask_entry(self._ground.address)
            node = told.node if isinstance(told, EntryAnswer) else ""
        except TimeoutError:
            pass
        self._probes.append(Probe(at=round(began, 3), seconds=round(self._now() - began, 3), node=node))

    def _now(self) -> float:
        return self._time() - self._began
