"""Every order that a plan's edges allow, enumerated: the oracle for what the planner computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

import msgspec

from dynia.services.planning.plan import Step

Moment = tuple[int, ...]
NOT_BEGUN, RUNNING, ENDED = 0, 1, 2


class Orders:
    """All orders of some steps, several of which may run at a time. A node is out for a service from the beginning
    of a step that disturbs it to the end of the step where that settles."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self._steps = steps
        index = {step.id: n for n, step in enumerate(steps)}
        self._before = [tuple(index[name] for name in step.after) for step in steps]
        self._settles = [index[step.settles or step.id] for step in steps]

    def turns(self) -> Iterator[tuple[Moment, int, Moment]]:
        """Each thing that can happen at each moment that can be: step n begins, or ends."""
        first: Moment = (NOT_BEGUN,) * len(self._steps)
        seen, todo = {first}, [first]
        while todo:
            moment = todo.pop()
            for n in range(len(moment)):
                ready = moment[n] == NOT_BEGUN and all(moment[m] == ENDED for m in self._before[n])
                if ready or moment[n] == RUNNING:
                    following = (*moment[:n], moment[n] + 1, *moment[n + 1 :])
                    yield moment, n, following
                    if following not in seen:
                        seen.add(following)
                        todo.append(following)

    def out(self, moment: Moment) -> dict[str, set[str]]:
        """For each service the nodes that may not serve it then."""
        found: dict[str, set[str]] = {}
        for n, step in enumerate(self._steps):
            if step.disturbs and moment[n] != NOT_BEGUN and moment[self._settles[n]] != ENDED:
                for service in step.disturbs:
                    found.setdefault(service, set()).add(step.node)
        return found


def least_serving(steps: tuple[Step, ...], serving: Mapping[str, Set[str]]) -> dict[str, int]:
    """For each service the smallest number of nodes that serve it at any moment of any order."""
    orders = Orders(steps)
    least = {service: len(nodes) for service, nodes in serving.items()}
    for _, _, moment in orders.turns():
        for service, nodes in orders.out(moment).items():
            least[service] = min(least[service], len(serving[service] - nodes))
    return least


def most_at_once(steps: tuple[Step, ...]) -> int:
    """The largest number of nodes that are out for some service at any moment of any order."""
    orders = Orders(steps)
    outs = (orders.out(moment) for _, _, moment in orders.turns())
    return max((len(set().union(*out.values())) for out in outs), default=0)


def taking_below(steps: tuple[Step, ...], serving: Set[str], service: str, least: int) -> set[str]:
    """The steps whose beginning, in some order, takes a service from the floor to below it."""
    orders = Orders(steps)

    def serve(moment: Moment) -> int:
        return len(serving - orders.out(moment).get(service, set()))

    return {steps[n].id for was, n, now in orders.turns() if serve(now) < least <= serve(was)}


def only_nodes(steps: tuple[Step, ...], nodes: Set[str]) -> tuple[Step, ...]:
    """The steps on some nodes. Nothing on them may wait for a step elsewhere, else orders would be added."""
    kept = [s for s in steps if s.node in nodes and "/image/" not in s.id]
    names = {s.id for s in kept}
    assert all("/image/" in a or a in names for s in kept for a in s.after)
    return tuple(msgspec.structs.replace(s, after=tuple(a for a in s.after if a in names)) for s in kept)
