"""The screens of `dynia cluster list` and `dynia cluster show`: what file and state say. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dynia.commands.screens.machine import document
from dynia.commands.screens.text import columns, count, one_line, paint
from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.durations import span
from dynia.interfaces.shape import Shape
from dynia.state.model import Applied, Deployment, Intent, Node, Route, State


class ListedCluster(Shape, rename="camel"):
    """One cluster. `nodes` are those in the state, `wanted` how many the file wants (None: not in it)."""

    name: str
    current: bool
    provider: str
    nodes: int
    wanted: int | None
    generation: int
    applied: Applied | None


class ClusterView(Shape, rename="camel"):
    """Everything that the state records of one cluster."""

    cluster: ListedCluster
    entry: str
    reserved_ip: str
    nodes: tuple[Node, ...]
    services: tuple[Deployment, ...]
    routes: tuple[Route, ...]
    intents: tuple[Intent, ...]
    unfinished: tuple[str, ...]


def list_view(specs: Mapping[str, ClusterSpec], state: State) -> tuple[ListedCluster, ...]:
    """Every cluster of file and state, by name."""
    names = sorted({*specs, *(c.name for c in state.clusters)})
    return tuple(_listed(name, specs.get(name), state) for name in names)


def cluster_view(
    name: str, spec: ClusterSpec | None, state: State, unfinished: Mapping[str, tuple[str, ...]]
) -> ClusterView:
    home = state.cluster(name)
    return ClusterView(
        cluster=_listed(name, spec, state),
        entry=home.entry if home else _kind(spec.entry) if spec else "none",
        reserved_ip=home.reserved_ip.address if home and home.reserved_ip else "",
        nodes=state.nodes_of(name),
        services=tuple(d for d in state.deployments if d.cluster == name),
        routes=tuple(r for r in state.routes if r.cluster == name),
        intents=tuple(i for i in state.intents if i.cluster == name),
        unfinished=unfinished.get(name, ()),
    )


def list_json(clusters: tuple[ListedCluster, ...]) -> bytes:
    """`dynia cluster list --json`."""
    return document("clusters", {"clusters": msgspec.to_builtins(clusters)})


def cluster_json(view: ClusterView) -> bytes:
    """`dynia cluster show --json`."""
    return document("cluster", msgspec.to_builtins(view))


def list_text(clusters: tuple[ListedCluster, ...], *, width: int, color: bool, now: float) -> str:
    if not clusters:
        return "No clusters yet: write one into clusters.yaml, then `dynia apply`."
    rows = [("", "cluster", "provider", "nodes", "generation", "applied")]
    for cluster in clusters:
        rows.append(
            (
                "*" if cluster.current else "",
                one_line(cluster.name),
                one_line(cluster.provider),
                _nodes(cluster),
                str(cluster.generation) if cluster.generation else "none",
                _applied(cluster, now),
            )
        )
    head, *rest = columns(rows, width, gap=2)
    return "\n".join((paint(head, "dim", color), *rest))


def cluster_text(view: ClusterView, *, width: int, color: bool, now: float) -> str:
    cluster = view.cluster
    said = [cluster.name, *([f"generation {cluster.generation}"] if cluster.generation else [])]
    said.append(f"applied {_applied(cluster, now)}" if cluster.applied else _applied(cluster, now))
    facts = [
        ("provider", cluster.provider),
        ("nodes", _nodes(cluster)),
        ("entry", f"{view.entry} {view.reserved_ip}".strip()),
    ]
    blocks = [
        [paint(one_line(" · ".join(said)), "head", color)],
        columns([(key, one_line(value)) for key, value in facts], width, indent="  "),
        _table("Nodes", ("node", "role", "address", "private", "components"), _node_rows(view), width, color),
        _table("Services", ("service", "kind", "release", "domains"), _service_rows(view), width, color),
        _begun(view, width, color),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _listed(name: str, spec: ClusterSpec | None, state: State) -> ListedCluster:
    home = state.cluster(name)
    return ListedCluster(
        name=name,
        current=state.current_cluster == name,
        provider=home.provider if home else _kind(spec.provider) if spec else "",
        nodes=len(state.nodes_of(name)),
        wanted=spec.nodes if spec else None,
        generation=home.generation if home else 0,
        applied=home.applied if home else None,
    )


def _kind(value: Shape) -> str:
    return str(value.__struct_config__.tag)


def _nodes(cluster: ListedCluster) -> str:
    if cluster.wanted is None or cluster.wanted == cluster.nodes:
        return str(cluster.nodes)
    return f"{cluster.nodes} of {cluster.wanted}"


def _applied(cluster: ListedCluster, now: float) -> str:
    left = "" if cluster.wanted is not None else ", not in the file"
    if cluster.applied is None:
        return f"never applied{left}"
    when = f"{span(now - cluster.applied.at)} ago by {cluster.applied.by}"
    commit = f" ({cluster.applied.commit[:7]})" if cluster.applied.commit else ""
    return one_line(f"{when}{commit}{left}")


def _node_rows(view: ClusterView) -> list[tuple[str, ...]]:
    return [
        (
            node.name,
            node.role,
            node.address,
            node.private_ip,
            ", ".join(sorted(node.components)) or ("none" if node.bootstrapped else "not bootstrapped"),
        )
        for node in view.nodes
    ]


def _service_rows(view: ClusterView) -> list[tuple[str, ...]]:
    domains: dict[str, list[str]] = {}
    for route in view.routes:
        domains.setdefault(route.service, []).append(route.domain)
    return [
        (service.name, service.kind, service.release, ", ".join(domains.get(service.name, [])))
        for service in view.services
    ]


def _begun(view: ClusterView, width: int, color: bool) -> list[str]:
    """What the last run left open, which the next apply looks for first."""
    rows = [
        (intent.step, f"create {intent.kind.replace('_', ' ')}, not seen to end") for intent in view.intents
    ]
    told = {intent.step for intent in view.intents}
    rows += [(step, "begun, no end known") for step in view.unfinished if step not in told]
    if not rows:
        return []
    head = f"Unfinished: {count(len(rows), 'step')}; the next apply looks at them first"
    return [
        paint(head, "drift", color),
        *columns([tuple(map(one_line, row)) for row in rows], width, indent="  "),
    ]


def _table(
    title: str, heads: tuple[str, ...], rows: list[tuple[str, ...]], width: int, color: bool
) -> list[str]:
    if not rows:
        return []
    shown = columns([heads, *(tuple(map(one_line, row)) for row in rows)], width, indent="  ")
    return [paint(title, "head", color), paint(shown[0], "dim", color), *shown[1:]]
