"""Visitors are kept away from what a node's turn disturbs, and nothing else: a step before it, one after."""

from __future__ import annotations

from collections.abc import Mapping, Set

import msgspec

from dynia.interfaces.shape import Shape
from dynia.services.actions import Drain, Undrain, WatchHealthy
from dynia.services.actions.drain import OTHERS_S
from dynia.services.planning.plan import Step
from dynia.services.planning.releases import ENTRY_SIDE
from dynia.services.planning.turn import Work, component, service_of

UNDRAIN_S = 60.0


class Draining(Shape):
    """`http` are services that visitors come to through HAProxy, with the nodes that have containers of them,
    in whatever state; `silent` those that did not answer and may serve them; `watch` nodes whose HAProxy can
    be asked; `least` is how many nodes must serve while one is out."""

    http: dict[str, frozenset[str]] = {}
    silent: dict[str, frozenset[str]] = {}
    watch: tuple[str, ...] = ()
    least: int = 1
    timeout_s: float = 30.0


NO_DRAIN = Draining()


def drained(work: Work, serving: Mapping[str, Set[str]], misled: Set[str], how: Draining) -> Work:
    """The turn with its drain. Where nobody else serves there is nobody to send visitors to, and so none.
    Nodes that are `misled` may serve by then, and nobody counts on it. One that does not serve is drained too
    where its containers are: of one that ends again and again HAProxy thinks well every now and then.

    HAProxy and what stands before it are not in it: a node whose Caddy gets nothing still holds connections.
    """
    old = next((s.action for s in work.steps if isinstance(s.action, Undrain)), None)
    steps = [s for s in work.steps if not isinstance(s.action, Undrain)]
    behind = [s for s in steps if component(s) not in ENTRY_SIDE]
    touched = {s.id: {*s.disturbs, *_lapsed(s, serving, how)} & how.http.keys() for s in behind}
    elsewhere = {name: serving[name] | how.silent.get(name, frozenset()) for name in how.http}
    services = sorted(n for n in set().union(*touched.values()) if elsewhere[n] - {work.node})
    if not services:
        return work
    inside = [i for i, s in enumerate(steps) if not touched.get(s.id, set()).isdisjoint(services)]
    ends = {steps[i].settles or steps[i].id for i in inside}
    first, last = inside[0], max(i for i, s in enumerate(steps) if s.id in ends)
    again = undrain(work.node, tuple(sorted({*services, *(old.services if old else ())})))
    served = tuple(name for name in services if work.node in serving[name])
    # One end for all that the turn disturbs: two ends would be counted as two nodes that are out (`check`).
    turn = [msgspec.structs.replace(s, settles=again.id) if s.disturbs else s for s in steps[: last + 1]]
    deadline_s = OTHERS_S + how.timeout_s + UNDRAIN_S
    away = Step(
        id=f"{work.node}/drain",
        action=Drain(
            node=work.node,
            services=tuple(services),
            watch=how.watch,
            least={name: _least(work.node, serving[name], misled, how) for name in services},
            timeout_s=how.timeout_s,
            lasts_s=deadline_s + sum(s.deadline_s for s in turn[first:]) + again.deadline_s,
        ),
        why="because visitors are not to notice what follows",
        # An image that is still on its way is waited for while visitors come here.
        after=tuple(sorted({name for s in turn[first:] for name in s.after})),
        node=work.node,
        disturbs=served,
        settles=again.id if served else "",
        deadline_s=deadline_s,
    )
    again = msgspec.structs.replace(again, undoes=away.id)
    done = (*turn[:first], away, *turn[first:], again, *steps[last + 1 :])
    return msgspec.structs.replace(work, steps=done)


def _lapsed(step: Step, serving: Mapping[str, Set[str]], how: Draining) -> Set[str]:
    """The service that a step works on, where its containers are there and do not serve."""
    name = service_of(component(step))
    there = name in how.http and step.node in how.http[name] - serving[name]
    return {name} if there and not isinstance(step.action, WatchHealthy) else set()


def _least(node: str, serving: Set[str], misled: Set[str], how: Draining) -> int:
    return 0 if node in misled or node not in serving else min(how.least, len(serving - misled - {node}))


def undrain(node: str, services: tuple[str, ...], why: str = "because it serves again") -> Step:
    return Step(
        id=f"{node}/undrain",
        action=Undrain(node=node, services=services),
        why=why,
        node=node,
        deadline_s=UNDRAIN_S,
    )


def left_drained(steps: list[Step], node: str, services: tuple[str, ...]) -> list[Step]:
    """With what a run that did not end left to do: once all is right behind HAProxy, and before it is watched
    with visitors."""
    if not services:
        return steps
    later = (
        i for i, s in enumerate(steps) if component(s) in ENTRY_SIDE or isinstance(s.action, WatchHealthy)
    )
    at = next(later, len(steps))
    lift = undrain(node, services, "because a run that did not end left it drained")
    return [*steps[:at], lift, *steps[at:]]


def only_lets_in(work: Work) -> bool:
    """Nothing is done there but that: it waits for nobody's turn."""
    return all(isinstance(step.action, Undrain) for step in work.steps)
