"""The plan as people read it: will this hurt?"""

from __future__ import annotations

import difflib

import msgspec

from dynia.commands.screens.drift import away_lines, drift_lines, fold, nodes_of, not_observed_lines
from dynia.commands.screens.layout import entries, on_nodes
from dynia.commands.screens.plan_effect import effect_parts, order_parts
from dynia.commands.screens.text import (
    Role,
    cells,
    clean,
    count,
    join_wrapped,
    listing,
    one_line,
    paint,
    shorten,
    wrap,
)
from dynia.interfaces.requests import Detail
from dynia.interfaces.shape import Shape
from dynia.services.planning.plan import FileDiff, Line, Plan, Step

FEW = 4
_ROLES: dict[str, Role] = {"+": "add", "~": "change", "-": "destroy", "!": "drift"}


class Tally(Shape):
    """How much a plan does, as its last line counts it: entries of the screen, not nodes."""

    add: int
    change: int
    destroy: int
    revert: int


def tally(plan: Plan) -> Tally:
    """Counts of a plan."""
    signs = [line.sign for line in plan.changes]
    return Tally(
        add=signs.count("+"),
        change=signs.count("~"),
        destroy=signs.count("-"),
        revert=len(fold(plan.drift)),
    )


def plan_text(
    plan: Plan, *, width: int, detail: Detail = "normal", color: bool = False, now: float | None = None
) -> str:
    """The screen of a plan. Nothing to do is one line."""
    if plan.empty and not plan.drift and all(w.final for w in plan.waiting):
        rows = [("  . ", (one_line(w.subject), one_line(w.reason))) for w in plan.waiting]
        known = [line for lines in entries(rows, width) for line in lines] if rows else []
        part = part_lines(plan, width)
        return "\n".join((nothing_to_do(plan, width), *known, *part, *away_lines(plan.away, width=width)))
    if detail == "summary":
        return "\n".join(
            [*part_lines(plan, width), *_refused(plan, width, color), *_summary(plan, width, color)]
        )
    blocks = [[paint(shorten(heading(plan), width), "head", color)]]
    if plan.drift:
        lines = drift_lines(plan, width=width, color=color, now=now, classes=False)
        blocks.append([paint("Drift", "head", color), *lines])
    if plan.changes:
        blocked = "Paused after the canary" if plan.paused else "Wanted, and not possible now"
        title = blocked if plan.empty else "Changes"
        blocks.append([paint(title, "head", color), *_changes(plan, width, color)])
    if detail == "full":
        blocks += [_diff(diff, plan, width, color) for diff in plan.diffs]
        if plan.steps:
            blocks.append([paint("Steps", "head", color), *step_lines(plan.steps, width)])
        if plan.later:
            title = "Steps of the passes after it"
            blocks.append([paint(title, "head", color), *step_lines(plan.later, width)])
    if plan.not_observed:
        title = paint("Not observed (nothing is claimed)", "head", color)
        blocks.append([title, *not_observed_lines(plan.not_observed, width=width)])
    silent = {name for name, _ in plan.not_observed}
    waiting = [w for w in plan.waiting if w.subject not in silent]
    if waiting:
        rows = [("  . ", (one_line(w.subject), one_line(w.reason))) for w in waiting]
        title = paint("Not in this plan", "head", color)
        blocks.append([title, *(line for lines in entries(rows, width) for line in lines)])
    blocks.append(part_lines(plan, width))
    blocks.append(_refused(plan, width, color))
    blocks.append(away_lines(plan.away, width=width))
    blocks.append(_summary(plan, width, color))
    return "\n\n".join("\n".join(block) for block in blocks if block)


def part_lines(plan: Plan, width: int) -> list[str]:
    """The warning of a plan that is of a part of the file."""
    if not plan.part:
        return []
    said = [f"--target {name}" for name in plan.targets] + [f"--exclude {name}" for name in plan.excludes]
    text = f"Partial: {', '.join(map(one_line, said))}. The rest of the file is left out; "
    return wrap(f"{text}the cluster is not settled by this.", width, rest="  ")


