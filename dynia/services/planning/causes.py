"""Why configs change: nodes that come and go, routes, services. Worked out once per plan."""

from __future__ import annotations

from dynia.interfaces.desired import ClusterSpec
from dynia.state.hold import KeptOut
from dynia.state.model import Node, State

NAMES_NODES = ("haproxy", "keepalived", "firewall", "caddy")
NAMES_ROUTES = ("haproxy", "caddy")


def causes(
    before: State,
    spec: ClusterSpec,
    staying: tuple[Node, ...],
    changed: frozenset[str],
    out: tuple[KeptOut, ...] = (),
) -> dict[str, str]:
    """By component, for those that name nodes or routes. `changed` are services whose release changes; `out`
    is who is sent nothing."""
    membership = _membership(before, spec.name, staying)
    routes = _routes(before, spec)
    found = {}
    for name in NAMES_NODES:
        parts = [membership] if membership else []
        if name == "haproxy":
            parts += _kept_out(before, spec.name, out)
        if name in NAMES_ROUTES:
            parts += routes
            if name == "caddy" and changed and not routes:
                parts.append(f"service {', '.join(sorted(changed))} changes")
        if parts:
            found[name] = "because " + " and ".join(parts)
    return found


def _membership(state: State, cluster: str, staying: tuple[Node, ...]) -> str:
    """Nodes that configs named until now, against those that they will name."""
    before = {n.name for n in state.nodes_of(cluster) if n.components}
    after = {n.name for n in staying}
    if not before or before == after:
        return ""
    if len(before) != len(after):
        return f"nodes {len(before)} → {len(after)}"
    return f"{', '.join(sorted(before - after))} is replaced by {', '.join(sorted(after - before))}"


def _kept_out(state: State, cluster: str, out: tuple[KeptOut, ...]) -> list[str]:
    home = state.cluster(cluster)
    known = {one.node for one in home.kept_out} if home else set()
    now = {one.node for one in out}
    said = {"may run what failed": now - known, "no longer runs what failed": known - now}
    return [f"{', '.join(sorted(names))} {what}" for what, names in said.items() if names]


def _routes(state: State, spec: ClusterSpec) -> list[str]:
    before = {r.domain: r.service for r in state.routes if r.cluster == spec.name}
    after = {d: s.name for s in spec.services for d in s.domains}
    known = {d.name for d in state.deployments if d.cluster == spec.name}
    said = []
    for domain in sorted({*before, *after}):
        old, new = before.get(domain), after.get(domain)
        if old == new:
            continue
        if old is None:
            said.append(f"route {domain} → {new}")
        elif new is None:
            said.append(f"route {domain} goes")
        else:
            said.append(f"route {domain}: {old} → {new}")
    for service in sorted(spec.services, key=lambda s: s.name):
        if known and service.name not in known and not service.domains:
            said.append(f"service {service.name} is new")
    return said[:3]
