"""The serving matrix: what answers for each domain through each node and the reserved IP. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from dynia.interfaces.desired import NoEntry, Service
from dynia.interfaces.node_requests import Question, ServiceAnswer
from dynia.interfaces.observed import NodeFacts
from dynia.interfaces.shape import Shape
from dynia.services.actions.wait_healthy import CADDY_PORT
from dynia.services.planning.compare import Releases, releases_of
from dynia.services.planning.components.haproxy import check_host
from dynia.services.planning.components.tls import certified
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Waiting
from dynia.services.planning.serving import find_holder
from dynia.state.model import Node

SHORT = 8


class Cell(Shape):
    """What answered for a domain (empty: every other host name) through one node's own Caddy; `node` empty:
    through the reserved IP. `wanted` are the releases that may: those of the state, none where it knows none.
    `health`: it was asked as HAProxy asks, and so promises to be well. `unseen` is why nobody could ask."""

    service: str
    domain: str
    node: str
    wanted: tuple[str, ...] = ()
    health: bool = True
    answer: ServiceAnswer = ServiceAnswer()
    unseen: str = ""

    @property
    def fault(self) -> str:
        """What is wrong, in words; empty where a wanted release answered. Another name than the one that the
        health check uses may have nothing at its path: there who answers counts, unless it broke."""
        told = self.answer
        if self.unseen or not told.status:
            return self.unseen or told.said or "no answer"
        if not 200 <= told.status < 400 and (self.health or told.status >= 500 or not told.release):
            return f"HTTP {told.status}"
        if self.wanted and told.release not in self.wanted:
            return f"other release ({shown(told.release) or 'none'})"
        return ""

    @property
    def unknown(self) -> bool:
        """Nothing can be claimed: nobody asked, or nothing came back over the network. A node's own Caddy is
        not beyond a network."""
        return bool(self.unseen) or (self.answer.silent and not self.node)


class Asked(Shape):
    """A cell that is not known yet: what is asked, and on which node."""

    on: str
    question: Question
    cell: Cell


def to_ask(given: PlanningInput, *, applied: bool = False) -> tuple[Asked, ...]:
    """Every question of the matrix, each on a node that was observed. `applied`: only for what was applied;
    else for all that the file names."""
    spec, home = given.desired, given.state.cluster(given.target)
    if spec is None or home is None:
        return ()
    nodes = given.state.nodes_of(given.target)
    seen = tuple(n for n in nodes if isinstance(given.observed.nodes.get(n.name), NodeFacts))
    known = applied and home.applied is not None
    address = home.reserved_ip.address if home.reserved_ip and not isinstance(spec.entry, NoEntry) else ""
    asker = _asker(given, seen, address) if address else None
    secure = home.certificate is not None if known else certified(spec)
    releases, found = releases_of(home), []
    for service in sorted((s for s in spec.services if s.target is not None), key=lambda s: s.name):
        routed = {node.name: _routed(releases, node, service) for node in nodes}
        for domain in _domains(given, service, known=known):
            host = domain or check_host(service)
            cell = Cell(service=service.name, domain=domain, node="", health=host == check_host(service))
            for node in seen:
                question = Question(
                    host=host, address=node.private_ip, port=CADDY_PORT, path=service.health.path
                )
                mine = replace(cell, node=node.name, wanted=_those((routed[node.name],)))
                found.append(Asked(on=node.name, question=question, cell=mine))
            if asker is not None:
                port = 443 if secure and domain else 80
                question = Question(host=host, address=address, port=port, path=service.health.path)
                through = replace(cell, wanted=_those(routed.values()))
                found.append(Asked(on=asker.name, question=question, cell=through))
    return tuple(found)


def live_containers(releases: Releases, node: Node, service: str) -> dict[str, str]:
    """The containers of the release that is live on a node, as far as the state knows, with their hashes."""
    component = f"service/{service}"
    live = node.pushed.get(component) or node.components.get(component, "")
    release = releases.get((component, live))
    return release.containers if release else {}


def unserved(cells: Iterable[Cell]) -> tuple[Waiting, ...]:
    """What keeps an apply from having succeeded: every cell where the state knows a release and another thing
    than that release answered. Equal ones of a service are one."""
    alike: dict[tuple[str, str, bool, tuple[str, ...]], list[Cell]] = {}
    for cell in cells:
        if cell.wanted and cell.fault:
            alike.setdefault((cell.service, cell.fault, cell.unknown, cell.wanted), []).append(cell)
    return tuple(
        Waiting(subject=_named(group), reason=_why(group), unseen=unknown)
        for (_, _, unknown, _), group in alike.items()
    )


def shown(release: str) -> str:
    """A release as people read it."""
    return release[:SHORT]


def _asker(given: PlanningInput, seen: Sequence[Node], address: str) -> Node | None:
    """A node whose kernel has the address: no firewall keeps it out. Else another one than the holder, whose
    way there is a visitor's."""
    for node in seen:
        facts = given.observed.nodes[node.name]
        if isinstance(facts, NodeFacts) and address in facts.addresses:
            return node
    holder = find_holder(given)
    return next((n for n in seen if n.name != holder), next(iter(seen), None))


def _domains(given: PlanningInput, service: Service, *, known: bool) -> tuple[str, ...]:
    state, cluster = given.state, given.target
    if known and not any((d.cluster, d.name) == (cluster, service.name) for d in state.deployments):
        return ()
    if not service.domains:
        return ("",)
    routed = {r.domain for r in state.routes if (r.cluster, r.service) == (cluster, service.name)}
    return tuple(domain for domain in service.domains if not known or domain in routed)


def _routed(releases: Releases, node: Node, service: Service) -> str:
    return live_containers(releases, node, service.name).get(
        service.target.container if service.target else "", ""
    )


def _those(releases: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({release for release in releases if release}))


def _named(group: Sequence[Cell]) -> str:
    names = list(dict.fromkeys(cell.domain or cell.service for cell in group))
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]


def _why(group: Sequence[Cell]) -> str:
    first = group[0]
    nodes = list(dict.fromkeys(cell.node for cell in group if cell.node))
    few = ", ".join(nodes[:3]) + (f" and {len(nodes) - 3} more" if len(nodes) > 3 else "")
    places = [few] if nodes else []
    if len(nodes) < len({cell.node for cell in group}):
        places.append("the reserved IP")
    wanted = " or ".join(shown(release) for release in first.wanted)
    said = f"{first.fault} through {' and '.join(places)}, where release {wanted} must answer"
    look = f"dynia logs {first.service} --node {nodes[0]}" if nodes else "dynia status"
    return f"{said}: `{look}`"
