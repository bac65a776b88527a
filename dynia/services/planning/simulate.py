"""A plan applied to the world as values: for the preview of the passes that follow, and as the model world of
the tests. What cannot be known before apply is a placeholder."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import ApiEntry
from dynia.interfaces.node_requests import WHOLE_NODE
from dynia.interfaces.observed import (
    CertificateSeen,
    DnsRecord,
    NodeFacts,
    NotObserved,
    ProviderAddress,
    ProviderNode,
)
from dynia.services.actions import (
    ActivateComponent,
    AllocateReservedIp,
    AttachReservedIp,
    BindDns,
    BootstrapNode,
    DeleteNode,
    DetachReservedIp,
    Drain,
    DrainNode,
    ForgetIntent,
    ForgetNode,
    HandOver,
    ObtainCertificate,
    PreDeploy,
    ProvideImage,
    ProvisionNode,
    PushComponent,
    RebootNode,
    RecordComponent,
    ReleaseReservedIp,
    RemoveComponent,
    RestartComponent,
    StartNode,
    UnbindDns,
    Undrain,
    UndrainNode,
    WaitHealthy,
    WriteManifest,
)
from dynia.services.actions.component import applied
from dynia.services.actions.dns import NAME_TYPES
from dynia.services.planning.addresses import PENDING
from dynia.services.planning.certificates import DAY, record_of
from dynia.services.planning.components.compose_override import project
from dynia.services.planning.components.failover import UNIT as CLAIM_UNIT
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.model_node import ModelNode
from dynia.services.planning.model_state import ModelState
from dynia.services.planning.passes import pass_of
from dynia.services.planning.plan import Plan, Step
from dynia.services.planning.serving import can_claim
from dynia.services.planning.wanted import Wanted
from dynia.state.manifest import Sealer
from dynia.state.model import Node, ReservedIp


def simulate(given: PlanningInput, plan: Plan) -> PlanningInput:
    """The world after this pass of the plan, which was made for `given`."""
    return apply_steps(given, plan.steps, rendered_for(given))


def rendered_for(given: PlanningInput) -> Wanted | None:
    """What was rendered when this input was planned."""
    return pass_of(given, given.state).wanted


def apply_steps(given: PlanningInput, steps: tuple[Step, ...], wanted: Wanted | None) -> PlanningInput:
    world = _World(given, wanted)
    for step in steps:
        world.do(step)
    world.elect()
    return world.given()


class _World:
    """A working copy of state and observation."""

    def __init__(self, given: PlanningInput, wanted: Wanted | None) -> None:
        self._given, self._wanted = given, wanted
        self.state = ModelState(given.state, given.target, given.desired)
        seen = given.observed
        self.nodes: dict[str, ModelNode] = {}
        self.machines = None if isinstance(seen.provider_nodes, NotObserved) else list(seen.provider_nodes)
        self.addresses = None if isinstance(seen.addresses, NotObserved) else list(seen.addresses)
        self.records = None if isinstance(seen.records, NotObserved) else list(seen.records)
        self.silent = {n for n, f in seen.nodes.items() if isinstance(f, NotObserved)}
        self.dropped: set[str] = set()
        # Of the state as it is, while nothing but manifests is written.
        self._sealed: tuple[Sealer, int] | None = None

    def node(self, name: str) -> ModelNode:
        if name not in self.nodes:
            facts = self._given.observed.nodes.get(name)
            self.nodes[name] = ModelNode(facts if isinstance(facts, NodeFacts) else self._fresh(name))
        return self.nodes[name]

    def do(self, step: Step) -> None:
        if not isinstance(step.action, WriteManifest):
            self._sealed = None
        match step.action:
            case ProvisionNode() as action:
                self._provision(action)
            case StartNode(name=name, provider_id=provider_id):
                self._start(name, provider_id)
            case DeleteNode(name=name, provider_id=provider_id, recorded=recorded):
                self._delete(name, provider_id, recorded)
            case ForgetNode(name=name):
                self.state.drop_node(name)
                self._gone(name)
            case ForgetIntent(begun=begun):
                self.state.forget_intent(begun)
            case AllocateReservedIp(address=address):
                self._allocate(address)
            case AttachReservedIp(provider_id=provider_id, node_provider_id=owner):
                self._own(provider_id, owner)
            case DetachReservedIp(provider_id=provider_id):
                self._own(provider_id, "")
            case ReleaseReservedIp(provider_id=provider_id, recorded=recorded):
                self._release(provider_id, recorded)
            case BootstrapNode(node=name, packages=packages):
                node = self.node(name)
                node.packages |= {p: node.packages.get(p, PENDING) for p in packages}
                node.lineage = self._given.state.lineage
                self.state.bootstrapped(name)
            case ObtainCertificate() as action:
                self._certify(action)
            case ProvideImage(node=name, reference=reference, pull=pull, image_id=image_id):
                self.node(name).take_image(reference, pull, image_id)
            case PreDeploy(service=service, release=release):
                self.state.pre_deployed[service] = release
            case PushComponent() as action:
                self._push(action)
            case RestartComponent(node=name, component=component, release=release, gated=gated):
                self._activate(name, component, again=True)
                self._record(name, component, release, gated)
            case ActivateComponent(node=name, component=component, release=release, gated=gated):
                self._activate(name, component)
                self._record(name, component, release, gated)
            case RecordComponent(node=name, component=component, release=release):
                self._record(name, component, release, False)
            case WaitHealthy(node=name, component=component, release=release, records=True):
                self._record(name, component, release, False)
            case HandOver() as action:
                self._hand_over(action)
            case RebootNode(node=name):
                self.node(name).reboot(self.state.address)
            case DrainNode(node=name):
                self.node(name).drained.add(WHOLE_NODE)
            case UndrainNode(node=name):
                self.node(name).drained.discard(WHOLE_NODE)
            case Drain(node=name, services=services):
                self.node(name).drained.update(services)
            case Undrain(node=name, services=services):
                self.node(name).drained.difference_update(services)
            case RemoveComponent() as action:
                self._remove(action)
            case BindDns() as action:
                self._bind(action)
            case WriteManifest(node=name, generation=generation):
                self._keep_manifest(name, generation)
            case UnbindDns(found=found):
                self.records = [r for r in self.records or [] if r.record_id != found.record_id]

    def _keep_manifest(self, name: str, generation: int) -> None:
        if self._sealed is None:
            state, cluster = self.state.value(), self._given.target
            home = state.cluster(cluster)
            self._sealed = Sealer(state, cluster), home.serial if home else 0
        sealer, serial = self._sealed
        digest = sealer.digest_of(name, serial=serial, fencing=0)
        self.node(name).keep_manifest(digest, sealer.line_of(name, serial=serial, fencing=0))
        if generation:
            self.node(name).keep_generation(generation)

    def _bind(self, action: BindDns) -> None:
        bound = DnsRecord(
            record_id=action.replaces or f"{action.record} {action.domain}",
            name=action.domain,
            type=action.record,
            value=action.value,
            ours=True,
            proxied=action.proxied,
        )
        # A mark whose record is gone goes with the new one.
        kept = [r for r in self.records or [] if r.record_id != action.replaces and not _left(r, action)]
        self.records = [*kept, bound]

    def elect(self) -> None:
        """keepalived finds a master where none is: the oldest node that runs it."""
        address = self.state.address
        if address is None or self._wanted is None or "keepalived" not in self._wanted.by_name:
            return
        names = [n.name for n in self.state.in_order() if n.name not in self.silent]
        running = [n for n in names if self._role(n)]
        if running and not any(self._role(n) == "MASTER" for n in running):
            first = self.node(running[0])
            first.vrrp = "MASTER"
            if not self._claimed():
                first.addresses = tuple(sorted({*first.addresses, address.address}))
        if self._claimed():
            self._claim(address, [n for n in running if self._role(n) == "MASTER"])

    def _hand_over(self, action: HandOver) -> None:
        old, new = self.node(action.source), self.node(action.node)
        old.vrrp, new.vrrp = "BACKUP", "MASTER"
        if not action.claimed:
            old.addresses = tuple(a for a in old.addresses if a != action.address)
            new.addresses = tuple(sorted({*new.addresses, action.address}))
        elif self.state.address is not None:
            self._own(self.state.address.provider_id, self.state.nodes[action.node].provider_id)

    def _claimed(self) -> bool:
        spec = self._given.desired
        return spec is not None and isinstance(spec.entry, ApiEntry)

    def _claim(self, address: ReservedIp, masters: list[str]) -> None:
        """A MASTER that can asks the provider for the address."""
        if len(masters) != 1:
            return
        (name,) = masters
        facts = self.nodes[name].facts() if name in self.nodes else self._given.observed.nodes.get(name)
        if can_claim(facts):
            self._own(address.provider_id, self.state.nodes[name].provider_id)

    def given(self) -> PlanningInput:
        seen = self._given.observed
        facts = {name: fact for name, fact in seen.nodes.items() if name not in self.dropped}
        facts |= {name: node.facts() for name, node in self.nodes.items()}
        observed = msgspec.structs.replace(
            seen,
            nodes=dict(sorted(facts.items())),
            provider_nodes=seen.provider_nodes if self.machines is None else tuple(self.machines),
            addresses=seen.addresses if self.addresses is None else tuple(self.addresses),
            records=seen.records if self.records is None else tuple(self.records),
        )
        return msgspec.structs.replace(self._given, state=self.state.value(), observed=observed)

    def _role(self, name: str) -> str:
        if name in self.nodes:
            return self.nodes[name].vrrp
        facts = self._given.observed.nodes.get(name)
        return facts.vrrp if isinstance(facts, NodeFacts) else ""

    def _fresh(self, name: str) -> NodeFacts:
        like = next((f for f in self._given.observed.nodes.values() if isinstance(f, NodeFacts)), None)
        packages = self._wanted.packages if self._wanted else ()
        return NodeFacts(
            hostname=name,
            boot_id=PENDING,
            os=like.os if like else "",
            arch=like.arch if like else "",
            packages=dict.fromkeys(packages, PENDING),
        )

    def _provision(self, action: ProvisionNode) -> None:
        machines = self.machines or []
        made = min((m for m in machines if m.ordinal == action.ordinal), default=None, key=_by_id)
        if made is None or made.status == "absent":
            made = ProviderNode(
                provider_id=made.provider_id if made else f"{action.name} {PENDING}",
                name=action.name,
                ordinal=action.ordinal,
                status="running",
                public_ip=PENDING,
                private_ip=PENDING,
                host_key=PENDING,
            )
            if self.machines is not None:
                self.machines = [*(m for m in machines if m.provider_id != made.provider_id), made]
        node = Node(
            cluster=self._given.target,
            name=action.name,
            ordinal=action.ordinal,
            provider_id=made.provider_id,
            address=action.address or made.public_ip,
            private_ip=action.private_ip or made.private_ip,
            host_key=made.host_key or action.host_key or PENDING,
            user=action.user,
            port=action.port,
            priority=action.priority,
            order=action.order,
        )
        self.state.put_node(node, done=action.step)
        if made.status == "running":
            self._appear(action.name)

    def _appear(self, name: str) -> None:
        self.silent.discard(name)
        self.dropped.discard(name)
        self.node(name)

    def _start(self, name: str, provider_id: str) -> None:
        """It comes back as it was recorded; what else is wrong there can't be known before."""
        self.machines = [
            msgspec.structs.replace(m, status="running") if m.provider_id == provider_id else m
            for m in self.machines or []
        ]
        self._appear(name)
        node, recorded = self.node(name), self.state.nodes[name]
        node.lineage = self._given.state.lineage
        for component, release in sorted({**recorded.components, **recorded.pushed}.items()):
            known = self.state.releases.get((component, release))
            wanted = self._wanted.by_name.get(component) if self._wanted else None
            if known is None:
                continue
            node.remember(known, self._wanted.topology.certificate if self._wanted else None)
            if wanted is not None and self._wanted is not None:
                node.activate(wanted, self._wanted.topology, known.containers)
        node.leads_to_what_runs()

    def _delete(self, name: str, provider_id: str, recorded: bool) -> None:
        if self.machines is not None:
            self.machines = [m for m in self.machines if m.provider_id != provider_id]
        if recorded:
            self.state.drop_node(name)
            self._gone(name)

    def _gone(self, name: str) -> None:
        self.dropped.add(name)
        self.nodes.pop(name, None)

    def _allocate(self, address: str) -> None:
        if address:
            self.state.address = ReservedIp(address=address)
            return
        known = min(self.addresses or [], default=None, key=lambda a: a.provider_id)
        if known is None:
            known = ProviderAddress(provider_id=f"address {PENDING}", address=PENDING)
            self.addresses = [known]
        self.state.address = ReservedIp(address=known.address, provider_id=known.provider_id)

    def _certify(self, action: ObtainCertificate) -> None:
        """As long-lived as one is that nobody looks at again in this plan."""
        at = self._given.observed.at
        got = CertificateSeen(
            fingerprint=PENDING,
            chain=PENDING,
            names=action.names,
            not_before=at,
            not_after=at + 90 * DAY,
            origin=action.origin,
        )
        self.node(action.node).keep_certificate(action.path, got)
        self.state.certificate = record_of(got, action.origin)

    def _own(self, provider_id: str, owner: str) -> None:
        self.addresses = [
            msgspec.structs.replace(a, owner=owner) if a.provider_id == provider_id else a
            for a in self.addresses or []
        ]

    def _release(self, provider_id: str, recorded: bool) -> None:
        if self.addresses is not None:
            self.addresses = [a for a in self.addresses if a.provider_id != provider_id]
        if recorded:
            self.state.address = None

    def _push(self, action: PushComponent) -> None:
        if self._wanted is None:
            raise ValueError("a push needs what was rendered")
        release = self._wanted.recipes[action.node][action.component].release
        node, write = self.node(action.node), frozenset(action.write)
        node.write((f for f in release.files if f.path in write), self._wanted.topology.certificate)
        if action.delete:
            node.delete(action.delete)
        self._activate(action.node, action.component)
        self._record(action.node, action.component, action.release, action.gated)

    def _activate(self, name: str, component: str, *, again: bool = False) -> None:
        if self._wanted is None:
            raise ValueError("an activation needs what was rendered")
        containers = self._wanted.recipes[name][component].release.containers
        awake = self.node(name).restart if again else self.node(name).activate
        awake(self._wanted.by_name[component], self._wanted.topology_of(name), containers)

    def _record(self, name: str, component: str, release: str, gated: bool) -> None:
        if self._wanted is None:
            raise ValueError("a record needs what was rendered")
        if (component, release) not in self.state.releases:
            self.state.add_release(applied(self._wanted.recipes[name][component].release))
        self.state.record(name, component, release, gated)

    def _remove(self, action: RemoveComponent) -> None:
        node = self.node(action.node)
        node.delete(action.paths)
        node.unfinished.discard(action.component)
        kind, _, service = action.component.partition("/")
        if kind == "service":
            node.stop(project(service))
        elif kind == "caddy":
            node.stop(project("caddy"))
        elif kind == "keepalived":
            node.vrrp = ""
        elif kind == "failover":
            node.units.pop(CLAIM_UNIT, None)
        elif kind == "firewall":
            node.firewall = "gone"
        self.state.drop_component(action.node, action.component)


