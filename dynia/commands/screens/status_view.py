"""What `dynia status` knows, worked out from one look: pure, and the same for text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
from dynia.services.planning.certificates import days_left
from dynia.services.planning.compare import Releases, releases_of
from dynia.services.planning.components import PEM
from dynia.services.planning.components.compose_override import project
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.matrix import Cell, live_containers
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


class CellView(Shape):
    """What answered: the release that it named (empty: none), and "ok" or what is wrong."""

    state: str
    release: str = ""


class RowView(Shape):
    """One domain, empty for every other host name: `through` maps each node to what answered through its own
    Caddy; `entry` answered through the reserved IP, None where there is none or nobody asked."""

    domain: str
    through: dict[str, CellView]
    entry: CellView | None = None


class ServiceView(Shape):
    """One service: `on` maps each node to "ok", to what is wrong, or to "not observed"; `rows` are its part
    of the serving matrix, none of a worker."""

    name: str
    kind: str
    domains: tuple[str, ...]
    on: dict[str, str]
    rows: tuple[RowView, ...] = ()


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

    @property
    def observed(self) -> bool:
        """Every node answered, to the look and to what it was asked for then."""
        states = (state for service in self.services for state in service.on.values())
        return not any(node.reason for node in self.nodes) and not any(s.startswith(UNKNOWN) for s in states)


def status_view(given: PlanningInput, plan: Plan, cells: Iterable[Cell]) -> StatusView:
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
        services=_services(given, nodes, tuple(cells)),
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
    given: PlanningInput, nodes: tuple[Node, ...], cells: tuple[Cell, ...]
) -> tuple[ServiceView, ...]:
    if given.desired is None:
        return ()
    releases, found = releases_of(given.state.cluster(given.target)), []
    for service in sorted(given.desired.services, key=lambda s: s.name):
        mine = [cell for cell in cells if cell.service == service.name]
        alone = {node.name: _runs(given, releases, node, service.name) for node in nodes}
        domains = dict.fromkeys(cell.domain for cell in mine)
        rows = tuple(_row(d, [c for c in mine if c.domain == d], given, alone) for d in domains)
        on = {
            name: _first(row.through[name].state for row in rows)
            if rows
            else _with_drain(given, name, service.name, state, http=service.kind == "http")
            for name, state in alone.items()
        }
        found.append(
            ServiceView(name=service.name, kind=service.kind, domains=service.domains, on=on, rows=rows)
        )
    return tuple(found)


def _runs(given: PlanningInput, releases: Releases, node: Node, service: str) -> str:
    """What the containers of a service are on a node."""
    facts = given.observed.nodes.get(node.name)
    if not isinstance(facts, NodeFacts):
        return UNKNOWN
    wanted = live_containers(releases, node, service)
    return _containers([c for c in facts.containers if c.project == project(service)], wanted)


def _first(states: Iterable[str]) -> str:
    """What is wrong with one of them, if anything is."""
    return next((state for state in states if state != OK), OK)


def _row(domain: str, cells: list[Cell], given: PlanningInput, alone: Mapping[str, str]) -> RowView:
    told = {cell.node: cell for cell in cells}
    through = {
        name: CellView(release=told[name].answer.release, state=_served(given, told[name], state))
        if name in told
        else CellView(state=UNKNOWN)
        for name, state in alone.items()
    }
    entry = told.get("")
    return RowView(domain=domain, through=through, entry=_through_entry(entry) if entry else None)


def _served(given: PlanningInput, cell: Cell, runs: str) -> str:
    """What answered, and what the containers are beside it. An answer counts only with the release that the
    state has for the node: another may be an old one."""
    if cell.unseen:
        return f"{UNKNOWN} ({cell.unseen})"
    state = cell.fault or runs
    if runs != OK and not cell.answer.status:
        state = runs
    elif runs != OK and state.startswith("HTTP"):
        state = f"{state}, {runs}"
    return _with_drain(given, cell.node, cell.service, state, http=True)


def _with_drain(given: PlanningInput, node: str, service: str, state: str, *, http: bool) -> str:
    facts = given.observed.nodes.get(node)
    flags = {service, WHOLE_NODE} if http else {service}
    if not isinstance(facts, NodeFacts) or flags.isdisjoint(facts.drained):
        return state
    return "drained" if state == OK else f"{state}, drained"


def _through_entry(cell: Cell) -> CellView:
    state = f"{UNKNOWN} ({cell.fault})" if cell.unknown else cell.fault or OK
    return CellView(release=cell.answer.release, state=state)
