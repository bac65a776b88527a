"""Drift as people and programs see it: what differs from what was applied, folded over nodes."""

from __future__ import annotations

from dynia.commands.screens.layout import entries, on_nodes
from dynia.commands.screens.text import count, one_line, paint, wrap
from dynia.interfaces.durations import span
from dynia.interfaces.shape import Shape
from dynia.services.planning.drift_items import what_drifted
from dynia.services.planning.ignoring import NOTHING, Silenced
from dynia.services.planning.plan import Drift, Plan


class FoldedDrift(Shape):
    """Equal drift on several nodes. `since` is the earliest, 0 if unknown."""

    drift: Drift
    nodes: tuple[str, ...]
    since: int


def fold(drifts: tuple[Drift, ...]) -> tuple[FoldedDrift, ...]:
    """Equal drift as one entry, in the plan's order."""
    groups: dict[tuple[str, str, str, str, str], list[Drift]] = {}
    for drift in drifts:
        key = (drift.kind, drift.subject, drift.category, drift.detail, drift.remedy)
        groups.setdefault(key, []).append(drift)
    return tuple(
        FoldedDrift(
            drift=group[0],
            nodes=tuple(d.node for d in group if d.node),
            since=min((d.since for d in group if d.since), default=0),
        )
        for group in groups.values()
    )


def ago(since: int, now: float | None) -> str:
    """``2 d ago``, or nothing where no moment or no clock is known."""
    return f"{span(now - since)} ago" if since and now is not None else ""


def _since(entry: FoldedDrift, now: float | None) -> str:
    """A file's time says when its content came, and nothing about its mode or owner."""
    tells = entry.drift.category == "orphan" or "edited" in entry.drift.detail
    return ago(entry.since, now) if tells else ""


def nodes_of(plan: Plan) -> tuple[str, ...]:
    """Every node that the plan names, once, in its own order."""
    names = [*plan.order, *plan.joining, *(name for name, _ in plan.not_observed)]
    names += [drift.node for drift in plan.drift] + [n for line in plan.changes for n in line.nodes]
    return tuple(dict.fromkeys(name for name in names if name))


def drift_lines(plan: Plan, *, width: int, color: bool, now: float | None, classes: bool) -> list[str]:
    """The entries of a list of drift; `classes` adds the class of each."""
    folded = fold(plan.drift)
    everyone = nodes_of(plan)
    rows = [
        (
            "  ! ",
            (
                one_line(what_drifted(entry.drift)),
                on_nodes(entry.nodes, everyone, plan.node_count),
                entry.drift.category if classes else "",
                " ".join(filter(None, (one_line(entry.drift.detail), _since(entry, now)))),
                one_line(entry.drift.remedy),
            ),
        )
        for entry in folded
    ]
    return [
        paint(line[:3], "drift", color) + line[3:] if color and line.startswith("  !") else line
        for lines in entries(rows, width)
        for line in lines
    ]


def not_observed_lines(pairs: tuple[tuple[str, str], ...], *, width: int) -> list[str]:
    """One entry a node that did not answer; equal reasons on many nodes as one."""
    reasons: dict[str, list[str]] = {}
    for node, reason in pairs:
        reasons.setdefault(one_line(reason), []).append(one_line(node))
    rows = [
        ("  ? ", (nodes[0] if len(nodes) == 1 else f"{len(nodes)} nodes", reason))
        for reason, nodes in reasons.items()
    ]
    lines: list[str] = []
    for (reason, nodes), laid in zip(reasons.items(), entries(rows, width), strict=True):
        del reason
        lines.extend(laid)
        if len(nodes) > 1:
            lines.extend(wrap(", ".join(nodes), width, first="      ", rest="      "))
    return lines


def ignored_lines(silenced: Silenced, plan: Plan, *, width: int, now: float | None) -> list[str]:
    """What is no finding for a while, with until when and why; and what of that does not count."""
    lines: list[str] = []
    for until, because in dict.fromkeys((one.until, one.because) for one in silenced.ignored):
        said = f"Ignored until {one_line(until)}: {one_line(because)}"
        lines += ["", *wrap(said, width, rest="  ")]
        those = tuple(i.drift for i in silenced.ignored if (i.until, i.because) == (until, because))
        rows = [
            (
                "  · ",
                (
                    what_drifted(entry.drift),
                    on_nodes(entry.nodes, nodes_of(plan), plan.node_count),
                    " ".join(filter(None, (entry.drift.detail, _since(entry, now)))),
                ),
            )
            for entry in fold(those)
        ]
        lines += [line for laid in entries(rows, width) for line in laid]
    if lines:
        lines += wrap("`dynia apply` puts that back all the same.", width, first="  ", rest="  ")
    for note in silenced.notes:
        lines += ["", *wrap(f"Note: {one_line(note)}.", width, rest="  ")]
    return lines


def away_lines(names: tuple[str, ...], *, width: int) -> list[str]:
    """Nodes that somebody drained until further notice: no drift, and not to be forgotten."""
    if not names:
        return []
    said = f"Drained by hand: {', '.join(map(one_line, names))} (until `dynia node undrain NAME`)"
    return wrap(said, width, rest="  ")


def drift_text(
    plan: Plan,
    *,
    width: int,
    color: bool,
    now: float | None = None,
    observed: int | None = None,
    silenced: Silenced = NOTHING,
) -> str:
    """`dynia drift`: what differs, who did not answer, and apart how much is pending.

    `observed` is how many nodes answered; without it all that the plan counts and does not name as silent.
    `silenced` is what is no finding for a while, and is not in the plan's drift.
    """
    seen = max(plan.node_count - len(plan.not_observed), 0) if observed is None else observed
    lines = wrap(_verdict(plan, seen), width, rest="  ")
    if color:
        lines[0] = paint(lines[0], "head", color)
    if plan.drift:
        lines += ["", "Drift", *drift_lines(plan, width=width, color=color, now=now, classes=True)]
    lines += ignored_lines(silenced, plan, width=width, now=now)
    if plan.not_observed:
        lines += ["", "Not observed (nothing is claimed)"]
        lines += not_observed_lines(plan.not_observed, width=width)
    if plan.away:
        lines += ["", *away_lines(plan.away, width=width)]
    if plan.changes:
        pending = f"Pending (no drift): {count(len(plan.changes), 'change')} not applied yet"
        lines += ["", *wrap(f"{pending}; see `dynia plan`.", width, rest="  ")]
    for one in plan.paused:
        lines += ["", *wrap(f"Paused: {one_line(one.subject)}: {one_line(one.reason)}.", width, rest="  ")]
    if plan.drift and plan.steps:
        next_ = "Next: `dynia apply` puts it back; to keep it, change the file."
        lines += ["", *wrap(next_, width, rest="  ")]
    elif plan.drift:
        lines += ["", *wrap("Next: look at these nodes; apply has nothing that it could do.", width)]
    return "\n".join(lines)


def _verdict(plan: Plan, seen: int) -> str:
    silent = len(plan.not_observed)
    nodes = f"{seen} of {seen + silent} nodes" if silent else count(seen, "node")
    if not plan.drift:
        return f"{plan.cluster}: no drift on {nodes}" + (", the others did not answer" if silent else "")
    touched = {drift.node for drift in plan.drift if drift.node}
    found = count(len(plan.drift), "difference")
    where = f" on {count(len(touched), 'node')}" if touched else ""
    checked = f" ({nodes} observed)" if silent else ""
    return f"{plan.cluster}: {found}{where} from what was applied{checked}"
