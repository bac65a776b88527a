"""One world: what is wanted, who runs, what goes wrong, and how it settles. All of it drawn from one seed."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from dynia.interfaces.desired import (
    ApiEntry,
    ClusterSpec,
    DigitalOceanProvider,
    DockerProvider,
    EnvSource,
    NoDns,
    NoEntry,
    PreDeploy,
    Provider,
    Rfc2136Dns,
    Rollout,
    VipEntry,
)
from dynia.services.planning.by_hand import ByHand, Reboot
from dynia.state.model import State
from tests.plans import worlds
from tests.simulation import laws, trouble
from tests.simulation.awaken import SICK, SICK_ON
from tests.simulation.runner import Harddisk, Parts, Run, plan_only, start, unhold
from tests.simulation.vendors import boot
from tests.simulation.world import World

replace = msgspec.structs.replace
MOST_APPLIES = 8
# What is said where each node serves what another lacks, and Caddy itself would have to be made anew on each of them.
NO_WAY = re.compile(r"set rollout\.max_unavailable to (\d+).*each serves what another lacks")
# Of so many worlds a person drains a node in one.
DRAINS = 0.15
# Before so many applies of one somebody has a node replaced.
SWAPS = 0.1
# In so many a new release waits after its canary, and of those applies a person lets so many go on.
PAUSES, RESUMES = 0.25, 0.5
# In so many one edits what stands at the entrance,
ENTRANCE = 0.2
# in so many nodes may fail a release,
TOLERATES = 0.5
# after so many changes one has nodes rebooted,
REBOOTS = 0.15
# and in so many worlds a service runs something once before its release.
ONCE = 0.3
ZONE = Rfc2136Dns(zone="example.com", server="ns.example.com", key="dynia", secret=EnvSource(env="DNS_KEY"))
# As in a file: only a cloud's API moves an address, and only elsewhere do nodes share a layer 2. A cluster stays where
# it is: a kernel never gets an address that a cloud gave to another machine.
LAB, CLOUD = DockerProvider(), DigitalOceanProvider(region="lon1")


@dataclass(slots=True)
class Told:
    """What became of a world. `gave_way`: no order kept to law 5 with so many nodes out at once, and a person let
    more of them be out, as the plan said."""

    seed: str
    violations: list[str]
    digest: str
    nodes: int
    steps: int
    applies: int
    runners: int
    codes: Counter[int]
    fired: Counter[str]
    seconds: float
    gave_way: bool = False
    trace: list[str] = field(default_factory=list)


def play(seed: str, parts: Parts | None = None, *, trace: bool = False) -> Told:
    """The world of a seed, from its beginning to its end."""
    world = World(seed)
    story = _Story(world, parts or Parts())
    try:
        world.loop.run_until_complete(world.loop.begin(None, story.told()))
    finally:
        for run in story.runs:
            run.process.dead = True
        world.loop.dispose()
    found = [*story.violations, *laws.broken(world, story.runs)]
    entries = world.record.entries
    return Told(
        seed=seed,
        violations=found,
        digest=world.record.digest(),
        nodes=story.most_nodes,
        steps=sum(e.what == "began" for e in entries),
        applies=len(story.runs),
        runners=story.most_runners,
        codes=Counter(run.code for run in story.runs),
        fired=world.fired,
        seconds=world.now,
        gave_way=story.gave_way,
        trace=[str(e) for e in entries] if trace else [],
    )


class _Story:
    def __init__(self, world: World, parts: Parts) -> None:
        self.world, self.parts = world, parts
        self.home = Harddisk()
        self.runs: list[Run] = []
        self.violations: list[str] = []
        self.most_nodes = 0
        self.most_runners = 1
        self.gave_way = False
        self.chance = world.story
        # Of its own, so that worlds without one are what they were.
        self.regret = random.Random(f"{world.seed}/regret")
        self.haste = random.Random(f"{world.seed}/haste")
        self.swaps = random.Random(f"{world.seed}/swap")
        self.boots = random.Random(f"{world.seed}/boots")
        self.once = random.Random(f"{world.seed}/once").random() < ONCE
        self.pauses = random.Random(f"{world.seed}/pauses").random() < PAUSES
        self.word = random.Random(f"{world.seed}/word")
        self.tolerates = random.Random(f"{world.seed}/tolerates")
        self.tolerant = self.tolerates.random() < TOLERATES

    async def told(self) -> None:
        world, chance = self.world, self.chance
        world.foreign_machine(chance.randint(1, 3))
        spec = draw_spec(chance, None)
        if chance.random() < 0.7:
            await self._ended(self._start(spec))
            spec = draw_spec(chance, spec, sick=0.15)
        # Drawn by itself: with one person more every other world is what it was.
        person = random.Random(f"{world.seed}/person")
        if person.random() < DRAINS:
            world.loop.later(person.uniform(0.0, 60.0), lambda: trouble.drain(world, self.home, self.runs))
        hands = random.Random(f"{world.seed}/hands")
        for _ in range(hands.choice((1, 2)) if hands.random() < ENTRANCE else 0):
            world.loop.later(
                hands.uniform(0.0, 60.0), lambda: trouble.edit_entrance(world, self.home, self.runs)
            )
        for _ in range(chance.choice((1, 1, 2))):
            await self._act(spec)
            if is_sick(spec) and chance.random() < 0.7:
                await self._act(spec)  # somebody tries the same again
            if self.regret.random() < 0.3:
                await self._act(spec, back=True)
            if self.swaps.random() < SWAPS:
                await self._act(spec, swap=True)
            if self.haste.random() < 0.3:
                await self._act(sick_of(spec))  # a release that fails, of what may be good now
            if self.tolerant and spec.nodes > 2:
                await self._act(sick_of(spec, self.tolerates.randint(1, 4)))
            if (one := self._reboot()) and not is_sick(spec):
                await self._act(spec, by_hand=one)
            if chance.random() < 0.5 or is_sick(spec):
                spec = draw_spec(chance, spec)
        await self._settle(spec)

    def _start(
        self,
        spec: ClusterSpec | None,
        patience: float = 0.0,
        *,
        back: bool = False,
        swap: bool = False,
        resume: bool | None = None,
        by_hand: ByHand | None = None,
    ) -> Run:
        self.most_nodes = max(self.most_nodes, spec.nodes if spec else 0)
        spec = with_once(spec) if spec and self.once else spec
        spec = with_pause(spec) if spec and self.pauses else spec
        spec = with_tolerance(spec) if spec and self.tolerant else spec
        if resume is None:
            resume = self.pauses and self.word.random() < RESUMES
        name = f"run-{len(self.runs) + 1}"
        run = start(
            self.world,
            self.home,
            spec,
            name,
            self.parts,
            patience,
            back=back,
            swap=swap,
            resume=resume,
            by_hand=by_hand,
        )
        self.runs.append(run)
        return run

    def _reboot(self) -> Reboot | None:
        """What a person asks for: one node, or all of them."""
        if self.boots.random() >= REBOOTS:
            return None
        names = sorted(n.name for n in self.world.nodes.values())
        return Reboot(node=self.boots.choice(["", "", *names]), os_updates=self.boots.random() < 0.3)

    async def _ended(self, run: Run) -> None:
        while run.code < 0 and not run.process.dead:  # noqa: ASYNC110 (a killed run tells nobody)
            await asyncio.sleep(0.5)

    async def _act(
        self,
        spec: ClusterSpec | None,
        *,
        back: bool = False,
        swap: bool = False,
        by_hand: ByHand | None = None,
    ) -> None:
        """Faults of the network all the time, and some deeds at some moments, while one or two applies run."""
        world, chance = self.world, self.chance
        odds = world.odds
        kind = chance.choice(("none", "few", "few", "many"))
        rate = {"none": 0.0, "few": 0.01, "many": 0.04}[kind]
        odds.lost_before, odds.lost_after, odds.late = rate, rate, rate / 2
        odds.slow, odds.old_list = rate / 2, 0.3 if rate else 0.0
        odds.fails, odds.hasty, odds.shuts = rate / 4, 0.04, 0.04
        if is_sick(spec) and not back:
            world.fired["sick release"] += 1
        runs = [self._start(spec, back=back, swap=swap, by_hand=by_hand)]
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            deeds = chance.choice((trouble.NODES, trouble.RUNNERS, trouble.RUNNERS, trouble.PEOPLE))
            deed = chance.choice(deeds)
            world.loop.later(chance.uniform(0.0, 25.0), lambda deed=deed: deed(world, self.home, runs))
        another = chance.random()
        if another < 0.35:
            patience = chance.choice((0.0, 90.0, 300.0))
            await asyncio.sleep(chance.uniform(0.0, 20.0))
            if another < 0.1:
                trouble.freeze_for(world, runs, chance.uniform(40.0, 160.0))
                patience = 300.0
            other = spec if chance.random() < 0.5 else draw_spec(chance, spec)
            runs.append(self._start(other, patience))
            if runs[0].code < 0 and not runs[0].process.dead:
                self.most_runners = 2
                world.fired["two runners"] += 1
        for run in runs:
            await self._ended(run)
        await asyncio.sleep(chance.uniform(0.0, 8.0))

    async def _settle(self, spec: ClusterSpec | None) -> None:
        """Nothing goes wrong any more: so many applies at most, then a plan is empty."""
        world = self.world
        world.odds.none()
        await asyncio.sleep(300.0)  # what is late lands, who is frozen wakes, who was cut off is back
        for run in self.runs:
            await self._ended(run)
        for node in world.nodes.values():
            node.cut = False
            if not node.on and self.chance.random() < 0.5:
                boot(world, node)
        await asyncio.sleep(5.0)
        for name in trouble.undrain(world):
            self.violations.append(f"a run let visitors in on {name}, which a person had drained")
        last, stuck = None, ""
        for _ in range(MOST_APPLIES):
            await unhold(world, self.home, self.parts)
            last = self._start(spec, resume=last is not None and _waits(last))
            await self._ended(last)
            await asyncio.sleep(1.0)
            if last.code == 0:
                break
            left = str(last.result.left) if last.result else ""
            if spec and left == stuck and (fewer := NO_WAY.search(left)):
                # No order keeps to law 5, and it says so, twice: a person does what it says.
                spec = replace(spec, rollout=replace(spec.rollout, max_unavailable=int(fewer[1])))
                self.gave_way = True
            stuck = left
        if last is None or last.code != 0:
            said = last.error or (last.result and (last.result.failures or last.result.left)) if last else ""
            self.violations.append(
                f"law 3: not settled after {MOST_APPLIES} applies: exit {last and last.code}, {said}"
            )
            return
        plan, state = await plan_only(world, self.home, spec, self.parts)
        if plan.steps or plan.drift or plan.not_observed:
            left = [s.id for s in plan.steps][:5] or [str(d) for d in plan.drift] or plan.not_observed
            self.violations.append(f"law 2: a plan after the apply that ended well is not empty: {left}")
        self.violations += laws.wrong_end(world, spec, state)


def is_sick(spec: ClusterSpec | None) -> bool:
    return spec is not None and any(SICK in f.content for s in spec.services for f in s.files)


def sick_of(spec: ClusterSpec, ordinal: int = 0) -> ClusterSpec:
    """The same with a release of the service that never becomes healthy, on one node or on all."""
    content = (SICK_ON + str(ordinal).encode() if ordinal else SICK) + b"\n"
    services = tuple(
        replace(s, files=tuple(replace(f, content=content) for f in s.files)) for s in spec.services
    )
    return replace(spec, services=services, rollout=replace(spec.rollout, on_failure="rollback"))


def with_once(spec: ClusterSpec) -> ClusterSpec:
    once = PreDeploy(container="web", command=("./manage.py", "migrate"), timeout=60.0)
    services = tuple(replace(s, pre_deploy=once if s.name == "api" else None) for s in spec.services)
    return replace(spec, services=services)


def with_tolerance(spec: ClusterSpec) -> ClusterSpec:
    out = max(spec.rollout.max_unavailable, 2 if spec.nodes > 2 else 1)
    return replace(spec, rollout=replace(spec.rollout, max_unavailable=out, max_failures=out - 1))


def _waits(run: Run) -> bool:
    """Whether it ended with a release that waits for a person, be it beside something else."""
    return run.result is not None and bool(run.result.last.paused)


def with_pause(spec: ClusterSpec) -> ClusterSpec:
    return replace(spec, rollout=replace(spec.rollout, pause_after_canary=spec.rollout.canary))


def draw_spec(chance: random.Random, before: ClusterSpec | None, *, sick: float = 0.0) -> ClusterSpec:
    """What a file says; where there was one before, mostly with something changed. Now and then it asks for a
    release that never becomes healthy."""
    nodes = chance.choice((1, 2, 3, 3, 4))
    if before is not None and chance.random() < 0.6:
        nodes = before.nodes
    level = f"level = {chance.randint(1, 3)}\n" if chance.random() >= sick else f"{SICK.decode()}\n"
    image = f"registry.example/api:1.{chance.randint(1, 3)}"
    offered = (
        worlds.service(image=image, config=level, env="TOKEN=one\n"),
        worlds.service("web", image=f"registry.example/web:{chance.randint(1, 2)}"),
        worlds.worker(),
    )
    chosen = tuple(s for s in offered if chance.random() < 0.7) or offered[:1]
    provider: Provider
    if before is not None:
        provider, entry, dns = before.provider, before.entry, before.dns
        if chance.random() < 0.1:
            moves = ApiEntry() if provider == CLOUD else VipEntry()
            entry = chance.choice((moves, NoEntry(), moves))
    else:
        provider, entry = chance.choice(
            ((LAB, VipEntry()), (LAB, VipEntry()), (LAB, VipEntry()), (CLOUD, NoEntry()), (CLOUD, ApiEntry()))
        )
        dns = chance.choice((NoDns(), ZONE, replace(ZONE, cname=True)))
    if isinstance(entry, NoEntry):
        dns = NoDns()
    rollout = Rollout(
        max_unavailable=chance.choice((1, 1, min(2, max(1, nodes - 1)))),
        canary=chance.random() < 0.7,
        monitor=chance.choice((0.0, 0.0, 5.0)),
        on_failure="pause" if image.endswith("3") else "rollback",
    )
    return worlds.cluster(nodes, chosen, provider=provider, entry=entry, dns=dns, rollout=rollout)


__all__ = ["State", "Told", "play"]
