"""Every order that a plan's edges allow, enumerated: the oracle for what the planner computes."""

from __future__ import annotations

from collections.abc import Mapping, Set

from dynia.services.planning.plan import Step

Moment = tuple[int, ...]
NOT_BEGUN, RUNNING, ENDED = 0, 1, 2


def least_serving(steps: tuple[Step, ...], serving: Mapping[str, Set[str]]) -> dict[str, int]:
    """For each service the smallest number of nodes that serve it at any moment of any order. A node is out from
    the beginning of a step that disturbs it to the end of the step where that settles."""
    index = {step.id: n for n, step in enumerate(steps)}
    before = [tuple(index[name] for name in step.after) for step in steps]
    settles = [index[step.settles or step.id] for step in steps]
    least = {service: len(nodes) for service, nodes in serving.items()}
    first: Moment = (NOT_BEGUN,) * len(steps)
    seen, todo = {first}, [first]
    while todo:
        moment = todo.pop()
        out: dict[str, set[str]] = {}
        for n, step in enumerate(steps):
            if step.disturbs and moment[n] != NOT_BEGUN and moment[settles[n]] != ENDED:
                for service in step.disturbs:
                    out.setdefault(service, set()).add(step.node)
        for service, nodes in out.items():
            least[service] = min(least[service], len(serving[service] - nodes))
        for n in range(len(steps)):
            ready = moment[n] == NOT_BEGUN and all(moment[m] == ENDED for m in before[n])
            if ready or moment[n] == RUNNING:
                following = (*moment[:n], moment[n] + 1, *moment[n + 1 :])
                if following not in seen:
                    seen.add(following)
                    todo.append(following)
    return least


def only_nodes(steps: tuple[Step, ...], nodes: Set[str]) -> tuple[Step, ...]:
    """The steps on some nodes. Nothing on them may wait for a step elsewhere, else orders would be added."""
    import msgspec

    kept = [s for s in steps if s.node in nodes and "/image/" not in s.id]
    names = {s.id for s in kept}
    assert all("/image/" in a or a in names for s in kept for a in s.after)
    return tuple(msgspec.structs.replace(s, after=tuple(a for a in s.after if a in names)) for s in kept)
