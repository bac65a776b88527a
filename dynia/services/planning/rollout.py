"""The order over the nodes, as edges: canary first, then lanes, the holder of the reserved IP last."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Mapping, Set
from itertools import groupby

import msgspec

from dynia.interfaces.desired import Rollout
from dynia.interfaces.shape import Shape
from dynia.services.actions import HandOver
from dynia.services.planning.check import floor, remedy, too_few
from dynia.services.planning.draining import NO_DRAIN, Draining, drained, only_lets_in
from dynia.services.planning.handing_over import Entrance
from dynia.services.planning.holding import without_blocked
from dynia.services.planning.plan import Step, Waiting
from dynia.services.planning.speakers import after_holder
from dynia.services.planning.turn import Work

NOBODY: Mapping[str, frozenset[str]] = {}
NO_ENTRANCE = Entrance()
# How few nodes serve what this one serves (negative), and how many services those are.
Rank = tuple[float, int]
LAST: Rank = (math.inf, 0)
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
    misled: Mapping[str, frozenset[str]] = NOBODY,
    draining: Draining = NO_DRAIN,
    entrance: Entrance = NO_ENTRANCE,
) -> Rolled:
    """Nodes that serve nothing are worked on at once. The others go through `max_unavailable` lanes, fewer
    where not all nodes serve now, and not at all where the floor would be broken: then they wait.

    Those that are `misled` go first, whoever holds the address, and to their end, by `_ranks`: they may be
    all that serves some service. One that has to wait itself is not counted on, in the turns of others, for
    what it does not lead to; unless nothing at all would go on then. Whom the address has to leave for his
    turn goes last, also where he serves nothing.
    """
    known = (works, serving, wanted, rollout, holder, misled, draining, entrance)
    found = _rolled(*known, http=draining.http.keys())
    return found if found.steps or not misled else _rolled(*known, http=frozenset())


def _rolled(
    works: tuple[Work, ...],
    serving: Mapping[str, Set[str]],
    wanted: int,
    rollout: Rollout,
    holder: str,
    misled: Mapping[str, frozenset[str]],
    draining: Draining,
    entrance: Entrance,
    *,
    http: Set[str],
) -> Rolled:
    """`http` are the services for which it matters who is led there."""
    ranks = _ranks(misled, serving)
    servers = frozenset().union(*serving.values()) if serving else frozenset[str]()
    idle = [w for w in works if w.node not in servers or only_lets_in(w)]
    joining = [w for w in idle if not entrance.left_by(w)]
    rolling = sorted((w for w in works if w not in joining), key=lambda w: ranks.get(w.node, LAST))
    least = floor(wanted, rollout.max_unavailable)
    spare = {service: len(nodes) - least for service, nodes in serving.items()}
    waiting = []
    kept = []
    why_held: dict[str, tuple[str, ...]] = {}
    width = rollout.max_unavailable
    for whole in rolling:
        if whole.node not in misled:
            waits = {name: misled[name] for name in why_held if name in misled}
            counted = _counted(serving, waits, http)
            spare = {service: len(nodes) - least for service, nodes in counted.items()}
        work = entrance.later(whole, works) if whole.node in misled else whole
        if work != whole:
            waiting.append(Waiting(subject=work.node, reason=AFTER_OTHERS))
        allowed, held = without_blocked(work, frozenset(name for name, count in spare.items() if count < 1))
        if held:
            why_held[work.node] = held
            waiting.append(Waiting(subject=work.node, reason=_too_few(work, held, spare, wanted, least)))
        if allowed.steps:
            kept.append(drained(entrance.first(allowed), serving, misled.keys(), draining))
            width = min((width, *(spare[service] for step in kept[-1].steps for service in step.disturbs)))
    turns = _turns(kept, rollout, _last(kept, holder, misled), max(1, width), ranks)
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


def _counted(
    serving: Mapping[str, Set[str]], waits: Mapping[str, Set[str]], http: Set[str]
) -> dict[str, Set[str]]:
    """Who serves; without misled nodes that wait, where they lead nobody to a service of visitors."""
    return {
        service: nodes - {name for name, led in waits.items() if service in http - led}
        for service, nodes in serving.items()
    }


def _last(works: list[Work], holder: str, misled: Container[str]) -> str:
    """Who has the address once the others are done: a misled holder goes first, and may leave it to one."""
    if holder in misled:
        moves = (s.action for w in works if w.node == holder for s in w.steps)
        holder = next((move.node for move in moves if isinstance(move, HandOver)), "")
    return "" if holder in misled else holder


def _ranks(misled: Mapping[str, Set[str]], serving: Mapping[str, Set[str]]) -> dict[str, Rank]:
    """Of each misled node minus how many nodes lead to the rarest of its services, and how many it has: one
    that leads nowhere goes first, one that is the only way to a service last."""
    whole = {service: len(nodes - misled.keys()) for service, nodes in serving.items()}
    part = Counter(service for services in misled.values() for service in services)
    return {
        node: (-min((whole.get(name, 0) + part[name] for name in services), default=math.inf), len(services))
        for node, services in misled.items()
    }


def _turns(
    works: list[Work], rollout: Rollout, holder: str, width: int, ranks: Mapping[str, Rank]
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
    for rank, of_one_rank in groupby(rest, key=lambda w: ranks.get(w.node, LAST)):
        group = list(of_one_rank)
        lanes = width if rank == LAST else int(max(1, min(width, -rank[0] - 1)))
        tails: list[tuple[str, ...]] = [gate] * min(lanes, len(group))
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


def _too_few(work: Work, held: tuple[str, ...], spare: Mapping[str, int], wanted: int, least: int) -> str:
    """The first step that may not be taken, of those for the services that fewest nodes serve, and what to
    change."""
    fewest = min(spare[service] for service in held)
    now, short = max(fewest + least, 1), tuple(service for service in held if spare[service] == fewest)
    step = next(s for s in work.steps if set(short).intersection(s.disturbs))
    return f"{too_few(step.id, short, now - 1, wanted, least)}: {remedy(now, now - 1, wanted)}"
