"""Machines in memory with all the doors of a run: a node provider, connections, images. Real engine, model world.

What a node does with a request is `planning.model_node`'s; here is what a network and a crash add. Before and after
everything that looks or changes, and in the middle of what has one, `tick` is called: it may raise.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace as with_fields
from functools import cache
from pathlib import Path

import msgspec

from dynia.interfaces.desired import ClusterSpec, ZoneDns
from dynia.interfaces.errors import ApplyFailed, NotObservedError, fenced
from dynia.interfaces.events import Event
from dynia.interfaces.node_requests import (
    AskRequest,
    Bootstrapped,
    BootstrapRequest,
    ConfirmRequest,
    DrainRequest,
    ExecRequest,
    Executed,
    Fence,
    GateAnswer,
    GateRequest,
    ImageRequest,
    ObserveRequest,
    PushAnswer,
    PushRequest,
    Question,
    RemoveRequest,
    ServiceAnswer,
    Traffic,
    TrafficRequest,
)
from dynia.interfaces.observed import (
    DnsRecord,
    EntryAnswer,
    NodeFacts,
    NotObserved,
    Offer,
    ProviderAddress,
    ProviderNode,
    ResolvedImage,
    UnresolvedImage,
)
from dynia.interfaces.pem import ORIGIN, read_pem
from dynia.providers.protocols import CertificateOrder, Certified, DnsMark, DnsWish, NodeOrder
from dynia.services.actions.base import HostKey
from dynia.services.actions.hand_over import SCRIPTS
from dynia.services.actions.reboot_node import BOOT, REBOOT, UPDATES, running
from dynia.services.actions.write_manifest import MANIFEST
from dynia.services.apply_result import ApplyResult
from dynia.services.planning.by_hand import ByHand
from dynia.services.planning.components import PEM, secret_files
from dynia.services.planning.components.compose_override import project
from dynia.services.planning.components.failover import UNIT as CLAIM_UNIT
from dynia.services.planning.components.haproxy import check_host
from dynia.services.planning.components.service_secrets import paths_of
from dynia.services.planning.generations import Inputs
from dynia.services.planning.model_node import ModelNode
from dynia.services.planning.plan import Plan
from dynia.services.planning.serving import can_claim
from dynia.services.planning.simulate import rendered_for
from dynia.services.planning.wanted import Wanted
from dynia.services.rebuild import FENCING_PATH, LINEAGE_PATH
from dynia.services.reconcile import Reconciler
from dynia.services.rollback import PIECE, READ, Chosen
from dynia.services.session import Session
from dynia.state.disk import Disk
from dynia.state.generation import FOLDER as GENERATIONS
from dynia.state.lease import boottime
from dynia.state.manifest import PATH as MANIFEST_PATH
from dynia.state.model import Node, State
from dynia.state.store import Store, open_store
from tests.fakes.certificates import authority
from tests.fakes.disk import FakeDisk
from tests.fakes.time_that_jumps import run
from tests.plans import worlds
from tests.plans.templates import SMALL

HOME = Path("/team")
replace = msgspec.structs.replace
Lie = Callable[[str, str], PushAnswer | GateAnswer | None]


NOW = 1_800_000_000


class Cloud:
    """`truth` is how it is. `made` counts the machines ever made, by ordinal; `deeds` every change, in order, and
    `gates` every gate that was asked.

    `lie(what, node)` may give another answer than the true one, to a push or a gate whose effect then stays away;
    it may also raise, as a connection that breaks does. `cut` names nodes that run and do not answer; the entry
    address answers this machine while it is `reachable`; `blind` Caddyfiles look at no flag. `traffic` is what the
    HAProxy of a node tells. `opened` is how a node was before a push that waits for its word, by component; on
    nodes that are `deaf` no HAProxy answers. `slow` is how long a push takes, by node.
    `readdressed`: keepalived's file names another address than the state. `answers` may give another answer to what a node asks than the true one, or raise
    too; `asked` counts by node. Without `registry` nobody may ask for an image; those that are `unpulled` have
    left it, those that are `unknown` were never there. `streamed` are in the operator's Docker alone.
    """

    def __init__(self) -> None:
        self.machines: dict[int, ProviderNode] = {}
        self.nodes: dict[int, NodeFacts] = {}
        self.manifests: dict[int, bytes] = {}
        self.generations: dict[int, dict[str, bytes]] = {}
        self.fencing: dict[int, str] = {}
        self.address = False
        self.owner = ""
        self.attached: list[str] = []
        self.records: dict[str, DnsRecord] = {}
        self.made: Counter[int] = Counter()
        self.deeds: list[str] = []
        self.gates: list[GateRequest] = []
        self.good: set[tuple[str, str, str]] = set()
        self.opened: dict[tuple[int, str], NodeFacts] = {}
        self.deaf: set[str] = set()
        self.slow: dict[str, float] = {}
        self.readdressed = False
        self.cut: set[str] = set()
        self.reachable = True
        self.blind = False
        self.registry = True
        self.unpulled: set[str] = set()
        self.unknown: set[str] = set()
        self.streamed: set[str] = set()
        self.tick: Callable[[str], None] = _nothing
        self.lie: Lie = _truth
        self.traffic: Callable[[str], Traffic] = lambda node: Traffic()
        self.answers: Callable[[str, Question], ServiceAnswer | None] = lambda node, question: None
        self.asked: Counter[str] = Counter()

    def copied(self) -> Cloud:
        """Another one that is the same."""
        other = Cloud()
        other.machines, other.nodes, other.address = dict(self.machines), dict(self.nodes), self.address
        other.owner, other.manifests = self.owner, dict(self.manifests)
        other.fencing = dict(self.fencing)
        other.generations = {n: dict(kept) for n, kept in self.generations.items()}
        other.records, other.opened = dict(self.records), dict(self.opened)
        other.made, other.good, other.cut = copy.copy(self.made), set(self.good), set(self.cut)
        return other

    def goes_back(self, ordinal: int, component: str) -> None:
        """Nobody said the word in time."""
        self.nodes[ordinal] = self.opened.pop((ordinal, component))
        self.elect()

    def truth(self) -> object:
        """Everything that an apply makes, without who happens to be master, and without manifests: they count
        writes, and whether they are right is seen by a plan."""
        nodes = {n: _bare(facts) for n, facts in self.nodes.items()}
        machines, records = dict(sorted(self.machines.items())), dict(sorted(self.records.items()))
        return machines, dict(sorted(nodes.items())), self.address, records

    def touch(self, ordinal: int, facts: NodeFacts) -> None:
        """Somebody's hands were on a node. keepalived, where it runs, has its role again a moment later."""
        runs = any(u.name == "keepalived.service" and u.active == "active" for u in facts.units)
        self.nodes[ordinal] = replace(facts, vrrp="BACKUP") if runs and not facts.vrrp else facts
        self.elect()

    def elect(self) -> None:
        """keepalived: one master among those that run it. One with a claim unit asks the vendor for the address,
        and it is on no kernel."""
        claimed = any(can_claim(facts) for facts in self.nodes.values())
        up = [
            n
            for n in sorted(self.nodes)
            if n in self.machines and self.machines[n].status == "running" and self.nodes[n].vrrp
        ]
        if up and not any(self.nodes[n].vrrp == "MASTER" for n in up):
            have = () if claimed else ("198.18.7.5",)
            self.nodes[up[0]] = replace(self.nodes[up[0]], vrrp="MASTER", addresses=have)
        masters = [n for n in up if self.nodes[n].vrrp == "MASTER"]
        if self.address and len(masters) == 1 and can_claim(self.nodes[masters[0]]):
            self.owner = self.machines[masters[0]].provider_id

    def power(self, ordinal: int, status: str | None) -> None:
        """A machine is off, or gone (None)."""
        if status is None:
            del self.machines[ordinal], self.nodes[ordinal]
            self.fencing.pop(ordinal, None)
        else:
            self.machines[ordinal] = replace(self.machines[ordinal], status=status)
            self.nodes[ordinal] = replace(self.nodes[ordinal], vrrp="", addresses=())
        self.elect()


