"""Who serves what now, and who has the entry address: counted from observed facts only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from dynia.interfaces.desired import ApiEntry, ClusterSpec
from dynia.interfaces.node_requests import WHOLE_NODE
from dynia.interfaces.observed import ContainerSeen, NodeFacts, NotObserved, Observed, ObservedNode
from dynia.services.planning.components.caddy import CONFIG as CADDYFILE
from dynia.services.planning.components.caddy import PROJECT as CADDY
from dynia.services.planning.components.compose_override import project
from dynia.services.planning.components.failover import TOKEN
from dynia.services.planning.components.failover import UNIT as CLAIM_UNIT
from dynia.services.planning.inputs import PlanningInput
from dynia.state.model import Node

_EMPTY = f"sha256:{hashlib.sha256().hexdigest()}"


def serving(spec: ClusterSpec, observed: Observed, nodes: Iterable[Node]) -> dict[str, frozenset[str]]:
    """Per service the nodes that serve it: its containers run and none is unhealthy, and for HTTP Caddy runs
    beside them, and no drain keeps visitors away. A node that was not observed does not count."""
    found: dict[str, set[str]] = {service.name: set() for service in spec.services}
    http = {service.name for service in spec.services if service.kind == "http"}
    by_project = {project(service): service for service in found}
    for node in nodes:
        facts = observed.nodes.get(node.name)
        if not isinstance(facts, NodeFacts):
            continue
        state: dict[str, bool] = {}
        caddy = False
        for container in facts.containers:
            if container.project == CADDY:
                caddy = caddy or container.state == "running"
            service = by_project.get(container.project)
            if service is not None:
                state[service] = state.get(service, True) and well(container)
        for service, whole in state.items():
            drained = not {service, WHOLE_NODE}.isdisjoint(facts.drained)
            visited = service not in http or (caddy and not drained)
            if service in found and whole and visited:
                found[service].add(node.name)
    return {service: frozenset(names) for service, names in found.items()}


def with_containers(
    spec: ClusterSpec, observed: Observed, nodes: Iterable[Node]
) -> dict[str, frozenset[str]]:
    """Per HTTP service the nodes that have containers of it, in whatever state. Whom somebody drained whole
    gets no visitors anyway."""
    projects: dict[str, set[str]] = {}
    for node in nodes:
        facts = observed.nodes.get(node.name)
        if not isinstance(facts, NodeFacts) or WHOLE_NODE in facts.drained:
            continue
        for container in facts.containers:
            projects.setdefault(container.project, set()).add(node.name)
    http = (service.name for service in spec.services if service.kind == "http")
    return {name: frozenset(projects.get(project(name), ())) for name in http}


def drained_nodes(given: PlanningInput) -> tuple[str, ...]:
    """Those that somebody drained until further notice, by ordinal."""
    seen = ((n.name, given.observed.nodes.get(n.name)) for n in given.state.nodes_of(given.target))
    return tuple(name for name, f in seen if isinstance(f, NodeFacts) and WHOLE_NODE in f.drained)


def misled(spec: ClusterSpec, observed: Observed, nodes: Iterable[Node]) -> dict[str, frozenset[str]]:
    """Nodes whose Caddy does not lead to a container that runs beside it, or is not on its network: what was
    begun there did not end, and visitors are not served. And the services that it does lead to. A Caddyfile
    of the team's own may tell no releases: then it is believed."""
    http = {
        project(s.name): (s.target.container, f"edge-{s.name}", s.name)
        for s in spec.services
        if s.kind == "http" and s.target
    }
    found: dict[str, frozenset[str]] = {}
    for node in nodes:
        facts = observed.nodes.get(node.name)
        if isinstance(facts, NodeFacts) and (facts.routes or not _has_caddyfile(facts)):
            those = [c for c in facts.containers if c.project in http and http[c.project][0] == c.service]
            caddy = [c.networks for c in facts.containers if c.project == CADDY]
            led = [
                c for c in those if c.config in facts.routes and all(http[c.project][1] in on for on in caddy)
            ]
            if len(led) < len(those):
                found[node.name] = frozenset(http[c.project][2] for c in led)
    return found


def _has_caddyfile(facts: NodeFacts) -> bool:
    return any(f.path == CADDYFILE and f.digest != _EMPTY for f in facts.files)


def well(container: ContainerSeen) -> bool:
    if container.state == "running":
        return container.health != "unhealthy"
    return container.state == "exited" and container.exit_code == 0


def find_holder(given: PlanningInput) -> str:
    """The node that has the entry address: the provider's word for kind api, else the kernel's; or empty."""
    home = given.state.cluster(given.target)
    if home is None or home.reserved_ip is None:
        return ""
    nodes = given.state.nodes_of(given.target)
    if given.desired is not None and isinstance(given.desired.entry, ApiEntry):
        owner = provider_owner(given)
        return next((n.name for n in nodes if owner and n.provider_id == owner), "")
    have = []
    for node in nodes:
        facts = given.observed.nodes.get(node.name)
        if isinstance(facts, NodeFacts) and home.reserved_ip.address in facts.addresses:
            have.append((facts.vrrp != "MASTER", node.ordinal, node.name))
    return min(have)[2] if have else ""


def kept_for_last(given: PlanningInput) -> str:
    """The node that visitors come to: the holder. Where nobody is known to have the recorded address (the
    file names another one, the provider did not answer) it is the MASTER."""
    roles = [(n.name, given.observed.nodes.get(n.name)) for n in given.state.nodes_of(given.target)]
    masters = (name for name, facts in roles if isinstance(facts, NodeFacts) and facts.vrrp == "MASTER")
    return find_holder(given) or next(masters, "")


def can_claim(facts: ObservedNode | None) -> bool:
    """Whether the claim unit runs on a node, so that it asks for the address itself once it is MASTER."""
    if not isinstance(facts, NodeFacts):
        return False
    awake = any(u.name == CLAIM_UNIT and u.active == "active" for u in facts.units)
    return awake and any(f.path == TOKEN for f in facts.files)


def provider_owner(given: PlanningInput) -> str | None:
    """The provider id of the machine that has the reserved IP, empty if none has, None if not told."""
    home = given.state.cluster(given.target)
    listed = given.observed.addresses
    if home is None or home.reserved_ip is None or isinstance(listed, NotObserved):
        return None
    known = home.reserved_ip.provider_id
    return next((a.owner for a in listed if a.provider_id == known), "")
