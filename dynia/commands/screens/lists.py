"""Lists of nodes and services, from file and state alone."""

from __future__ import annotations

from collections.abc import Sequence

from dynia.commands.screens.layout import entries
from dynia.commands.screens.machine import document
from dynia.commands.screens.text import columns, count, wrap
from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.shape import Shape
from dynia.state.model import Node, State


def nodes_text(cluster: str, nodes: Sequence[Node], *, width: int) -> str:
    """`dynia node list`. What is not certain without asking is not in it."""
    if not nodes:
        return f"{cluster}: no node yet; `dynia apply` makes them."
    rows = [["node", "#", "address", "private", "ssh", "at rest"]]
    rows += [
        [
            node.name,
            str(node.ordinal),
            node.address,
            node.private_ip,
            f"{node.user}:{node.port}",
            node.role if node.bootstrapped else f"{node.role} (not ready)",
        ]
        for node in nodes
    ]
    return "\n".join(columns(rows, width))


def nodes_json(cluster: str, nodes: Sequence[Node]) -> bytes:
    """`dynia node list --json`."""
    return document(
        "nodes",
        {
            "cluster": cluster,
            "nodes": [
                {
                    "name": node.name,
                    "ordinal": node.ordinal,
                    "providerId": node.provider_id,
                    "address": node.address,
                    "privateIp": node.private_ip,
                    "user": node.user,
                    "port": node.port,
                    "hostKey": node.host_key,
                    "priority": node.priority,
                    "roleAtRest": node.role,
                    "bootstrapped": node.bootstrapped,
                    "components": node.components,
                }
                for node in nodes
            ],
        },
    )


class ServiceRow(Shape):
    """One service. `state`: applied, pending (in the file only), leaving (in the state only)."""

    name: str
    kind: str
    state: str
    domains: tuple[str, ...]
    target: str = ""
    images: tuple[str, ...] = ()
    release: str = ""


def services_view(cluster: str, spec: ClusterSpec | None, state: State) -> tuple[ServiceRow, ...]:
    """Services of file and state, by name."""
    deployed = {d.name: d for d in state.deployments if d.cluster == cluster}
    wanted = {s.name: s for s in spec.services} if spec else {}
    rows = []
    for name in sorted({*deployed, *wanted}):
        service, done = wanted.get(name), deployed.get(name)
        routes = tuple(r.domain for r in state.routes if (r.cluster, r.service) == (cluster, name))
        if service is None:
            known = done.kind if done else ""
            rows.append(ServiceRow(name=name, kind=known, state="leaving", domains=routes))
            continue
        target = f"{service.target.container}:{service.target.port}" if service.target else ""
        rows.append(
            ServiceRow(
                name=name,
                kind=service.kind,
                state="applied" if done else "pending",
                domains=service.domains,
                target=target,
                images=done.images if done else tuple(c.image for c in service.containers),
                release=done.release if done else "",
            )
        )
    return tuple(rows)


def services_text(cluster: str, rows: Sequence[ServiceRow], *, width: int) -> str:
    """`dynia service list`."""
    if not rows:
        return f"{cluster}: no service."
    table = [["service", "kind", "state", "target", "release"]]
    table += [[r.name, r.kind, r.state, r.target or "-", r.release or "-"] for r in rows]
    lines = columns(table, width)
    more = [("  ", (row.name, ", ".join(row.domains))) for row in rows if row.domains]
    if more:
        lines += ["", "Domains", *(text for laid in entries(more, width) for text in laid)]
    pending = sum(1 for row in rows if row.state != "applied")
    if pending:
        lines += [
            "",
            *wrap(f"{count(pending, 'service')} not as applied: see `dynia plan`.", width, rest="  "),
        ]
    return "\n".join(lines)


def services_json(cluster: str, rows: Sequence[ServiceRow]) -> bytes:
    """`dynia service list --json`."""
    return document(
        "services",
        {
            "cluster": cluster,
            "services": [
                {
                    "name": row.name,
                    "kind": row.kind,
                    "state": row.state,
                    "domains": list(row.domains),
                    "target": row.target,
                    "images": list(row.images),
                    "release": row.release,
                }
                for row in rows
            ],
        },
    )
