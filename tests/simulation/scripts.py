"""What the node's own scripts do, step by step: they go on when the runner dies, and end in the middle with the node.

A copy of `dynia/providers/ssh/node/*.sh` in behaviour, not in text: lock, lineage, compare, keep the originals, swap,
bring to life, ask, commit; else everything back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from dynia.interfaces.errors import Locked, Refused, fenced
from dynia.interfaces.node_requests import (
    WHOLE_NODE,
    AskRequest,
    Bootstrapped,
    BootstrapRequest,
    ConfirmRequest,
    DrainRequest,
    ExecRequest,
    Executed,
    ExpectedFile,
    GateAnswer,
    GateRequest,
    PushAnswer,
    PushRequest,
    Question,
    RemoveRequest,
    Sent,
    ServiceAnswer,
    Traffic,
    TrafficRequest,
)
from dynia.services.actions.hand_over import UNATTENDED_S
from dynia.services.planning.places import inside
from tests.simulation.awaken import UNITS, activate, deactivate, starts_again
from tests.simulation.machine import LINEAGE_FILE, VAR, File, Kept, Node, Transaction, Unit
from tests.simulation.world import SERVICES, World

BUSY_S = 5.0, 60.0
KEEPALIVED = UNITS["keepalived"][0]
MOUNTED = "/services/api/config/app.toml"


class Script:
    """One script of a run on a node. `since` is when it got the lock."""

    def __init__(self, world: World, node: Node, who: str, component: str) -> None:
        self.world, self.node, self.who, self.component = world, node, who, component
        self.since = 0.0

    async def push(self, request: PushRequest) -> PushAnswer:
        return await self._alone(request.deadline_s, lambda: self._push(request))

    async def remove(self, request: RemoveRequest) -> PushAnswer:
        return await self._alone(request.deadline_s, lambda: self._remove(request))

    async def confirm(self, request: ConfirmRequest) -> PushAnswer:
        return await self._alone(request.deadline_s, lambda: self._confirm(request))

    async def back(self) -> None:
        """By the timer of a push, and after a reboot: nobody said the word."""
        node = self.node
        while True:
            if node.locked_by:
                await asyncio.sleep(0.1)
                continue
            kept = node.transactions.get(self.component)
            if kept is None or not kept.armed:
                return
            rest = kept.until - self.world.now if kept.boot == node.boots else 0.0
            if rest <= 0.0:
                break
            await asyncio.sleep(rest)
        node.locked_by, self.since = f"{self.who} {self.component}", self.world.now
        self.world.fired["went back by itself"] += 1
        try:
            await self._put_back()
        finally:
            node.locked_by = ""

    async def _alone(self, deadline_s: float, deed: Callable[[], Awaitable[PushAnswer]]) -> PushAnswer:
        """Under the node's lock, or not at all."""
        if not await self._lock(deadline_s):
            return PushAnswer(phase="lock", output=self.node.locked_by)
        try:
            answer = await deed()
            await self.pause()
            return answer
        finally:
            self.node.locked_by = ""

    async def _push(self, request: PushRequest) -> PushAnswer:
        world, node = self.world, self.node
        if node.lineage() not in ("", request.lineage):
            return PushAnswer(phase="lineage", output=node.lineage())
        if not request.swap:
            return await self._once(request)
        if not node.lineage():
            node.put(LINEAGE_FILE, File(request.lineage.encode() + b"\n"))
            await self.pause()
        if seen := node.fenced(request.fence):
            return PushAnswer(phase="fenced", output=str(seen))
        await self.pause()
        changed = await self._compare(request.expected)
        if changed:
            return PushAnswer(phase="expected", changed=changed)
        await self.pause()
        if wrong := self.check(request.check):
            return await self._failed("check", wrong)
        kept = node.transactions.get(self.component)
        if request.files or request.delete or kept:
            put = {f.path: File(f.content, f.mode) for f in request.files}
            await self._keep(put | dict.fromkeys(request.delete), request.activate, request.data)
        kept = node.transactions.get(self.component)
        if request.confirm_s and kept is not None and kept.anything:
            self._arm(kept, request.confirm_s)
            await self.pause()
        for file in request.files:
            self._write(file.path, File(file.content, file.mode))
            await self.pause()
        for path in request.delete:
            self._erase(path)
            await self.pause()
        if self.component in node.transactions:
            node.transactions[self.component].activating = True
        if any(f.path.endswith(MOUNTED) for f in request.files):
            self.world.note(self.who, "brought", node.name, content(request))
        await self.pause()
        wrong = self.awaken(request.activate)
        world.noticed(node, self.who)
        await self.pause()
        if wrong := wrong or self._fails("activate"):
            return await self._failed("activate", wrong)
        if wrong := self.probe(request.probe):
            return await self._failed("probe", wrong)
        if request.confirm_s and kept is not None and kept.armed:
            self._shuts()
            kept.until = world.now + request.confirm_s
            return PushAnswer(phase="open")
        return self._commit()

    def _arm(self, kept: Transaction, confirm_s: float) -> None:
        kept.armed, kept.until, kept.boot = True, self.world.now + confirm_s, self.node.boots
        self.set_timer(confirm_s)

    def set_timer(self, seconds: float) -> None:
        process, loop = self.node.process, self.world.loop
        waits = Script(self.world, self.node, self.node.name, self.component)
        loop.later(seconds, lambda: loop.begin(process, waits.back()))

    def _shuts(self) -> None:
        """Now and then what passed its check and its probe lets nobody in any more."""
        self.node.shut.discard(self.component)
        if self.world.shuts.random() < self.world.odds.shuts:
            self.world.fault("lets nobody in", self.node.name)
            self.node.shut.add(self.component)

    async def _confirm(self, request: ConfirmRequest) -> PushAnswer:
        node = self.node
        if node.lineage() not in ("", request.lineage):
            return PushAnswer(phase="lineage", output=node.lineage())
        if seen := node.fenced(request.fence):
            return PushAnswer(phase="fenced", output=str(seen))
        await self.pause()
        kept = node.transactions.get(self.component)
        if kept is None or not kept.armed:
            return PushAnswer(phase="back")
        if request.stay:
            return self._commit()
        return PushAnswer(phase="back", restored=await self._put_back())

    async def _once(self, request: PushRequest) -> PushAnswer:
        if seen := self.node.fenced(request.fence):
            return PushAnswer(phase="fenced", output=str(seen))
        await self.pause()
        if wrong := self.check(request.check):
            return PushAnswer(phase="check", output=wrong)
        self.world.note(self.who, "ran", self.node.name, content(request))
        return PushAnswer(phase="done")

    async def _remove(self, request: RemoveRequest) -> PushAnswer:
        node = self.node
        if node.lineage() not in ("", request.lineage):
            return PushAnswer(phase="lineage", output=node.lineage())
        if seen := node.fenced(request.fence):
            return PushAnswer(phase="fenced", output=str(seen))
        await self.pause()
        changed = await self._compare(request.expected, () if request.everything else request.paths)
        if changed:
            return PushAnswer(phase="expected", changed=changed)
        if request.deactivate:
            wrong = self.put_to_rest(request.deactivate)
            node.shut.discard(self.component)
            self.world.noticed(node, self.who)
            if wrong:
                return PushAnswer(phase="deactivate", output=wrong)
        await self.pause()
        # Its own folder goes last: the transaction is in it.
        paths = [path for path in request.paths if path != VAR]
        await self._keep(dict.fromkeys(paths), "")
        for path in paths:
            self._erase(path)
            await self.pause()
        done = self._commit()
        if VAR in request.paths:
            await self.pause()
            self._erase(VAR)
            node.transactions.clear()
            node.fencing, node.home = ("", 0), False
        return done

    async def _lock(self, deadline_s: float) -> bool:
        least, most = BUSY_S
        until = self.world.now + min(max(deadline_s / 3, least), most)
        while self.node.locked_by:
            if self.world.now >= until:
                return False
            await asyncio.sleep(0.1)
        self.node.locked_by, self.node.home = f"{self.who} {self.component}", True
        self.since = self.world.now
        return True

    async def _compare(
        self, expected: tuple[ExpectedFile, ...], only_seen: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """`only_seen`: paths below which there may be nothing else."""
        changed = (*self.differing(expected), *self.unseen(expected, only_seen))
        if changed and (kept := self.node.transactions.get(self.component)):
            if edited := self.strange(kept):
                return tuple(path for path in changed if path in edited) or changed
            await self._put_back()
            changed = (*self.differing(expected), *self.unseen(expected, only_seen))
        return changed

    def differing(self, expected: tuple[ExpectedFile, ...]) -> tuple[str, ...]:
        return tuple(e.path for e in expected if not self._as_expected(e))

    def unseen(self, expected: tuple[ExpectedFile, ...], paths: tuple[str, ...]) -> tuple[str, ...]:
        seen = {e.path for e in expected}
        whole = tuple(e.path + "/" for e in expected if e.there and not e.digest)
        left = (p for path in paths for p in self.node.below(path) if p not in seen)
        return tuple(sorted(p for p in left if not p.startswith(whole)))

    def _as_expected(self, wanted: ExpectedFile) -> bool:
        there = self.node.files.get(wanted.path)
        if there is None or not wanted.digest:
            folder = there is None and bool(self.node.below(wanted.path))
            return there is None and not wanted.digest and wanted.there == folder
        digest = there.keyed if wanted.digest.startswith("hmac:") else there.digest
        same_mode = not wanted.mode or wanted.mode == there.mode
        return digest == wanted.digest and same_mode and wanted.owner in ("", there.owner)

    def strange(self, kept: Transaction) -> tuple[str, ...]:
        """What is neither as it was found nor as it was put there: somebody wrote it since."""
        found: list[str] = []
        asked: set[str] = set()
        for one in reversed(kept.kept):
            now = {path: self.node.files[path].look for path in self.node.below(one.path)}
            put = {} if one.put is None else {one.path: one.put.look}
            before = {path: file.look for path, file in one.there.items()}
            if one.theirs or inside(one.path, asked) or now == put:
                pass
            elif now:
                mine = (path for path, look in now.items() if before.get(path) != look)
                found += [path for path in mine if not inside(path, asked)]
            elif before:
                found.append(one.path)
            asked.add(one.path)
        return tuple(found)

    async def _keep(self, puts: Mapping[str, File | None], script: str, data: tuple[str, ...] = ()) -> None:
        kept = self.node.transactions.get(self.component) or Transaction()
        kept.activate = script or kept.activate
        await self.pause()
        self.node.transactions[self.component] = kept
        for path, put in puts.items():
            there = {one: self.node.files[one] for one in self.node.below(path)}
            kept.kept.append(Kept(path, there, put, theirs=put is not None and inside(path, data)))
            kept.anything = kept.anything or bool(there)
        await self.pause()

    def _write(self, path: str, file: File) -> None:
        self.node.put(path, file)
        self.world.note(self.who, "write", self.node.name, path, self.since)

    def _erase(self, path: str) -> None:
        for one in self.node.drop(path):
            self.world.note(self.who, "erase", self.node.name, one, self.since)

    # what a request's own scripts say: nothing, or what is wrong

    def check(self, script: str) -> str:
        return self._fails("check")

    def awaken(self, script: str) -> str:
        kept = self.node.transactions.get(self.component)
        held = self.node.vrrp == "MASTER"
        touched = {one.path for one in kept.kept} if kept else set()
        if script and starts_again(self.node, self.component, touched) and held:
            self.world.note(self.who, "cuts", self.node.name, self.component)
        return activate(self.node, self.component, script)

    def probe(self, script: str) -> str:
        return self._fails("probe") if script else ""

    def put_to_rest(self, script: str) -> str:
        deactivate(self.node, self.component)
        return ""

    def _fails(self, phase: str) -> str:
        if self.world.chance(self.world.odds.fails):
            self.world.fault(f"{phase} fails", self.node.name)
            return f"{phase}: exit 1"
        return ""

    async def _failed(self, phase: str, wrong: str) -> PushAnswer:
        await self.pause()
        restored = self.component not in self.node.transactions or await self._put_back()
        return PushAnswer(phase=phase, restored=restored, output=wrong)  # type: ignore[arg-type]

    async def _put_back(self) -> bool:
        """Whether the component was brought to life again, where something was there before."""
        kept = self.node.transactions[self.component]
        edited = self.strange(kept)
        left = [k for k in kept.kept if any(inside(one, (k.path,)) for one in edited)]
        wanted: dict[str, File | None] = {}
        for k in reversed([k for k in kept.kept if k not in left]):
            under = [one for one in (*wanted, *self.node.files) if one.startswith(k.path + "/")]
            wanted |= dict.fromkeys((k.path, *under)) | k.there
        back: dict[str, File | None] = {}
        for k in [k for k in self.to_put_back(kept) if k not in left]:
            back |= dict.fromkeys((k.path, *self._take(k)), None) | k.there
            for one, file in k.there.items():
                self.node.put(one, file)
            kept.kept = [other for other in kept.kept if other is not k]
            await self.pause()
        for path, file in wanted.items():
            if back.get(path, self.node.files.get(path)) is not file:
                self.world.note(self.who, "not back", self.node.name, path)
        wrong = self.awaken(kept.activate) if kept.activating and kept.activate else ""
        self.node.shut.discard(self.component)
        await self.pause()
        if left:
            return False
        self.node.transactions.pop(self.component)
        self.world.note(self.who, "put back", self.node.name, self.component, self.since)
        self.world.noticed(self.node, self.who)
        return not wrong or not kept.anything

    def _take(self, kept: Kept) -> list[str]:
        """What lies at a path goes, for what was there before."""
        for one in self.node.below(kept.path):
            known = (kept.there.get(one), kept.put if one == kept.path else None)
            if not any(file is not None and file.look == self.node.files[one].look for file in known):
                self.world.note(self.who, "put over", self.node.name, one, self.since)
        return self.node.drop(kept.path)

    def to_put_back(self, kept: Transaction) -> list[Kept]:
        """The last first."""
        return kept.kept[::-1]

    def _commit(self) -> PushAnswer:
        self.node.transactions.pop(self.component, None)
        self.world.note(self.who, "done", self.node.name, self.component, self.since)
        return PushAnswer(phase="done")

    async def pause(self) -> None:
        await asyncio.sleep(self.world.pace.uniform(0.01, 0.4))


def content(request: PushRequest) -> str:
    """Of the service that may have a pre_deploy, the content that tells its releases apart."""
    return next((f.content.decode() for f in request.files if f.path.endswith(MOUNTED)), "")


async def bootstrap(world: World, node: Node, who: str, request: BootstrapRequest) -> Bootstrapped:
    await asyncio.sleep(world.pace.uniform(0.5, 4.0))
    if node.lineage() not in ("", request.lineage):
        raise Refused(f"this host belongs to another state ({node.lineage()})")
    if not node.lineage():
        node.put(LINEAGE_FILE, File(request.lineage.encode() + b"\n"))
    node.home = True
    if seen := node.fenced(request.fence):
        raise fenced("", str(seen))
    node.packages |= set(request.packages)
    if "docker.io" in node.packages:
        node.units.setdefault("docker.service", Unit())
    world.note(who, "done", node.name, "bootstrap")
    return Bootstrapped(packages=dict.fromkeys(sorted(node.packages), "1.0"))


async def handing_over(world: World, node: Node, who: str, told: str, request: ExecRequest) -> Executed:
    """keepalived stops, or begins again: at the latest by a timer of the node's own, whoever dies."""
    script = Script(world, node, who, "deed")
    if not await script._lock(20.0):
        raise Locked(f"the node is busy: {node.locked_by}")
    try:
        if seen := node.fenced(request.fence):
            raise fenced("", str(seen))
        if told == "hand over":
            await asyncio.sleep(world.pace.choice((0.1, 0.5, 2.0)))
        unit = node.units.get(KEEPALIVED)
        if unit is None:
            return Executed(exit_code=1, stdout=b"", stderr=b"Unit keepalived.service not found")
        if told == "start":
            _speaks_again(world, node, who)
        else:
            unit.active, node.vrrp, node.holds = "inactive", "", ""
            boot = node.boots
            world.loop.later(UNATTENDED_S, lambda: node.boots == boot and _speaks_again(world, node, "world"))
        world.note(who, "done", node.name, told)
        world.noticed(node, who)
        await script.pause()
        return Executed(exit_code=0, stdout=b"", stderr=b"")
    finally:
        node.locked_by = ""


def _speaks_again(world: World, node: Node, who: str) -> None:
    unit = node.units.get(KEEPALIVED)
    if unit is not None and node.on and UNITS["keepalived"][1] in node.files:
        unit.active, node.vrrp = "active", node.vrrp or "BACKUP"
        world.noticed(node, who)


async def drain(world: World, node: Node, who: str, request: DrainRequest) -> tuple[str, ...]:
    script = Script(world, node, who, "drain")
    if not await script._lock(20.0):
        raise Locked(f"the node is busy: {node.locked_by}")
    try:
        if seen := node.fenced(request.fence):
            raise fenced("", str(seen))
        for service in request.services:
            await script.pause()
            if not request.lasts_s:
                node.flags.pop(service, None)
            else:
                node.flags[service] = world.now + request.lasts_s
                for one in SERVICES if service == WHOLE_NODE else (service,):
                    node.at_work[one] = world.now + world.pace.choice((0.0, 0.3, 1.0, 2.0, 4.0, 40.0))
                world.loop.later(request.lasts_s, lambda: world.noticed(node, "world"))
            world.noticed(node, who)
        world.note(who, "done", node.name, "drain" if request.lasts_s else "undrain")
        return request.services if request.lasts_s else ()
    finally:
        node.locked_by = ""


async def traffic(world: World, node: Node, request: TrafficRequest) -> Traffic:
    """HAProxy knows the nodes that its config names, and what each serves now."""
    await asyncio.sleep(world.pace.uniform(0.01, 0.2))
    named = node.loaded.get("haproxy", b"").decode(errors="replace").split()
    http = [service for service, routed in SERVICES.items() if routed and service in named]
    return Traffic(
        sent=tuple(
            Sent(
                service=service,
                node=n.name,
                taking=n.takes(service, world.now, http=True),
                sessions=int(n.at_work.get(service, 0.0) > world.now),
            )
            for service in http
            for n in world.known(node, service)
        )
    )


async def ask(world: World, node: Node, request: AskRequest) -> tuple[ServiceAnswer, ...]:
    """What this node's own Caddy answers, or whoever has the address: of those whom it sends to, one that serves."""
    await asyncio.sleep(world.pace.uniform(0.01, 0.2))
    return tuple(_heard(world, node, one) for one in request.questions)


def _heard(world: World, node: Node, question: Question) -> ServiceAnswer:
    if question.port == 8080:
        return _through_caddy(node, question.host)
    holder = world.holder_of(question.address)
    if holder is None:
        return ServiceAnswer(said="no answer in time", silent=True)
    lines = holder.loaded.get("haproxy", b"").decode(errors="replace").splitlines()
    service = next((line.split()[0] for line in lines if question.host in line.split()), "")
    told = [_through_caddy(n, question.host) for n in world.known(holder, service) if n.on and not n.cut]
    return next((one for one in told if one.status == 200), ServiceAnswer(status=503))


def _through_caddy(node: Node, host: str) -> ServiceAnswer:
    if not any(c.well for c in node.project("dynia-caddy")):
        return ServiceAnswer(said="can't connect")
    for line in node.loaded.get("caddy", b"").decode(errors="replace").splitlines():
        service, *domains, _, release = line.split() if len(line.split()) > 3 else ("", "", "")
        if host in domains:
            serves = node.serves(service, http=True)
            return ServiceAnswer(status=200, release=release) if serves else ServiceAnswer(status=502)
    return ServiceAnswer(status=421)


def told(world: World, node: Node, url: str) -> bytes:
    """What the HAProxy says that this node hears there, in HTTP; nothing where none answers."""
    address, word = url.removeprefix("http://").split("/.well-known/dynia/")
    heard = node if address == "127.0.0.1" else world.holder_of(address)
    if heard is None or not heard.running("haproxy.service"):
        return b""
    return f"HTTP/1.1 200 OK\r\nX-Dynia-Node: {heard.name}\r\n\r\n{word}".encode()


async def gate(world: World, node: Node, who: str, request: GateRequest) -> GateAnswer:
    """Asked again and again until it serves or the time is over."""
    until = world.now + request.timeout_s + request.monitor_s
    since = 0.0
    while True:
        mine = {c.service: c for c in node.project(request.project)}
        right = {name: c.config for name, c in mine.items()} == request.containers
        if right and all(c.well for c in mine.values()):
            http = bool(request.url)
            if node.serves(request.service, http=http):
                since = since or world.now
                if world.now - since >= request.monitor_s:
                    world.note(who, "healthy", node.name, request.service)
                    return GateAnswer(healthy=True)
            else:
                since = 0.0
        else:
            since = 0.0
        if world.now >= until:
            world.note(who, "sick", node.name, request.service)
            return GateAnswer(healthy=False, reason=f"did not become healthy in {request.timeout_s:g} s")
        await asyncio.sleep(0.5)
