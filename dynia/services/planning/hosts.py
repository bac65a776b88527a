"""Nodes of kind ssh: hosts that exist, known by their name in the file."""

from __future__ import annotations

from dynia.interfaces.desired import ClusterSpec, SshHost
from dynia.interfaces.observed import NotObserved
from dynia.services.actions import ProvisionNode
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.names import priority
from dynia.services.planning.plan import Line, Step
from dynia.state.model import Node

Decided = tuple[tuple[Node, ...], tuple[Node, ...], tuple[Step, ...], tuple[Line, ...]]


def decide_hosts(given: PlanningInput, spec: ClusterSpec) -> Decided:
    """Staying, leaving, the steps that take hosts in (or learn their new addresses), and what to tell."""
    recorded = {n.name: n for n in given.state.nodes_of(spec.name)}
    wanted = {host.name: host for host in spec.hosts}
    home = given.state.cluster(spec.name)
    following = max(
        home.next_ordinal if home else 1, 1 + max((n.ordinal for n in recorded.values()), default=0)
    )
    begun = {i.name: i.ordinal for i in given.state.intents if i.cluster == spec.name and i.kind == "node"}
    following = max(following, 1 + max(begun.values(), default=0))
    ordinals = {n.name: n.ordinal for n in recorded.values() if n.name in wanted}
    for host in spec.hosts:
        if host.name not in ordinals:
            ordinals[host.name] = begun.get(host.name, following)
            following += host.name not in begun
    pinned = _pinned(given)
    steps, lines = [], []
    for host in sorted(spec.hosts, key=lambda h: ordinals[h.name]):
        node = recorded.get(host.name)
        why = _why(node, host, host.host_key or pinned.get(host.name, ""))
        if not why:
            continue
        steps.append(_take_in(host, ordinals[host.name], why))
        sign_is_new = node is None
        lines.append(
            Line(sign="+" if sign_is_new else "~", subject=f"node {host.name}", nodes=(host.name,), why=why)
        )
    leaving = tuple(n for name, n in recorded.items() if name not in wanted)
    why_leave = "because it left the file"
    lines += [Line(sign="-", subject=f"node {n.name}", nodes=(n.name,), why=why_leave) for n in leaving]
    staying = tuple(n for name, n in recorded.items() if name in wanted)
    return staying, leaving, tuple(steps), tuple(lines)


def _pinned(given: PlanningInput) -> dict[str, str]:
    """Host keys by name, also those that known_hosts has."""
    listed = given.observed.provider_nodes
    return {} if isinstance(listed, NotObserved) else {m.name: m.host_key for m in listed}


def _why(node: Node | None, host: SshHost, key: str) -> str:
    """Why a host is written down (anew), or nothing."""
    if node is None:
        return "because the file names it"
    if (node.address, node.private_ip, node.user, node.port) != (
        host.host,
        host.private_ip,
        host.user,
        host.port,
    ):
        return "because its address in the file changed"
    if key and key.split()[:2] != node.host_key.split()[:2]:
        return "because its pinned host key changed"
    return ""


def _take_in(host: SshHost, ordinal: int, why: str) -> Step:
    step = f"{host.name}/create"
    action = ProvisionNode(
        step=step,
        name=host.name,
        ordinal=ordinal,
        priority=priority(ordinal),
        address=host.host,
        private_ip=host.private_ip,
        user=host.user,
        port=host.port,
        host_key=host.host_key,
    )
    return Step(id=step, action=action, why=why, node=host.name)
