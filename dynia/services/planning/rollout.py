"""The order over the nodes, as edges: canary first, then lanes, the holder of the reserved IP last."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from itertools import groupby

import msgspec

from dynia.interfaces.desired import Rollout
from dynia.interfaces.shape import Shape
from dynia.services.planning.check import floor, remedy, too_few
from dynia.services.planning.draining import NO_DRAIN, Draining, drained, only_lets_in
from dynia.services.planning.handing_over import Entrance
from dynia.services.planning.holding import without_blocked
from dynia.services.planning.plan import Step, Waiting
from dynia.services.planning.speakers import after_holder
from dynia.services.planning.turn import Work

NOBODY: Mapping[str, int] = {}
NO_ENTRANCE = Entrance()
AFTER_OTHERS = "what moves the reserved IP waits until the other nodes are done"


class Rolled(Shape):
    """`steps` with their edges; `order` the serving nodes in turn; `joining` those that serve nothing yet;
    `held`, by node, the services that hold its work up."""

    steps: tuple[Step, ...] = ()
    order: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    held: dict[str, tuple[str, ...]] = {}


def roll(
    works: tuple[Work, ...],
    serving: Mapping[str, Set[str]],
    wanted: int,
    rollout: Rollout,
    holder: str,
    misled: Mapping[str, int] = NOBODY,
    draining: Draining = NO_DRAIN,
    entrance: Entrance = NO_ENTRANCE,
) -> Rolled:
    """Nodes that serve nothing are worked on at once. The others go through `max_unavailable` lanes,
    fewer where not all nodes serve now, and not at all where the floor would be broken: then they wait.
    Those that are `misled` go first, whoever holds the address, and to their end: the ones that lead to
    fewest services before the others, which serve. Whom the address has to leave for his turn goes last, also
    where he serves nothing."""
    servers = frozenset().union(*serving.values()) if serving else frozenset[str]()
    idle = [w for w in works if w.node not in servers or only_lets_in(w)]
    joining = [w for w in idle if not entrance.left_by(w)]
    rolling = sorted((w for w in works if w not in joining), key=lambda w: misled.get(w.node, math.inf))
    least = floor(wanted, rollout.max_unavailable)
    spare = {service: len(nodes) - least for service, nodes in serving.items()}
    blocked = frozenset(service for service, count in spare.items() if count < 1)
    waiting = []
    kept = []
    why_held: dict[str, tuple[str, ...]] = {}
    for whole in rolling:
        work = entrance.later(whole, works) if whole.node in misled else whole
        if work != whole:
            waiting.append(Waiting(subject=work.node, reason=AFTER_OTHERS))
        allowed, held = without_blocked(work, blocked)
        if held:
            why_held[work.node] = held
            waiting.append(Waiting(subject=work.node, reason=_too_few(work, held, serving, wanted, least)))
        if allowed.steps:
            kept.append(drained(entrance.first(allowed), serving, misled.keys(), draining))
    disturbed = {service for work in kept for step in work.steps for service in step.disturbs}
    width = min((rollout.max_unavailable, *(spare[service] for service in disturbed)))
    turns = _turns(kept, rollout, "" if holder in misled else holder, max(1, width), misled)
    aside = (drained(work, serving, misled.keys(), draining) for work in joining)
    chained = [step for work in aside for step in _chain(work.steps, ())]
    early, late = after_holder(chained, turns, holder)
    return Rolled(
        steps=(*early, *turns, *late),
        order=tuple(dict.fromkeys(step.node for step in turns)),
        joining=tuple(w.node for w in joining if w.fresh),
        waiting=tuple(waiting),
        held=why_held,
    )


def _turns(
    works: list[Work], rollout: Rollout, holder: str, width: int, misled: Mapping[str, int]
) -> list[Step]:
    last = [w for w in works if w.node == holder] if len(works) > 1 else []
    rest = [w for w in works if w not in last] if last else list(works)
    first = rest[:1] if rollout.canary and len(works) > 1 else []
    rest = rest[len(first) :]
    steps: list[Step] = []
    gate: tuple[str, ...] = ()
    for work in first:
        steps += _chain(work.steps, gate)
        gate = (work.steps[-1].id,)
    for _, of_one_rank in groupby(rest, key=lambda w: misled.get(w.node)):
        group = list(of_one_rank)
        tails: list[tuple[str, ...]] = [gate] * min(width, len(group))
        for position, work in enumerate(group):
            lane = position % len(tails)
            steps += _chain(work.steps, tails[lane])
            tails[lane] = (work.steps[-1].id,)
        gate = tuple(sorted({name for tail in tails for name in tail})) or gate
    for work in last:
        steps += _chain(work.steps, gate)
    return steps


def _chain(steps: tuple[Step, ...], before: tuple[str, ...]) -> list[Step]:
    """One after the other, the first one after `before`."""
    chained = []
    for step in steps:
        after = tuple(sorted({*step.after, *before})) if step.after else before
        chained.append(msgspec.structs.replace(step, after=after) if after != step.after else step)
        before = (step.id,)
    return chained


def _too_few(
    work: Work, held: tuple[str, ...], serving: Mapping[str, Set[str]], wanted: int, least: int
) -> str:
    """The first step that may not be taken, of those for the services that fewest nodes serve, and what to
    change."""
    now = min(len(serving[service]) for service in held)
    short = tuple(service for service in held if len(serving[service]) == now)
    step = next(s for s in work.steps if set(short).intersection(s.disturbs))
    return f"{too_few(step.id, short, now - 1, wanted, least)}: {remedy(now, now - 1, wanted)}"
