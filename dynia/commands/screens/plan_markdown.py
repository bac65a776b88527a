"""The plan as a comment of a pull request: the verdict first, then the screen, details folded away."""

from __future__ import annotations

import difflib

from dynia.commands.screens.drift import fold, nodes_of
from dynia.commands.screens.layout import on_nodes
from dynia.commands.screens.markdown import MOST, Section, block, code, fitted
from dynia.commands.screens.plan import plan_text, step_lines, tally
from dynia.commands.screens.plan_effect import interrupted, many_names, why_interrupted
from dynia.commands.screens.text import clean, count, listing, one_line
from dynia.interfaces.shape import Shape
from dynia.services.planning.plan import FileDiff, Plan

WIDTH = 100
# Of the screen, so that details have room too; a plan that is longer is shown whole by `dynia plan`.
MOST_LINES, STEPS = 250, 50


class Link(Shape):
    """Where a text comes from: the commit, and the run as people see it; empty where that is not known."""

    commit: str = ""
    url: str = ""


def plan_markdown(
    plan: Plan,
    *,
    head: str = "",
    foot: str = "",
    title: str = "plan",
    now: float | None = None,
    most: int = MOST,
) -> str:
    """`head` are lines that stand before everything, such as a marker; `foot` the last paragraph."""
    first = [head, f"### Dynia {title}: {code(plan.cluster)}", f"**{verdict(plan)}**", *_warnings(plan)]
    shown = block(plan_text(plan, width=WIDTH, now=now), "text", most=MOST_LINES)
    sections = [Section(lead="", blocks=(shown,))]
    if plan.diffs:
        files = count(len(plan.diffs), "file")
        sections.append(Section(lead="", blocks=tuple(_diff(d, plan) for d in plan.diffs), summary=files))
    if steps := [*step_lines(plan.steps, WIDTH), *step_lines(plan.later, WIDTH)]:
        blocks = tuple(block("\n".join(steps[i : i + STEPS]), "text") for i in range(0, len(steps), STEPS))
        number = count(len(plan.steps) + len(plan.later), "step")
        sections.append(Section(lead="", blocks=blocks, summary=number))
    return fitted("\n\n".join(filter(None, first)), sections, foot, most)


def verdict(plan: Plan) -> str:
    """One sentence, free of anybody else's words."""
    if plan.empty and plan.paused:
        return "It waits after its canary."
    if plan.empty:
        wanted = [w for w in plan.waiting if not w.final]
        return "There is nothing that could be done now." if wanted or plan.drift else "Nothing to do."
    done = tally(plan)
    said = f"{done.add} to add, {done.change} to change, {done.destroy} to destroy"
    return (
        f"{said}, {count(len(fold(plan.drift)), 'drift', 'drifts')} to revert." if plan.drift else f"{said}."
    )


def signed(plan: Plan, link: Link, way: str) -> str:
    """The last paragraph: digest, commit and run, and what can be done with them."""
    parts = [f"Digest {code(plan.digest)}", *origin(link)]
    return f"{' · '.join(parts)}\n\n{way}"


def origin(link: Link) -> list[str]:
    """The commit and the run, as parts of a line."""
    commit = [f"commit {code(link.commit[:12])}"] if link.commit else []
    return [*commit, *([f"[this run]({link.url})"] if link.url else [])]


def _warnings(plan: Plan) -> list[str]:
    told = []
    if cut := interrupted(plan):
        names = listing([code(name) for name in cut], 4)
        told.append(f"It interrupts {names}: {why_interrupted(plan)}. Apply wants `--allow-downtime`.")
    if plan.effect.irreversible:
        told.append(f"{count(plan.effect.irreversible, 'step')} of it nothing brings back.")
    if many_names(plan):
        told.append("Many DNS records change at once. Apply wants `--force-dns`.")
    if plan.not_observed:
        silent = count(len(plan.not_observed), "node")
        told.append(f"{silent} did not answer: nothing is claimed about what is there.")
    return ["> [!WARNING]\n" + "\n".join(f"> - {text}" for text in told)] if told else []


def _diff(diff: FileDiff, plan: Plan) -> str:
    where = on_nodes([one_line(name) for name in diff.nodes], nodes_of(plan), plan.node_count)
    title = code(f"{one_line(diff.path)} {where}".rstrip())
    if diff.before is None and diff.after is None:
        return f"{title}: the content is not shown"
    before, after = clean(diff.before or "").splitlines(), clean(diff.after or "").splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
    return f"{title}\n\n{block(chr(10).join(lines), 'diff')}"
