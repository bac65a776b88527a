"""What a plan costs, in words: the order over the nodes, what serves meanwhile, and how long it takes."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.commands.screens.text import listing, one_line
from dynia.interfaces.durations import span
from dynia.services.actions import Drain, DrainNode
from dynia.services.planning.mass import in_words, much
from dynia.services.planning.plan import Plan, Serving, Step

LOOK_S = 45.0


def order_parts(plan: Plan) -> list[str]:
    names = [one_line(name) for name in plan.order]
    canary = _first_is_canary(plan) and not plan.resumes
    words = []
    for index, name in enumerate(names):
        notes = []
        if index == 0 and canary and len(names) > 1:
            notes.append("canary")
        if name == plan.holder and len(names) > 1:
            notes.append(
                "holds the reserved IP, last" if index == len(names) - 1 else "holds the reserved IP"
            )
        words.append(f"{name} ({', '.join(notes)})" if notes else name)
    if len(words) > 8:
        words = [*words[:3], f"{len(words) - 4} more", words[-1]]
    parts = [" → ".join(words)] if len(names) > 1 or (plan.joining and names) else []
    if plan.resumes:
        after = listing([one_line(service) for service, _ in plan.resumes], 4)
        parts.append(f"{after}: after the canary")
    if plan.effect.at_once > 1 and len(names) > 2:
        parts.append(f"up to {plan.effect.at_once} at a time")
    made = {line.nodes[0] for line in plan.changes if line.sign == "+" and len(line.nodes) == 1}
    new = [one_line(name) for name in plan.joining if name in made]
    idle = [one_line(name) for name in plan.joining if name not in made]
    if new:
        parts.append(
            f"{listing(new, 4)} {'joins when it is' if len(new) == 1 else 'join when they are'} ready"
        )
    if idle:
        parts.append(f"{listing(idle, 4)} at once ({'serves' if len(idle) == 1 else 'serve'} nothing now)")
    return parts


def _first_is_canary(plan: Plan) -> bool:
    """Whether no other node of the order is disturbed before the first one has been worked on."""
    if len(plan.order) < 2:
        return False
    first, behind = plan.order[0], set[str]()
    for step in plan.steps:
        if step.node == first or any(name in behind for name in step.after):
            behind.add(step.id)
    others = [s for s in plan.steps if s.disturbs and s.node in plan.order[1:]]
    return bool(others) and all(step.id in behind for step in others)


def interrupted(plan: Plan) -> tuple[str, ...]:
    """Services that serve now and that the plan must interrupt; a first deploy hurts nobody."""
    serving = {one.service for one in plan.effect.serving if one.now}
    return tuple(name for name in plan.effect.interrupts if name in serving)


def why_interrupted(plan: Plan) -> str:
    if plan.node_count == 1:
        return "a single node has no other to take over"
    return "no other node could take the reserved IP now"


def many_names(plan: Plan) -> bool:
    """More than a third of the DNS records of ours change or go, and at least three."""
    effect = plan.effect
    return effect.names >= 3 and 3 * effect.names > effect.names_there


def drained(plan: Plan) -> dict[str, float]:
    """Services that visitors are kept away from while a node changes, and how long they are waited for."""
    drains = [s.action for s in (*plan.steps, *plan.later) if isinstance(s.action, Drain)]
    return {name: one.timeout_s for one in drains for name in one.services}


def effect_parts(plan: Plan) -> list[str]:
    effect, cut = plan.effect, interrupted(plan)
    kept = tuple(s for s in effect.serving if s.service not in cut)
    parts = _serving(kept)
    if any(one.least == 1 < one.now for one in kept):
        parts.append("no reserve during the rollout")
    if cut:
        parts.append(f"INTERRUPTS {listing(cut, 4)}: {why_interrupted(plan)}")
    if drains := drained(plan):
        longest_s = max(drains.values())
        parts.append(f"{listing(tuple(drains), 4)} drained first, {span(longest_s)} at most on each node")
    for away in (s.action for s in plan.steps if isinstance(s.action, DrainNode)):
        parts.append(f"what is open on {away.node} may end, {span(away.timeout_s)} at most")
    parts.append(f"reserved IP moves {effect.moves}")
    if effect.names:
        loud = "CHANGES OR REMOVES" if many_names(plan) else "changes or removes"
        parts.append(f"{loud} {effect.names} of {effect.names_there} DNS records")
    if gone := much(plan):
        parts.append(f"DESTROYS {in_words(gone)}")
    parts.append(f"irreversible {effect.irreversible}")
    if effect.monthly:
        parts.append(f"{effect.monthly:+,.2f} USD a month".replace(".00 ", " "))
    about = effect.about_s
    parts.append(f"at most {span(at_most(plan))}" if about is None else f"about {span(max(1.0, about))}")
    return parts


def _serving(serving: tuple[Serving, ...]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for one in serving:
        if not one.wanted:
            text = "is served no more"
        elif not one.now:
            text = f"serves nowhere yet, then on {one.wanted}"
        else:
            text = f"never below {one.least}/{one.wanted}"
        groups.setdefault(text, []).append(one.service)
    if len(groups) == 1 and (text := next(iter(groups))).startswith("never"):
        return [f"serving {text}"]
    return [f"{listing(names)} {text}" for text, names in groups.items()]


def at_most(plan: Plan) -> float:
    """Seconds that an apply of this plan may take: its steps, and a look at the cluster after each pass."""
    if plan.empty:
        return 0.0
    passes = 2 if plan.later else 1
    return longest(plan.steps) + longest(plan.later) + passes * LOOK_S


def longest(steps: Iterable[Step]) -> float:
    """Seconds that the steps may take at most: the deadlines along their longest chain."""
    ends: dict[str, float] = {}
    for step in steps:
        ends[step.id] = step.deadline_s + max((ends.get(name, 0.0) for name in step.after), default=0.0)
    return max(ends.values(), default=0.0)