def _refused(plan: Plan, width: int, color: bool) -> list[str]:
    """What a protected cluster would lose, and where it is protected."""
    if not plan.losses:
        return []
    rows = [("  x ", (one_line(loss.subject), one_line(loss.how))) for loss in plan.losses]
    title = wrap(f"Refused: the cluster is protected ({one_line(plan.protect)})", width, rest="  ")
    head = [paint(line, "destroy", color) for line in title]
    return [*head, *(line for lines in entries(rows, width) for line in lines)]


def heading(plan: Plan) -> str:
    """``Cluster prod · 3 nodes · docker · generation 41``."""
    # A cluster that is to be destroyed has no node that anybody wants.
    nodes = count(plan.node_count, "node") if plan.node_count else ""
    parts = [f"Cluster {plan.cluster}", nodes, plan.provider]
    parts.append(f"generation {plan.generation}" if plan.generation else "nothing applied yet")
    return " · ".join(part for part in parts if part)


def nothing_to_do(plan: Plan, width: int) -> str:
    """The one line of a plan without steps; nodes that did not answer are on it."""
    total, silent = plan.node_count, plan.not_observed
    if not silent:
        at = f", generation {plan.generation}" if plan.generation else ""
        return shorten(f"{plan.cluster}: nothing to do ({count(total, 'node')} observed{at})", width)
    begin = f"{plan.cluster}: nothing to do on {max(total - len(silent), 0)} of {total} nodes; "
    names = [one_line(name) for name, _ in silent]
    if len(silent) == 1:
        begin += f"{names[0]} not observed"
        left = width - cells(begin) - 3
        reason = shorten(one_line(silent[0][1]), left) if left >= 12 else ""
        return shorten(f"{begin} ({reason})" if reason else begin, width)
    begin += "not observed: "
    choices = (listing(names, number) for number in range(len(names), 0, -1))
    shown = next((text for text in choices if cells(begin + text) <= width), str(len(names)))
    return shorten(begin + shown, width)


def _changes(plan: Plan, width: int, color: bool) -> list[str]:
    everyone = nodes_of(plan)
    changes = _folded(plan.changes)
    rows = [(f"  {line.sign} ", _texts(line, everyone, plan.node_count)) for line in changes]
    shown: list[str] = []
    for line, laid in zip(changes, entries(rows, width), strict=True):
        shown.append(_signed(laid[0], line.sign, color))
        shown += laid[1:]
        details = [("      ", (one_line(label), one_line(text))) for label, text in line.details]
        shown += [text for lines in entries(details, width, hang=8) for text in lines]
    return shown


def _folded(changes: tuple[Line, ...]) -> list[Line]:
    """More than a few nodes that come or go for the same reason take one line."""
    same: dict[tuple[str, str, object], list[Line]] = {}
    for line in changes:
        if len(line.nodes) == 1 and line.subject == f"node {line.nodes[0]}":
            same.setdefault((line.sign, line.why, line.details), []).append(line)
    many = {key: lines for key, lines in same.items() if len(lines) > FEW}
    shown: list[Line] = []
    for line in changes:
        group = many.get((line.sign, line.why, line.details), [])
        if line not in group:
            shown.append(line)
        elif line is group[0]:
            names = listing([entry.nodes[0] for entry in group], FEW)
            shown.append(msgspec.structs.replace(line, subject=f"{len(group)} nodes: {names}", nodes=()))
    return shown


def _texts(line: Line, everyone: tuple[str, ...], total: int) -> tuple[str, str, str]:
    names = tuple(one_line(name) for name in line.nodes)
    where = f"on all {total} nodes" if line.everywhere and total > 1 else on_nodes(names, everyone, total)
    named = line.subject.split()
    if len(names) == 1 and names[0] in named:
        where = ""
    why = one_line(line.why)
    return (one_line(line.subject), where, f"because {why.removeprefix('because ')}" if why else "")


