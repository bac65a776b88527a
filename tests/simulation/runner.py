"""One run of Dynia in a world: the real store, gather, planner and executor, on a disk and doors of the world's.

What differs in a broken Dynia is given as `Parts`; the engine has no branch for it.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from dynia.interfaces.desired import ClusterSpec, Ssh, ZoneDns
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.events import Event, PassStarted, StepEnded, StepFailed, StepStarted
from dynia.interfaces.observed import EntryAnswer, NotObserved, ResolvedImage, UnresolvedImage
from dynia.services.actions.base import HostKey
from dynia.services.apply_result import ApplyResult
from dynia.services.going_back import STILL
from dynia.services.leased import leased
from dynia.services.planning.by_hand import ByHand
from dynia.services.planning.generations import Inputs
from dynia.services.planning.plan import Plan
from dynia.services.planning.replacing import refuse_replacement
from dynia.services.reconcile import Reconciler
from dynia.services.rollback import Chosen, choose, gathered
from dynia.services.session import Session
from dynia.state.disk import create
from dynia.state.loaded import Places
from dynia.state.model import Node as Recorded
from dynia.state.model import PutCluster, State
from dynia.state.snapshot import snapshot_of, write_text
from dynia.state.store import Store, open_store
from tests.fakes.cloud import brought_back
from tests.fakes.disk import FakeDisk
from tests.plans import worlds
from tests.plans.templates import SMALL
from tests.simulation.awaken import SICK
from tests.simulation.connection import Connection, connect
from tests.simulation.loop import Process
from tests.simulation.machine import ROOT
from tests.simulation.vendors import Dns, Provider
from tests.simulation.wire import Wire
from tests.simulation.world import CLUSTER, World

HOME = Path("/team")
LINEAGE = "1f0c9a52" * 4
START = 1_800_000_000


def _same(store: Store) -> Any:
    return store


@dataclass(frozen=True)
class Parts:
    """What an engine is made of. The honest ones, unless a test plants a bug."""

    provider: Callable[[Wire], Provider] = Provider
    connection: Callable[[Connection], Any] = lambda connection: connection
    store: Callable[[Store], Any] = _same
    reconciler: Callable[[Session], Reconciler] = Reconciler


class Harddisk:
    """The operator's disk, shared by all runs that are made there."""

    def __init__(self) -> None:
        self.disk = FakeDisk()
        self.disk.make_folder(HOME)
        self.disk.sync_folder(Path("/"))
        # The lineage of a state is drawn by lot; here by the seed, so that names are the same again.
        create(
            self.disk,
            Places(folder=HOME).state,
            write_text(snapshot_of(State(lineage=LINEAGE), {})),
            owner="setup",
        )

    def power_cut(self, world: World) -> None:
        self.disk = self.disk.power_cut(
            lambda: world.fate.random() < 0.5, lambda length: world.fate.randint(0, length)
        )


