"""The status of a cluster as people read it, and as programs do."""

from __future__ import annotations

from dynia.commands.screens.layout import entries
from dynia.commands.screens.machine import document
from dynia.commands.screens.serving import serving_lines
from dynia.commands.screens.status_view import OK, CellView, NodeView, StatusView
from dynia.commands.screens.text import (
    columns,
    count,
    join_wrapped,
    one_line,
    paint,
    wrap,
)
from dynia.interfaces.durations import span

NARROW = 50


def status_text(view: StatusView, *, width: int, color: bool = False, now: float | None = None) -> str:
    """Who is there, what runs, what serves; a node that did not answer is named with its reason."""
    head = join_wrapped(_head(view, now), width, first=f"{view.cluster}  ", glue=" · ")
    lines = [paint(head[0], "head", color), *head[1:]]
    if view.split:
        lines += wrap(f"! reserved IP {view.reserved_ip}: {view.split}", width, rest="  ")
    seen = [node for node in view.nodes if not node.reason]
    if seen:
        lines += ["", *_table(seen, width, color)]
    if not view.nodes:
        lines += ["", "No node yet: `dynia apply` makes them."]
    silent = [node for node in view.nodes if node.reason]
    if silent:
        rows = [("  ? ", (one_line(n.name), one_line(n.reason))) for n in silent]
        lines += ["", "Not observed (nothing is claimed)"]
        lines += [text for laid in entries(rows, width) for text in laid]
    if view.services and view.nodes:
        lines += ["", "Serving through each node"]
        lines += serving_lines(view.services, [node.name for node in view.nodes], width, color)
    lines += _remarks(view, width, now)
    return "\n".join(lines)


def _head(view: StatusView, now: float | None) -> list[str]:
    parts = [f"generation {view.generation}" if view.generation else "nothing applied yet"]
    if view.applied_at:
        when = f"{span(now - view.applied_at)} ago " if now is not None else ""
        commit = f" ({one_line(view.commit)})" if view.commit else ""
        parts.append(f"applied {when}by {one_line(view.applied_by)}{commit}")
    if view.reserved_ip and not view.split:
        *most, last = view.entry.agreed(view.holder) or ("",)
        agree = f" ({', '.join(most)} and {last} agree)" if last else ""
        where = f"on {view.holder}{agree}" if view.holder else "seen on no node"
        parts.append(f"reserved IP {view.reserved_ip} {where}")
    return parts


def _table(nodes: list[NodeView], width: int, color: bool) -> list[str]:
    names = [
        part for part in ("docker", "haproxy", "keepalived", "caddy") if any(part in n.parts for n in nodes)
    ]
    ends = ["cert"] if any(n.certificate for n in nodes) else []
    # On the narrowest terminal one of the two must do; a disk that is nearly full is told below.
    disk = ["disk"] if width >= NARROW or not ends else []
    rows = [["node", "role", *names, *disk, *ends]]
    rows += [
        [
            one_line(node.name),
            _role(node),
            *(one_line(node.parts.get(name, "-")) for name in names),
            *([f"{node.disk_percent} %"] if disk else []),
            *([_certificate(node)] if ends else []),
        ]
        for node in nodes
    ]
    head, *body = columns(rows, width)
    shown = [paint(head, "dim", color)]
    for node, line in zip(nodes, body, strict=True):
        well = all(value == OK for value in node.parts.values())
        shown.append(line if well else paint(line, "change", color))
    return shown


def _certificate(node: NodeView) -> str:
    if node.certificate is None:
        return "none"
    if not node.certificate.fits:
        return "key differs"
    return f"{node.days_left} d" if node.days_left >= 0 else "expired"


def _role(node: NodeView) -> str:
    role = "MASTER" if node.role == "MASTER" else node.role.lower() or "-"
    return f"{role} *" if node.holds_address else role


def _remarks(view: StatusView, width: int, now: float | None) -> list[str]:
    said: list[str] = []
    if any(node.holds_address for node in view.nodes):
        said.append("* has the reserved IP")
    if view.entry.silence:
        said.append(f"reserved IP {view.reserved_ip}, asked from here: {one_line(view.entry.silence)}")
    for node in view.nodes:
        if node.drained:
            said.append(f"{node.name}: drained by hand (until `dynia node undrain {node.name}`)")
        if abs(node.clock_skew_ms) > 2000:
            said.append(f"{node.name}: {_clock(node.clock_skew_ms)}")
        if node.disk_percent >= 90:
            said.append(f"{node.name}: its disk is {node.disk_percent} % full")
        if node.busy_since:
            since = f" since {span(now - node.busy_since)}" if now is not None else ""
            said.append(f"{node.name}: busy{since} (somebody holds the node's lock)")
    if view.drift:
        said.append(f"{count(view.drift, 'difference')} from what was applied: `dynia drift`")
    if view.pending:
        said.append(f"{count(view.pending, 'change')} pending: `dynia plan`")
    lines = [text for remark in said for text in wrap(remark, width, rest="  ")]
    return ["", *lines] if lines else []


def _clock(skew_ms: int) -> str:
    off = abs(skew_ms) / 1000
    how = f"{off:.1f} s" if off < 100 else span(off)
    return f"its clock is {how} {'ahead of' if skew_ms > 0 else 'behind'} this machine's"


def _certificate_json(node: NodeView) -> dict[str, object] | None:
    found = node.certificate
    if found is None:
        return None
    return {
        "fingerprint": found.fingerprint,
        "names": list(found.names),
        "issuer": found.issuer,
        "notAfter": found.not_after,
        "daysLeft": node.days_left,
        "keyFits": found.fits,
    }


def _cell_json(cell: CellView) -> dict[str, str]:
    return {"state": cell.state, "release": cell.release}


def status_json(view: StatusView) -> bytes:
    """`dynia status --json`."""
    return document("status", status_body(view))


def status_body(view: StatusView) -> dict[str, object]:
    """The status as a tree of plain values."""
    return {
        "cluster": view.cluster,
        "generation": view.generation,
        "applied": (
            {"at": view.applied_at, "by": view.applied_by, "commit": view.commit} if view.applied_at else None
        ),
        "reservedIp": view.reserved_ip,
        "holder": view.holder,
        "split": view.split,
        "entry": {
            "provider": view.entry.provider,
            "kernels": list(view.entry.kernels),
            "masters": list(view.entry.masters),
            "probe": view.entry.probe,
            "silence": view.entry.silence,
        },
        "nodes": [
            {
                "name": node.name,
                "ordinal": node.ordinal,
                "address": node.address,
                "observed": not node.reason,
                "reason": node.reason,
                "role": node.role,
                "holdsAddress": node.holds_address,
                "parts": node.parts,
                "diskPercent": node.disk_percent,
                "clockSkewMs": node.clock_skew_ms,
                "busySince": node.busy_since,
                "certificate": _certificate_json(node),
                "drainedByHand": node.drained,
            }
            for node in view.nodes
        ],
        "services": [
            {
                "name": service.name,
                "kind": service.kind,
                "domains": list(service.domains),
                "on": service.on,
                "serving": [
                    {
                        "domain": row.domain,
                        "through": {name: _cell_json(cell) for name, cell in row.through.items()},
                        "reservedIp": _cell_json(row.entry) if row.entry else None,
                    }
                    for row in service.rows
                ],
            }
            for service in view.services
        ],
        "drift": view.drift,
        "pending": view.pending,
        "notObserved": [{"node": node, "reason": reason} for node, reason in view.not_observed],
    }
