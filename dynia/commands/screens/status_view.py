"""What `dynia status` knows, worked out from one look: pure, and the same for text and JSON."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.desired import ApiEntry
from dynia.interfaces.node_requests import WHOLE_NODE
from dynia.interfaces.observed import (
    CertificateSeen,
    ContainerSeen,
    EntryAnswer,
    NodeFacts,
    NotObserved,
    UnitSeen,
)
from dynia.interfaces.shape import Shape
from dynia.services.ask_services import Answer
from dynia.services.planning.certificates import days_left
from dynia.services.planning.components import PEM
from dynia.services.planning.components.compose_override import project
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.serving import provider_owner
from dynia.state.model import Node

OK, UNKNOWN = "ok", "not observed"
UNITS = ("docker", "haproxy", "keepalived")
CADDY_PROJECT = "dynia-caddy"


class NodeView(Shape):
    """One node. `reason` is set where it did not answer, and then nothing else is claimed about it.

    `parts` maps docker, haproxy, keepalived, caddy to "ok" or what is wrong; `role` is VRRP's word now.
    `certificate` is the one that lies there, `days_left` how long it is good; None where there is none.
    `drained`: somebody keeps visitors away until further notice.
    """

    name: str
    ordinal: int
    address: str
    reason: str = ""
    role: str = ""
    holds_address: bool = False
    parts: dict[str, str] = {}
    disk_percent: int = 0
    clock_skew_ms: int = 0
    busy_since: int = 0
    certificate: CertificateSeen | None = None
    days_left: int = 0
    drained: bool = False


class EntryView(Shape):
    """Who has the entry address, by each of those who know. Empty: nobody, by that word; None: no word.

    `provider` is its word (entry kind api), `kernels` the nodes that have the address, `masters` those that
    VRRP calls so. `probe` is the node that answered through the address, `silence` why none did.
    """

    provider: str | None = None
    kernels: tuple[str, ...] = ()
    masters: tuple[str, ...] = ()
    probe: str | None = None
    silence: str = ""

    def agreed(self, holder: str) -> tuple[str, ...]:
        """What says that `holder` has it, for people; empty where one of them says something else."""
        told = {"VRRP": self.masters, "provider" if self.provider is not None else "address": (holder,)}
        if self.probe is not None:
            told["probe"] = (self.probe,)
        return tuple(told) if set(told.values()) == {(holder,)} else ()


class ServiceView(Shape):
    """One service: `on` maps each node to "ok", to what is wrong, or to "not observed"."""

    name: str
    kind: str
    domains: tuple[str, ...]
    on: dict[str, str]


class StatusView(Shape):
    """A cluster as seen now. `split` says in words how those who know of the entry address disagree, or is
    empty; `entry` is what each of them said."""

    cluster: str
    generation: int
    applied_at: int
    applied_by: str
    commit: str
    reserved_ip: str
    holder: str
    split: str
    nodes: tuple[NodeView, ...]
    services: tuple[ServiceView, ...]
    drift: int
    pending: int
    not_observed: tuple[tuple[str, str], ...]
    entry: EntryView = EntryView()


def status_view(given: PlanningInput, plan: Plan, answers: Iterable[Answer]) -> StatusView:
    """The cluster as one look at it showed it."""
    home = given.state.cluster(given.target)
    applied = home.applied if home else None
    address = home.reserved_ip.address if home and home.reserved_ip else ""
    nodes = given.state.nodes_of(given.target)
    entry = _entry(given, nodes, address)
    splits = [drift.detail for drift in plan.drift if drift.category == "split"]
    return StatusView(
        cluster=given.target,
        generation=home.generation if home else 0,
        applied_at=applied.at if applied else 0,
        applied_by=applied.by if applied else "",
        commit=applied.commit if applied else "",
        reserved_ip=address,
        holder=plan.holder,
        split="; ".join(splits),
        nodes=tuple(_node(node, given, address, entry) for node in nodes),
        services=_services(given, nodes, tuple(answers)),
        drift=len(plan.drift),
        pending=len(plan.changes),
        not_observed=plan.not_observed,
        entry=entry,
    )


def _entry(given: PlanningInput, nodes: tuple[Node, ...], address: str) -> EntryView:
    if not address:
        return EntryView()
    seen = [(n.name, f) for n in nodes if isinstance(f := given.observed.nodes.get(n.name), NodeFacts)]
    told, owner = given.observed.entry, None
    if given.desired is not None and isinstance(given.desired.entry, ApiEntry):
        machine = provider_owner(given)
        owner = next((n.name for n in nodes if machine and n.provider_id == machine), machine)
    return EntryView(
        provider=owner,
        kernels=tuple(name for name, facts in seen if address in facts.addresses),
        masters=tuple(name for name, facts in seen if facts.vrrp == "MASTER"),
        probe=told.node if isinstance(told, EntryAnswer) else None,
        silence=told.reason if isinstance(told, NotObserved) else "",
    )


def _node(node: Node, given: PlanningInput, address: str, entry: EntryView) -> NodeView:
    facts = given.observed.nodes.get(node.name)
    if not isinstance(facts, NodeFacts):
        reason = facts.reason if isinstance(facts, NotObserved) else "not asked"
        return NodeView(name=node.name, ordinal=node.ordinal, address=node.address, reason=reason)
    units = {unit.name.removesuffix(".service"): unit for unit in facts.units}
    parts = {name: _unit(units[name]) for name in UNITS if name in units}
    certificate = facts.certificates.get(PEM)
    parts["caddy"] = _containers([c for c in facts.containers if c.project == CADDY_PROJECT])
    return NodeView(
        name=node.name,
        ordinal=node.ordinal,
        address=node.address,
        role=facts.vrrp,
        holds_address=node.name in (entry.kernels if entry.provider is None else (entry.provider,)),
        parts=parts,
        disk_percent=facts.disk_used_percent,
        clock_skew_ms=facts.clock_skew_ms,
        busy_since=facts.busy_since,
        certificate=certificate,
        days_left=days_left(certificate, given.observed.at) if certificate else 0,
        drained=WHOLE_NODE in facts.drained,
    )


def _unit(unit: UnitSeen) -> str:
    if not unit.active and not unit.enabled:
        return "absent"
    if unit.active in ("active", "reloading"):
        return OK if unit.enabled == "enabled" else "not enabled"
    return {"inactive": "stopped"}.get(unit.active, unit.active)


def _containers(containers: list[ContainerSeen], wanted: Iterable[str] = ()) -> str:
    if not containers:
        return "absent"
    there = {container.service for container in containers}
    gone = [service for service in sorted(wanted) if service not in there]
    if gone:
        return f"{', '.join(gone)} gone"
    for one in containers:
        if one.state != "running" and not (one.state == "exited" and one.exit_code == 0):
            return one.state if one.state != "exited" else f"exited ({one.exit_code})"
        if one.health == "unhealthy":
            return "unhealthy"
        if one.health == "starting":
            return "starting"
    return OK


def _services(
    given: PlanningInput, nodes: tuple[Node, ...], answers: tuple[Answer, ...]
) -> tuple[ServiceView, ...]:
    spec = given.desired
    if spec is None:
        return ()
    told = {(answer.node, answer.service): answer for answer in answers}
    found = []
    for service in sorted(spec.services, key=lambda s: s.name):
        on: dict[str, str] = {}
        routed = service.target.container if service.target else ""
        for node in nodes:
            facts = given.observed.nodes.get(node.name)
            if not isinstance(facts, NodeFacts):
                on[node.name] = UNKNOWN
                continue
            answer = told.get((node.name, service.name))
            mine = [c for c in facts.containers if c.project == project(service.name)]
            wanted = _applied(given, node, service.name)
            state = _served(answer, mine, wanted, routed) if routed else _containers(mine, wanted)
            if service.name in facts.drained or (service.kind == "http" and WHOLE_NODE in facts.drained):
                state = "drained" if state == OK else f"{state}, drained"
            on[node.name] = state
        found.append(ServiceView(name=service.name, kind=service.kind, domains=service.domains, on=on))
    return tuple(found)


def _served(
    answer: Answer | None, containers: list[ContainerSeen], wanted: dict[str, str], routed: str
) -> str:
    """An answer counts only with the release that the state has for the node: another may be an old one."""
    state = _containers(containers, wanted)
    if answer is None or not answer.status:
        return "no answer" if state == OK else state
    if not answer.serves:
        return f"HTTP {answer.status}" if state == OK else f"HTTP {answer.status}, {state}"
    release = wanted.get(routed, "")
    if release and answer.release != release:
        return f"other release ({answer.release or 'none'})"
    return state


def _applied(given: PlanningInput, node: Node, service: str) -> dict[str, str]:
    """The containers of the release that is live on a node, as far as the state knows, with their hashes."""
    home = given.state.cluster(given.target)
    component = f"service/{service}"
    live = node.pushed.get(component) or node.components.get(component, "")
    for release in home.releases if home else ():
        if (release.component, release.id) == (component, live):
            return release.containers
    return {}