def allowed_in_preview(step: Step, preview: Plan) -> bool:
    """Whether a step of a later pass was approved with the plan that showed it.

    By id, which is words: values that became known since are filled in. Less than what was approved is
    allowed too: where the preview pushes, an activation or a record may turn out to be enough. On a node that
    was started in this apply, and so could not be looked at before, whatever brings it to an approved release
    is allowed.
    """
    if isinstance(step.action, WriteManifest):
        return True  # every apply does so at its end
    if isinstance(step.action, Drain | Undrain):
        return True  # it comes with what it protects, wherever that came to disturb visitors after all
    if isinstance(step.action, HandOver):
        # Who holds the address may have changed by itself since; that it moves once more was shown.
        return any(isinstance(s.action, HandOver) for s in (*preview.steps, *preview.later))
    if isinstance(step.action, PreDeploy):
        return any(_same_command(step.action, s.action) for s in (*preview.steps, *preview.later))
    if isinstance(step.action, BindDns | UnbindDns):
        return any(_same_record(step.action, s.action) for s in (*preview.steps, *preview.later))
    shown = {s.id for s in (*preview.steps, *preview.later)}
    stem, _, deed = step.id.rpartition("/")
    if any(f"{stem}/{more}" in shown for more in _COVERED_BY.get(deed, (deed,))):
        return True
    started = {s.node for s in preview.steps if isinstance(s.action, StartNode)}
    repairs = PushComponent | ActivateComponent | RecordComponent | WaitHealthy | ProvideImage | BootstrapNode
    return step.node in started and isinstance(step.action, repairs)


_COVERED_BY = {"record": ("record", "activate", "push"), "activate": ("activate", "push")}


def _left(record: DnsRecord, action: BindDns) -> bool:
    return record.ours and record.name == action.domain and record.type not in NAME_TYPES


def _same_command(now: PreDeploy, shown: object) -> bool:
    """On whichever node: the one that was shown may be silent by now."""
    return isinstance(shown, PreDeploy) and now == msgspec.structs.replace(shown, node=now.node)


def _same_record(now: BindDns | UnbindDns, shown: object) -> bool:
    """What is at the name counts too: somebody else's record that came since was not approved to go. Only an
    address that was not known then may be filled in."""
    if isinstance(now, BindDns) and isinstance(shown, BindDns) and shown.value == PENDING:
        shown = msgspec.structs.replace(shown, value=now.value)
    return now == shown


def _by_id(machine: ProviderNode) -> str:
    return machine.provider_id