class Doors:
    """The doors of one run. `wanted` is what the run rendered last; a release is brought to life by it."""

    def __init__(self, cloud: Cloud, wanted: Callable[[], Wanted | None]) -> None:
        self.cloud, self.wanted = cloud, wanted

    async def nodes(self) -> Doors:
        return self

    async def images(self) -> Doors:
        return self

    async def dns(self, dns: ZoneDns) -> Doors:
        return self

    async def list_records(self, zone: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        await self._before("list records")
        return tuple(self.cloud.records[key] for key in sorted(self.cloud.records))

    async def look_up(self, zone: str, name: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        return tuple(r for r in await self.list_records(zone, mark) if r.name == name)

    async def create_record(self, zone: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        await self._before(f"bind {wish.name}")
        records = self.cloud.records
        found = next((r for r in records.values() if r.name == wish.name and r.value == wish.value), None)
        if found is None:
            assert not [r for r in records.values() if r.name == wish.name]
            found = self._put(f"record {wish.name}", wish)
        self.cloud.tick(f"bound {wish.name}")
        return found

    async def adopt_record(self, zone: str, record_id: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        await self._before(f"change {wish.name}")
        found = self._put(record_id, wish)
        self.cloud.tick(f"changed {wish.name}")
        return found

    async def delete_record(self, zone: str, record_id: str, mark: DnsMark) -> None:
        await self._before(f"unbind {record_id}")
        gone = self.cloud.records.pop(record_id, None)
        assert gone is None or gone.ours
        self.cloud.tick(f"unbound {record_id}")

    def _put(self, record_id: str, wish: DnsWish) -> DnsRecord:
        made = DnsRecord(record_id=record_id, name=wish.name, type=wish.type, value=wish.value, ours=True)
        self.cloud.records[record_id] = made
        self.cloud.deeds.append(f"name {wish.name}")
        return made

    async def authorized_key(self) -> str:
        return "ssh-ed25519 AAAA"

    def new_host_key(self) -> HostKey:
        return HostKey(private="-", public="ssh-ed25519 AAAA")

    async def resolve(self, reference: str) -> ResolvedImage | UnresolvedImage:
        assert self.cloud.registry, "a registry that nobody reaches is asked"
        if reference in self.cloud.unknown:
            return UnresolvedImage(reference=reference, reason="no registry has it")
        if reference in self.cloud.streamed:
            name = f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}"
            return ResolvedImage(reference=reference, origin="operator", run=name, image_id=name)
        return worlds.resolved(reference)

    async def connect(self, node: Node) -> Connection:
        self.cloud.tick(f"connect {node.name}")
        machine = self.cloud.machines.get(node.ordinal)
        if machine is None or machine.status != "running" or node.name in self.cloud.cut:
            raise NotObservedError(f"{node.name}: no answer")
        return Connection(self, node)

    async def lineages(self, cluster: str) -> tuple[str, ...]:
        await self._before("lineages")
        return tuple(sorted({f.lineage for f in self.cloud.nodes.values() if f.lineage}))

    async def offer(self, lineage: str, cluster: str, *, size: str, image: str, region: str) -> Offer:
        return Offer()

    async def list_nodes(self, lineage: str, cluster: str) -> tuple[ProviderNode, ...]:
        await self._before("list")
        return tuple(self.cloud.machines[n] for n in sorted(self.cloud.machines))

    async def create_node(self, order: NodeOrder) -> ProviderNode:
        await self._before(f"create {order.ordinal}")
        cloud, n = self.cloud, order.ordinal
        if n not in cloud.machines:
            cloud.made[n] += 1
            cloud.deeds.append(f"create {n}")
            where = f"198.18.7.{10 + n}"
            cloud.machines[n] = ProviderNode(
                provider_id=f"box-{n}",
                name=order.name,
                ordinal=n,
                status="absent",
                public_ip=where,
                private_ip=where,
                host_key=order.host_public_key,
            )
        cloud.tick(f"half created {n}")
        if cloud.machines[n].status == "absent":
            cloud.machines[n] = replace(cloud.machines[n], status="running")
            cloud.nodes[n] = NodeFacts(hostname=order.name, boot_id="boot-1", os="Debian 13", arch="x86_64")
        cloud.tick(f"created {n}")
        return cloud.machines[n]

    async def start_node(self, provider_id: str) -> ProviderNode:
        n = self._ordinal(provider_id)
        await self._before(f"start {n}")
        cloud = self.cloud
        cloud.deeds.append(f"start {n}")
        cloud.machines[n] = replace(cloud.machines[n], status="running")
        if any(u.name == "keepalived.service" for u in cloud.nodes[n].units):
            cloud.nodes[n] = replace(cloud.nodes[n], vrrp="BACKUP")
            cloud.elect()
        cloud.tick(f"started {n}")
        return cloud.machines[n]

    async def delete_node(self, provider_id: str) -> None:
        await self._before(f"delete {provider_id}")
        n = self._ordinal(provider_id)
        if n in self.cloud.machines:
            self.cloud.deeds.append(f"delete {n}")
            if self.cloud.owner == self.cloud.machines[n].provider_id:
                self.cloud.owner = ""
            del self.cloud.machines[n]
            self.cloud.nodes.pop(n, None)
            self.cloud.fencing.pop(n, None)
            self.cloud.elect()
        self.cloud.tick(f"deleted {provider_id}")

    async def list_reserved_ips(self, lineage: str, cluster: str) -> tuple[ProviderAddress, ...]:
        address = ProviderAddress(provider_id="address-1", address="198.18.7.5", owner=self.cloud.owner)
        return (address,) if self.cloud.address else ()

    async def allocate_reserved_ip(self, lineage: str, cluster: str) -> ProviderAddress:
        await self._before("allocate")
        self.cloud.address = True
        self.cloud.tick("allocated")
        return ProviderAddress(provider_id="address-1", address="198.18.7.5")

    async def release_reserved_ip(self, provider_id: str) -> None:
        await self._before("release")
        self.cloud.address = False
        self.cloud.owner = ""
        self.cloud.tick("released")

    async def attach_reserved_ip(self, provider_id: str, node_provider_id: str) -> None:
        await self._before(f"attach {node_provider_id}")
        self.cloud.owner = node_provider_id
        self.cloud.attached.append(node_provider_id)
        self.cloud.tick("attached")

    async def detach_reserved_ip(self, provider_id: str) -> None:
        await self._before("detach")
        self.cloud.owner = ""
        self.cloud.tick("detached")

    async def ask_entry(self, address: str) -> EntryAnswer | NotObserved:
        """Whoever has the address answers: by the vendor's word, and where there is none by the kernels'."""
        await asyncio.sleep(0)
        holder = self.holder(address)
        if holder is None or not self.cloud.reachable:
            return NotObserved(reason="no answer within 2 s")
        return EntryAnswer(node=self.cloud.machines[holder].name)

    def holder(self, address: str) -> int | None:
        nodes, machines = self.cloud.nodes, self.cloud.machines
        have = [n for n in sorted(nodes) if machines[n].provider_id == self.cloud.owner]
        return next(iter(have or [n for n in sorted(nodes) if address in nodes[n].addresses]), None)

    async def _before(self, what: str) -> None:
        await asyncio.sleep(0)
        self.cloud.tick(what)

    def _ordinal(self, provider_id: str) -> int:
        return int(provider_id.removeprefix("box-"))


class Connection:
    """To one node."""

    def __init__(self, doors: Doors, node: Node) -> None:
        self.doors, self.cloud, self.node = doors, doors.cloud, node

    async def observe(self, request: ObserveRequest) -> NodeFacts:
        await self._reached("observe")
        self._passed(request.fence)
        secrets = {c.path: worlds.hmac(c.content) for c in request.candidates}
        return replace(self.cloud.nodes[self.node.ordinal], secrets=secrets)

    async def bootstrap(self, request: BootstrapRequest) -> Bootstrapped:
        await self._reached("bootstrap")
        self._passes(request.fence)
        self._becomes(
            lambda n: (setattr(n, "lineage", request.lineage), n.packages.update(_versions(request)))
        )
        self.cloud.tick(f"{self.node.name} bootstrapped")
        return Bootstrapped(packages=_versions(request))

    async def push(self, request: PushRequest) -> PushAnswer:
        if self.node.name in self.cloud.slow:
            await asyncio.sleep(self.cloud.slow[self.node.name])
        await self._reached("push")
        if seen := self._passed(request.fence):
            return PushAnswer(phase="fenced", output=str(seen))
        facts = self.cloud.nodes[self.node.ordinal]
        seen = {f.path: (f.digest, f.mode, f.owner) for f in facts.files}
        changed = tuple(
            e.path
            for e in request.expected
            if seen.get(e.path, ("", 0, "")) != (e.digest, e.mode if e.digest else 0, e.owner)
        )
        if changed:
            return PushAnswer(phase="expected", changed=changed)
        lie = self.cloud.lie("push", self.node.name)
        if isinstance(lie, PushAnswer):
            return lie
        if not request.swap:
            lie = self.cloud.lie("pre-deploy", self.node.name)
            self.cloud.deeds.append(f"{self.node.name} {request.component}")
            self.cloud.tick(f"{self.node.name} pre-deployed")
            return lie if isinstance(lie, PushAnswer) else PushAnswer(phase="done")
        if request.component == MANIFEST:
            lie = self.cloud.lie(MANIFEST, self.node.name)
            return lie if isinstance(lie, PushAnswer) else self._keep(request)
        wanted = self.doors.wanted()
        assert wanted is not None

        def swap(node: ModelNode) -> None:
            for file in request.files:
                if file.path == PEM:
                    node.keep_certificate(PEM, read_pem(file.content, file.content).seen)
                elif file.secret:
                    node.secrets[file.path] = worlds.hmac(file.content)
            node.write(f for f in request.files if f.path != PEM)
            node.delete(request.delete)
            node.secrets.clear()
            node.unfinished.add(request.component)

        self._becomes(swap)
        self.cloud.deeds.append(f"{self.node.name} push {request.component}")
        self.cloud.tick(f"{self.node.name} swapped {request.component}")
        if seen := self._passed(request.fence):
            # On a node nobody comes between: the push holds the node's own lock.
            return PushAnswer(phase="fenced", output=str(seen))
        recipe = wanted.recipes[self.node.name][request.component]
        release, component = recipe.release, wanted.by_name[request.component]
        opens = request.confirm_s and (
            (self.node.ordinal, request.component) in self.cloud.opened
            or ((request.files or request.delete) and any(e.there for e in request.expected))
        )
        again = bool(recipe.restart) and request.activate == recipe.restart
        awake = ModelNode.restart if again else ModelNode.activate
        topology = wanted.topology_of(self.node.name)
        self._becomes(lambda node: awake(node, component, topology, release.containers))
        self.cloud.elect()
        self.cloud.good.add((self.node.name, request.component, release.id))
        if opens:
            self.cloud.opened.setdefault((self.node.ordinal, request.component), facts)
            self._becomes(lambda node: node.unfinished.add(request.component))
        self.cloud.tick(f"{self.node.name} pushed {request.component}")
        return PushAnswer(phase="open" if opens else "done")

    async def confirm(self, request: ConfirmRequest) -> PushAnswer:
        await self._reached("confirm")
        if seen := self._passed(request.fence):
            return PushAnswer(phase="fenced", output=str(seen))
        opened = (self.node.ordinal, request.component)
        if opened not in self.cloud.opened:
            return PushAnswer(phase="back")
        if not request.stay:
            self.cloud.goes_back(*opened)
            return PushAnswer(phase="back")
        del self.cloud.opened[opened]
        self._becomes(lambda node: node.unfinished.discard(request.component))
        self.cloud.tick(f"{self.node.name} confirmed {request.component}")
        return PushAnswer(phase="done")

    def _keep(self, request: PushRequest) -> PushAnswer:
        """A manifest, and what is kept of a generation: swapped, then committed. No deed of the cloud's: it
        serves nothing."""
        content, *kept = (file.content for file in request.files)
        paths = [file.path for file in request.files[1:]]

        def swap(node: ModelNode) -> None:
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            node.keep_manifest(digest, content.decode().splitlines()[-1])
            for path in paths:
                node.keep_generation(int(path.rpartition("/")[2]))
            node.unfinished.add(MANIFEST)

        self._becomes(swap)
        self.cloud.manifests[self.node.ordinal] = content
        self.cloud.generations.setdefault(self.node.ordinal, {}).update(zip(paths, kept, strict=True))
        self.cloud.tick(f"{self.node.name} swapped {MANIFEST}")
        self._becomes(lambda node: node.unfinished.discard(MANIFEST))
        self.cloud.tick(f"{self.node.name} pushed {MANIFEST}")
        return PushAnswer(phase="done")

    async def remove(self, request: RemoveRequest) -> PushAnswer:
        await self._reached("remove")
        if seen := self._passed(request.fence):
            return PushAnswer(phase="fenced", output=str(seen))
        lie = self.cloud.lie("remove", self.node.name)
        if isinstance(lie, PushAnswer):
            return lie
        kind, _, service = request.component.partition("/")

        def gone(node: ModelNode) -> None:
            node.delete(request.paths)
            node.unfinished.discard(request.component)
            if kind in ("service", "caddy"):
                node.stop(f"dynia-{service or kind}")
            elif kind == "keepalived":
                node.vrrp, node.addresses = "", ()
            elif kind == "failover":
                node.units.pop(CLAIM_UNIT, None)

        self._becomes(gone)
        self.cloud.elect()
        self.cloud.deeds.append(f"{self.node.name} remove {request.component}")
        self.cloud.tick(f"{self.node.name} removed {request.component}")
        return PushAnswer(phase="done")

    async def gate(self, request: GateRequest) -> GateAnswer:
        self.cloud.gates.append(request)
        await self._reached("gate")
        lie = self.cloud.lie("gate", self.node.name)
        if isinstance(lie, GateAnswer):
            return lie
        running = {
            c.service: c.config
            for c in self.cloud.nodes[self.node.ordinal].containers
            if c.project == request.project
        }
        if running != request.containers:
            return GateAnswer(healthy=False, reason="other containers run")
        return GateAnswer(healthy=True)

    async def drain(self, request: DrainRequest) -> tuple[str, ...]:
        verb, services = "drain" if request.lasts_s else "undrain", set(request.services)
        await self._reached(verb)
        self._passes(request.fence)
        change = set.update if request.lasts_s else set.difference_update
        if self.cloud.blind and request.lasts_s:
            return ()
        self._becomes(lambda node: change(node.drained, services))
        self.cloud.deeds.append(f"{self.node.name} {verb} {' '.join(sorted(services))}")
        self.cloud.tick(f"{self.node.name} {verb}ed")
        return request.services if request.lasts_s else ()

    async def traffic(self, request: TrafficRequest) -> Traffic:
        await self._reached("traffic")
        return self.cloud.traffic(self.node.name)

    async def ask(self, request: AskRequest) -> tuple[ServiceAnswer, ...]:
        await self._reached("ask")
        self.cloud.asked[self.node.name] += 1
        return tuple(self._heard(one) for one in request.questions)

    def _heard(self, question: Question) -> ServiceAnswer:
        """Through this node's own Caddy, or through whoever has the entry address."""
        other = self.cloud.answers(self.node.name, question)
        if other is not None:
            return other
        wanted, nodes = self.doors.wanted(), self.cloud.nodes
        assert wanted is not None
        spec = wanted.topology.spec
        service = next((s for s in spec.services if question.host in (s.domains or (check_host(s),))), None)
        if service is None or service.target is None:
            return ServiceAnswer(status=421)
        asked = [nodes[self.node.ordinal]] if question.port == 8080 else list(nodes.values())
        if question.port != 8080 and self.doors.holder(question.address) is None:
            return ServiceAnswer(said="no answer in time", silent=True)
        for facts in asked:
            running = {(c.project, c.service): c.config for c in facts.containers if c.state == "running"}
            release = running.get((project(service.name), service.target.container), "")
            if release in facts.routes and ("dynia-caddy", "caddy") in running:
                return ServiceAnswer(status=200, release=release)
        return ServiceAnswer(status=502)

    async def provide_image(
        self, request: ImageRequest, layers: AsyncGenerator[bytes, None] | None = None
    ) -> str:
        await self._reached("image")
        self._passes(request.fence)
        if request.reference not in {t for i in self.cloud.nodes[self.node.ordinal].images for t in i.tags}:
            if not self.cloud.registry and (
                request.pull in self.cloud.unpulled or not (request.pull or layers)
            ):
                raise ApplyFailed(f"image {request.reference}: nobody has it")
            if layers is not None:
                assert [chunk async for chunk in layers] == [request.image_id.encode()]
            self._becomes(lambda node: node.take_image(request.reference, request.pull, request.image_id))
        self.cloud.tick(f"{self.node.name} has {request.reference}")
        return request.image_id

    async def saved_image(self, image_id: str) -> AsyncGenerator[bytes, None]:
        await self._reached("image")
        assert image_id in {i.id for i in self.cloud.nodes[self.node.ordinal].images}
        yield image_id.encode()

    async def exec(self, request: ExecRequest) -> Executed:
        """What a handover asks for; else files are read, of which the model world has only the digests."""
        if request.argv == ("cat", "/run/dynia/vrrp"):
            await self._reached("role")
            role = self.cloud.nodes[self.node.ordinal].vrrp
            return Executed(exit_code=0 if role else 1, stdout=role.encode(), stderr=b"")
        if request.argv[0] == "curl":
            await asyncio.sleep(0)
            return Executed(exit_code=0, stdout=self._told(request.argv[-1]), stderr=b"")
        if request.argv[0] == "grep":
            return Executed(exit_code=int(self.cloud.readdressed), stdout=b"", stderr=b"")
        if request.argv == ("cat", PEM):
            await self._reached("certificate")
            found = self.cloud.nodes[self.node.ordinal].certificates.get(PEM)
            content = made(found.names).pem.content if found else b""
            return Executed(exit_code=0 if found else 1, stdout=content, stderr=b"")
        if request.argv in (("cat", MANIFEST_PATH), ("cat", LINEAGE_PATH)):
            await self._reached("read")
            facts = self.cloud.nodes[self.node.ordinal]
            kept = self.cloud.manifests.get(self.node.ordinal, b"") if facts.manifest else b""
            said = kept if request.argv[1] == MANIFEST_PATH else facts.lineage.encode()
            return Executed(exit_code=0 if said else 1, stdout=said, stderr=b"")
        if request.argv == ("cat", FENCING_PATH):
            await self._reached("read")
            seen = self.cloud.fencing.get(self.node.ordinal, "")
            return Executed(exit_code=0 if seen else 1, stdout=seen.encode(), stderr=b"")
        if request.argv[:3] == READ:
            await self._reached("read")
            begin, path = int(request.argv[4]) - 1, request.argv[5]
            there = self.cloud.generations.get(self.node.ordinal, {}).get(path, b"")
            return Executed(exit_code=0, stdout=there[begin : begin + PIECE], stderr=b"")
        if request.argv in (BOOT, UPDATES, REBOOT) or request.argv[:2] == running(())[:2]:
            return await self._boots(request)
        deed = next((d for d, text in SCRIPTS.items() if request.argv[:3] == ("sh", "-c", text)), None)
        if deed is None:
            await asyncio.sleep(0)
            return Executed(exit_code=0, stdout=b"", stderr=b"")
        await self._reached(deed)
        assert request.fence is not None, "a node would do it for a run that was overtaken"
        self._passes(request.fence)
        facts, n = self.cloud.nodes[self.node.ordinal], self.node.ordinal
        active = "active" if deed == "start" else "inactive"
        units = tuple(replace(u, active=active) if u.name == "keepalived.service" else u for u in facts.units)
        if deed != "start":
            self.cloud.nodes[n] = replace(facts, units=units, vrrp="", addresses=())
        else:
            self.cloud.nodes[n] = replace(facts, units=units, vrrp=facts.vrrp or "BACKUP")
        self.cloud.deeds.append(f"{self.node.name} {deed}")
        self.cloud.elect()
        self.cloud.tick(f"{self.node.name} {deed} done")
        return Executed(exit_code=0, stdout=b"", stderr=b"")

    async def _boots(self, request: ExecRequest) -> Executed:
        facts, n = self.cloud.nodes[self.node.ordinal], self.node.ordinal
        if request.argv not in (UPDATES, REBOOT):
            await self._reached("read")
            states = [u.active for name in request.argv[2:] for u in facts.units if u.name == name]
            said = facts.boot_id if request.argv == BOOT else "\n".join(states)
            return Executed(exit_code=0, stdout=said.encode(), stderr=b"")
        deed = "reboot" if request.argv == REBOOT else "update"
        await self._reached(deed)
        assert request.fence is not None, "a node would do it for a run that was overtaken"
        self._passes(request.fence)
        self.cloud.deeds.append(f"{self.node.name} {deed}")
        if deed == "reboot":
            role = "BACKUP" if facts.vrrp else ""
            self.cloud.nodes[n] = replace(facts, boot_id=f"{facts.boot_id}'", vrrp=role, addresses=())
            self.cloud.elect()
        self.cloud.tick(f"{self.node.name} {deed} done")
        return Executed(exit_code=0, stdout=b"", stderr=b"")

    def _told(self, url: str) -> bytes:
        """What the HAProxy behind the url says, in HTTP; nothing where none answers."""
        address, _, word = url.removeprefix("http://").replace("/.well-known/dynia/", " ").partition(" ")
        number = self.node.ordinal if address == "127.0.0.1" else self.doors.holder(address)
        if number is None or self.cloud.machines[number].name in self.cloud.deaf:
            return b""
        return f"HTTP/1.1 200 OK\r\nX-Dynia-Node: {self.cloud.machines[number].name}\r\n\r\n{word}".encode()

    async def stream(self, argv: tuple[str, ...]) -> AsyncIterator[str]:
        raise AssertionError("no apply streams")
        yield ""

    async def close(self) -> None:
        return None

    async def _reached(self, what: str) -> None:
        await asyncio.sleep(0)
        self.cloud.tick(f"{self.node.name} {what}")
        machine = self.cloud.machines.get(self.node.ordinal)
        if machine is None or machine.status != "running":
            raise NotObservedError(f"{self.node.name}: the connection broke")

    def _passed(self, fence: Fence | None) -> int:
        """The higher number of a lease that the node has seen; 0: there is none, and it keeps this one."""
        ordinal = self.node.ordinal
        if fence is None or self.cloud.nodes[ordinal].lineage != fence.lineage:
            return 0
        whose, _, number = self.cloud.fencing.get(ordinal, "").partition(" ")
        if whose == fence.cluster and int(number) > fence.number:
            return int(number)
        self.cloud.fencing[ordinal] = f"{fence.cluster} {fence.number}\n"
        return 0

    def _passes(self, fence: Fence | None) -> None:
        if seen := self._passed(fence):
            raise fenced(f"{self.node.name}: ", str(seen))

    def _becomes(self, change: Callable[[ModelNode], object]) -> None:
        model = ModelNode(self.cloud.nodes[self.node.ordinal])
        change(model)
        self.cloud.nodes[self.node.ordinal] = model.facts()


@cache
def made(names: tuple[str, ...]) -> Certified:
    """For the same names always the same certificate, so that two worlds can be compared."""
    pair = authority().sign(*names, at=NOW)
    return Certified(pem=read_pem(f"{ORIGIN}self-signed\n{pair.chain}".encode(), pair.key.encode()))


class Authority:
    """Gives certificates, and says so in the cloud's deeds."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def obtain(self, order: CertificateOrder, say: Callable[[str], None]) -> Certified:
        self._cloud.tick("certificate asked for")
        await asyncio.sleep(0)
        self._cloud.deeds.append(f"certificate {' '.join(order.names)}")
        self._cloud.tick("certificate given")
        return made(order.names)


class Frozen:
    """Time stands still: nothing here waits for it."""

    def now(self) -> float:
        return float(NOW)

    def monotonic(self) -> float:
        return 0.0


class Followed(Reconciler):
    """Tells which run is at work: that of a way back is made within another one."""

    follow: Callable[[Reconciler], None]

    def _within(self, session: Session) -> Reconciler:
        run = super()._within(session)
        self.follow(run)
        return run


class Engine:
    """One run of Dynia: the real store on a disk in memory, the real reconciler on a cloud."""

    def __init__(
        self,
        cloud: Cloud,
        disk: Disk,
        spec: ClusterSpec | None,
        who: str = "test",
        home: Path = HOME,
        boot: Callable[[], float] = boottime,
    ) -> None:
        self.events: list[Event] = []
        self.store: Store = open_store(home, disk=disk, clock=lambda: 1_800_000_000, boot=boot)
        self._rendered: tuple[object, Wanted | None] = (None, None)
        doors = Doors(cloud, self._wanted)
        session = Session(
            cluster="prod",
            spec=spec,
            templates=SMALL,
            secrets=worlds.known_secrets(spec) if spec else {},
            store=self.store,
            vendors=doors,
            emit=self.events.append,
            clock=Frozen(),
            lessee=who,
            ask_entry=doors.ask_entry,
            authority=Authority(cloud),
            bring_back=brought_back,
        )
        self.back: Reconciler | None = None
        followed = Followed(session)
        followed.follow = self._goes_back
        self.run: Reconciler = followed

    def _goes_back(self, run: Reconciler) -> None:
        self.back = run

    def _wanted(self) -> Wanted | None:
        given = (self.back or self.run).given
        if given is not self._rendered[0]:
            self._rendered = (given, rendered_for(given) if given is not None else None)
        return self._rendered[1]

    def plan(self) -> Plan:
        return run(self.run.plan())

    def apply(self, by_hand: ByHand | None = None) -> ApplyResult:
        return run(self.run.apply(yes, by_hand=by_hand))


def brought_back(session: Session, wanted: Inputs, chosen: Chosen) -> Session:
    """As the composition root does it, with what tests have in the place of vendors and files."""
    named = {path for service in wanted.spec.services for path in paths_of(service)}
    present = {path: content for path, content in session.secrets.items() if path in named}
    return with_fields(
        session,
        spec=wanted.spec,
        templates={**SMALL, **wanted.spec.templates},
        images=wanted.images,
        secrets={**secret_files(wanted.spec, {}, worlds.TOKEN), **present},
        rollback=chosen.rollback,
        chosen_at=chosen.at,
    )


async def yes(_: object) -> bool:
    """To every question."""
    return True


def fresh_disk() -> FakeDisk:
    disk = FakeDisk()
    disk.make_folder(HOME)
    disk.sync_folder(Path("/"))
    return disk


@cache
def _applied(spec: bytes) -> tuple[Cloud, FakeDisk]:
    cloud, disk = Cloud(), fresh_disk()
    done = Engine(cloud, disk, msgspec.json.decode(spec, type=ClusterSpec)).apply()
    assert done.exit_code == 0 and not done.left, done
    return cloud, disk


def applied(spec: ClusterSpec) -> tuple[Cloud, FakeDisk]:
    """A cluster on which this file was applied, for the caller alone."""
    cloud, disk = _applied(msgspec.json.encode(spec))
    return cloud.copied(), survived(disk)


def survived(disk: FakeDisk) -> FakeDisk:
    """A copy of a disk as it is, on which nobody holds a lock."""
    return disk.power_cut(lambda: True, lambda length: length)


def recorded(state: State) -> State:
    """The state without what counts writes and finished applies, and how long their steps took."""
    clusters = tuple(
        replace(c, serial=0, generation=0, applied=None, paces=(), generations=(), secrets_written=False)
        for c in state.clusters
    )
    return replace(state, clusters=clusters)


def _bare(facts: NodeFacts) -> NodeFacts:
    files = tuple(f for f in facts.files if f.path != MANIFEST_PATH and not f.path.startswith(GENERATIONS))
    return replace(facts, vrrp="", addresses=(), files=files, manifest="")


def _versions(request: BootstrapRequest) -> dict[str, str]:
    return dict.fromkeys(request.packages, "1.0")


def _nothing(what: str) -> None:
    return None


def _truth(what: str, node: str) -> None:
    return None