class RunnersDisk:
    """The same disk for one run: dead with it, and at `kill_at` (operations from now) it kills it."""

    def __init__(self, home: Harddisk, world: World, process: Process) -> None:
        self.home, self.world, self.process = home, world, process
        self.kill_at = 0
        self.full_until = 0.0
        self.mine: list[tuple[Path, Any]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def operation(*args: Any, **more: Any) -> Any:
            self.process.check()
            disk = self.home.disk
            if name in ("write", "link", "rename") and self.world.now < self.full_until:
                self.world.fault("disk full")
                raise OSError(errno.ENOSPC, "No space left on device", str(args[0]))
            disk.before = self._before
            found = getattr(disk, name)(*args, **more)
            disk.before = lambda step, what: None
            if name == "hold":
                return self._held(args[0], found)
            return found

        return operation

    def free(self) -> None:
        """The process ended: its locks are free."""
        for _, held in self.mine:
            held.close()
        self.mine.clear()

    def unlocked(self, path: Path) -> None:
        self.world.note(self.process.name, "unlock", path.name)
        if not any(is_lease(held_path) for held_path, _ in self.mine) and self.process in self.world.lessees:
            self.world.lessees.remove(self.process)

    def _before(self, step: int, what: str) -> None:
        if self.kill_at:
            self.kill_at -= 1
            if not self.kill_at:
                self.world.fault("killed in a write", what.split(" ")[0])
                self.process.dead = True
                self.home.disk.before = lambda step, what: None
                self.free()
                self.process.check()

    def _held(self, path: Path, held: Any) -> Any:
        self.mine.append((path, held))
        if is_lease(path):
            self.world.leased(self.process, path.name)
        return _Held(self, path, held)


def is_lease(path: Path) -> bool:
    """The lock file of a lease of the cluster, not the one of state.json."""
    return path.parent.name == CLUSTER and path.suffix == ".lock"


@dataclass
class _Held:
    disk: RunnersDisk
    path: Path
    held: Any

    def close(self) -> None:
        if (self.path, self.held) in self.disk.mine:
            self.disk.mine.remove((self.path, self.held))
            self.held.close()
            if is_lease(self.path):
                self.disk.unlocked(self.path)


@dataclass(frozen=True)
class Clock:
    world: World
    skew: float = 0.0

    def now(self) -> float:
        return START + self.world.now + self.skew

    def monotonic(self) -> float:
        return self.world.now


class Doors:
    """The vendors of one run."""

    def __init__(self, wire: Wire, parts: Parts) -> None:
        self.wire, self.parts, self.world = wire, parts, wire.world
        self._keys = itertools.count(1)

    async def nodes(self) -> Any:
        return self.parts.provider(self.wire)

    async def dns(self, dns: ZoneDns) -> Dns:
        return Dns(self.wire)

    async def images(self) -> Doors:
        return self

    async def resolve(self, reference: str) -> ResolvedImage | UnresolvedImage:
        return worlds.resolved(reference)

    async def connect(self, node: Recorded) -> Any:
        return self.parts.connection(await connect(self.wire, node))

    async def authorized_key(self) -> str:
        return "ssh-ed25519 AAAA"

    def new_host_key(self) -> HostKey:
        return HostKey(private="-", public=f"ssh-ed25519 {self.wire.process.name}{next(self._keys)}")

    async def ask_entry(self, address: str) -> EntryAnswer | NotObserved:
        def ask() -> EntryAnswer | NotObserved:
            owners = {a.owner for a in self.world.addresses.values() if a.address == address}
            for node in sorted(self.world.nodes.values(), key=lambda n: n.ordinal):
                if node.on and not node.cut and (node.holds == address or node.provider_id in owners):
                    return EntryAnswer(node=node.name)
            return NotObserved(reason="no answer within 2 s")

        try:
            return await self.wire.call("ask entry", ask)
        except DyniaError as error:
            return NotObserved(reason=error.message)


@dataclass
class Run:
    """`code` is how it ended, -1 while it has not."""

    name: str
    spec: ClusterSpec | None
    process: Process
    disk: RunnersDisk
    code: int = -1
    result: ApplyResult | None = None
    error: BaseException | None = None
    began: float = 0.0
    patience: float = 0.0
    stop: Any = None
    plans: list[Plan] = field(default_factory=list)
    by_hand: ByHand | None = None
    # What it wants since its release failed.
    back_to: ClusterSpec | None = None


def start(
    world: World,
    home: Harddisk,
    spec: ClusterSpec | None,
    name: str,
    parts: Parts,
    patience: float = 0.0,
    *,
    back: bool = False,
    swap: bool = False,
    resume: bool = False,
    by_hand: ByHand | None = None,
) -> Run:
    """Begin an apply. It ends when its code is set, or never, if it is killed. `patience` is how long it waits
    for the lock. `back`: it is a rollback, to the last good generation; `spec` is not asked. `swap`: some node
    is to be replaced by it. `resume`: a person lets go on what waits after its canary."""
    process = Process(name)
    disk = RunnersDisk(home, world, process)
    run = Run(name, spec, process, disk, began=world.now, patience=patience, by_hand=by_hand)
    world.loop.begin(process, _apply(world, run, parts, back=back, swap=swap, resume=resume))
    return run


async def _apply(world: World, run: Run, parts: Parts, *, back: bool, swap: bool, resume: bool) -> None:
    try:
        async with _opened(world, run, parts) as opened:
            engine = await _brought_back(world, run, parts, opened) if back else opened
            engine = _replacing(world, run, parts, opened) if swap else engine
            run.stop = engine.session.stop
            run.result = await engine.apply(
                lambda plan: _approved(world, run, plan),
                resume=resume and not back and run.by_hand is None,
                by_hand=run.by_hand,
            )
            run.code = run.result.exit_code
            if run.result.went_on:
                world.fired["left behind"] += 1
            if run.result.paused:
                world.fired["paused"] += 1
    except DyniaError as error:
        run.code, run.error = error.exit_code, error
    except Exception as error:  # noqa: BLE001 (a defect of the engine: told by the world)
        run.process.check()
        run.code, run.error = 99, error
    _look_back(world, run)
    world.note(run.name, "ended", str(run.code), type(run.error).__name__ if run.error else "")


async def _brought_back(world: World, run: Run, parts: Parts, opened: Reconciler) -> Reconciler:
    """From here on the run wants what a generation was, as the nodes tell it."""
    session = opened.session
    chosen = choose(session.store, CLUSTER, 0, "")
    wanted = await gathered(session, chosen, Ssh())
    run.spec = wanted.spec
    world.fired["rollback"] += 1
    return parts.reconciler(brought_back(session, wanted, chosen))


def _replacing(world: World, run: Run, parts: Parts, opened: Reconciler) -> Reconciler:
    """From here on the run wants another machine in the place of one that the state knows."""
    session = opened.session
    names = [node.name for node in session.store.state.nodes_of(CLUSTER)]
    if not names or run.spec is None:
        return opened
    name = random.Random(f"{world.seed}/{run.name}").choice(names)
    refuse_replacement(session.store.state, run.spec, name)
    world.fired["replacement"] += 1
    world.note(run.name, "replaces", name)
    return parts.reconciler(dataclasses.replace(session, replace=name))


def _look_back(world: World, run: Run) -> None:
    """Who is still on what failed after a way back that met nothing in its way."""
    back = run.result.back if run.result is not None else None
    if back is None or run.spec is None or back.failures or any(why != STILL for _, why in back.left):
        return
    world.fired["way back"] += 1
    held = {one.service for one in back.holds}
    bad = {
        f"{ROOT}/services/{service.name}/{file.path}": file.content
        for service in run.spec.services
        if service.name in held
        for file in service.files
        if SICK in file.content
    }
    for node in world.nodes.values():
        files = [path for path, file in sorted(node.files.items()) if bad.get(path) == file.content]
        if files and node.on and not node.cut and node.name not in back.astray:
            world.note(run.name, "left behind", node.name, files[0])


async def unhold(world: World, home: Harddisk, parts: Parts) -> None:
    """Somebody takes every hold away, if nobody else is at work."""
    process = Process("somebody")
    run = Run("somebody", None, process, RunnersDisk(home, world, process))
    async with _opened(world, run, parts) as engine:
        session = engine.session
        with suppress(DyniaError):
            async with leased(session):
                found = session.store.state.cluster(CLUSTER)
                if found is not None and found.holds:
                    changed = msgspec.structs.replace(found, holds=(), kept_out=())
                    session.store.write(CLUSTER, (PutCluster(cluster=changed),), "holds are taken away")


async def plan_only(
    world: World, home: Harddisk, spec: ClusterSpec | None, parts: Parts
) -> tuple[Plan, State]:
    process = Process("looker")
    run = Run("looker", spec, process, RunnersDisk(home, world, process))
    async with _opened(world, run, parts) as engine:
        return await engine.plan(), engine.session.store.state


@asynccontextmanager
async def _opened(world: World, run: Run, parts: Parts) -> AsyncIterator[Reconciler]:
    wire = Wire(world, run.process)
    doors = Doors(wire, parts)
    clock = Clock(world)
    ids = itertools.count(1)
    store = open_store(
        HOME,
        disk=run.disk,  # type: ignore[arg-type]
        clock=lambda: int(clock.now()),
        boot=clock.monotonic,
        new_id=lambda: hashlib.md5(f"{run.name}/{next(ids)}".encode()).hexdigest(),
    )
    wire.known = lambda: store.state.nodes_of(CLUSTER)
    given = parts.store(store)
    wire.guard = lambda: given.check(CLUSTER)

    def back(session: Session, wanted: Inputs, chosen: Chosen) -> Session:
        run.back_to = wanted.spec
        world.note(run.name, "goes back")
        return brought_back(session, wanted, chosen)

    session = Session(
        cluster=CLUSTER,
        spec=run.spec,
        templates=SMALL,
        secrets=worlds.known_secrets(run.spec) if run.spec else {},
        store=given,
        vendors=doors,
        emit=lambda event: _told(world, run, event),
        clock=clock,
        lessee=run.name,
        ask_entry=doors.ask_entry,
        lock_wait=run.patience,
        bring_back=back,
    )
    engine = parts.reconciler(session)
    try:
        yield engine
    finally:
        await engine.connections.close()


async def _approved(world: World, run: Run, plan: Plan) -> bool:
    run.plans.append(plan)
    if plan.resumes:
        world.fired["resumed"] += 1
    world.note(run.name, "approved", detail=f"{len(plan.steps)} steps")
    if plan.effect.interrupts:
        world.note(run.name, "agreed to an interruption")
    return True


def _told(world: World, run: Run, event: Event) -> None:
    match event:
        case PassStarted(number=number):
            world.note(run.name, "pass", str(number))
        case StepStarted(step=step):
            world.note(run.name, "began", step)
        case StepEnded(step=step):
            world.note(run.name, "ended well", step)
        case StepFailed(step=step, message=message):
            world.note(run.name, "failed", step, message.splitlines()[0])
        case _:
            return