def _signed(line: str, sign: str, color: bool) -> str:
    head = f"  {sign} "
    return paint(head.rstrip(), _ROLES[sign], color) + line[len(head.rstrip()) :] if color else line


def _diff(diff: FileDiff, plan: Plan, width: int, color: bool) -> list[str]:
    where = on_nodes(diff.nodes, nodes_of(plan), plan.node_count)
    lines = [paint(line, "head", color) for line in wrap(f"{one_line(diff.path)} {where}", width, rest="  ")]
    if diff.after is None and diff.before is None:
        return [*lines, "  (the content is not shown)"]
    if diff.before is None:
        lines.append("  (what is there now is not known here; the whole new text follows)")
    before, after = clean(diff.before or "").splitlines(), clean(diff.after or "").splitlines()
    for text in list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]:
        role: Role | None = {"+": "add", "-": "destroy"}.get(text[:1])  # type: ignore[assignment]
        if text.startswith("@@"):
            lines.append(paint(f"  {text}", "dim", color))
            continue
        # A line of a file is folded, not shortened: --full shows every line whole.
        first = f"  {text[:1] or ' '} "
        pieces = _fold(text[1:], width - 4)
        shown = [f"{first}{pieces[0]}".rstrip(), *(f"    {piece}" for piece in pieces[1:])]
        lines += [paint(line, role, color) if role else line for line in shown]
    return lines


def _fold(text: str, width: int) -> list[str]:
    pieces, current, used = [], "", 0
    for char in text:
        size = cells(char)
        if used + size > width:
            pieces.append(current)
            current, used = "", 0
        current += char
        used += size
    return [*pieces, current]


def step_lines(steps: tuple[Step, ...], width: int) -> list[str]:
    """Each step with what it disturbs and why."""
    rows = [
        (
            "  ",
            (
                one_line(step.id),
                one_line(step.action.sentence()),
                "; ".join(
                    filter(
                        None,
                        (
                            f"disturbs {listing(step.disturbs)}" if step.disturbs else "",
                            "irreversible" if step.irreversible else "",
                        ),
                    )
                ),
                f"because {step.why.removeprefix('because ')}" if step.why else "",
            ),
        )
        for step in steps
    ]
    return [line for lines in entries(rows, width, hang=4) for line in lines]


def _summary(plan: Plan, width: int, color: bool) -> list[str]:
    lines: list[str] = []
    if order := order_parts(plan):
        lines += join_wrapped(order, width, first="Order   ")
    if plan.steps or plan.later:
        lines += join_wrapped(effect_parts(plan), width, first="Effect  ")
    if plan.empty:
        paused = "it waits after the canary; `dynia apply --resume` goes on."
        last = f"{plan.cluster}: {paused if plan.paused else 'there is nothing that could be done now.'}"
    else:
        done = tally(plan)
        last = f"Plan: {done.add} to add, {done.change} to change, {done.destroy} to destroy"
        last += f", {count(done.revert, 'drift', 'drifts')} to revert." if done.revert else "."
    lines = lines if not lines else [*lines, ""]
    lines += [paint(line, "head", color) for line in wrap(last, width, rest="  ")]
    if plan.not_observed:
        of = f" of {plan.node_count}" if plan.node_count else ""
        number = len(plan.not_observed)
        # One that is off is started, or deleted, by its provider: that needs no answer of its own.
        begun = {step.node for step in plan.steps}
        left = sum(name not in begun for name, _ in plan.not_observed)
        told = (
            "left alone"
            if left == number
            else f"{left} left alone"
            if left
            else "only the provider acts on it"
        )
        silent = f"{number}{of} {'node' if number == 1 and not of else 'nodes'} not observed; {told}."
        lines += wrap(silent, width, rest="  ")
    return lines
