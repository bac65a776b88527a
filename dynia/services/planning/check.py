"""The proof that a plan never takes too many nodes out of service at once (law 5).

Every step that disturbs a service opens an interval on its node, and the step in `settles` closes it. The
worst case is the largest number of intervals that some order allowed by the edges has open together.

It is bounded by covering the intervals with chains: two intervals of one chain are never open together,
since the end of the first is an ancestor of the beginning of the second. So no more nodes are out
than there are chains, in any order. Chains are found in one walk over the steps: the end of an interval puts
a token into a pool that is handed down the edges, and an interval that begins takes a token from a pool that
reached it, or starts a new chain. Lanes are chains already, so for the planner's own plans the bound is
exact, and the walk is linear: a step has one predecessor, but for the holder, which has one per lane. The
interval that starts one chain too many is the step that a refusal names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set

from dynia.interfaces.errors import DyniaError, Refused
from dynia.services.planning.plan import Serving, Step

Pools = tuple[list[int], ...]
# Stands for all services: a node is out while any of them may be.
ANY = ""
NAMED = 3


def floor(wanted: int, max_unavailable: int) -> int:
    """How many nodes must serve at least while a serving one is disturbed. A single node has no floor."""
    return 0 if wanted == 1 else max(1, wanted - max_unavailable)


def check_serving(
    steps: tuple[Step, ...], serving: Mapping[str, Set[str]], wanted: int, max_unavailable: int
) -> tuple[Serving, ...]:
    """The worst case of each service. Refuses a plan that could take one below the floor, by the step that
    would do it."""
    opening = _openings(steps)
    least = floor(wanted, max_unavailable)
    found = []
    for service in sorted(serving):
        now, opened = len(serving[service]), opening.get(service, [])
        away = len(opened)
        if away and now - away < least:
            culprit, left = opened[max(0, now - least)], min(now, least) - 1
            raise Refused(
                f"{too_few(culprit.id, (service,), left, wanted, least)}{_beside(steps, culprit, service)}",
                hint=f"nothing was touched; {remedy(now, now - away, wanted)}. Where clusters.yaml asks for "
                "none of this, it is a defect of Dynia: report it",
            )
        found.append(Serving(service=service, least=max(0, now - away), wanted=wanted, now=now))
    return tuple(found)


def too_few(step: str, services: tuple[str, ...], left: int, wanted: int, least: int) -> str:
    """Why a step may not be taken."""
    return f"{step} would leave {', '.join(services)} on {left} of {wanted} nodes, and {least} must serve"


def remedy(now: int, left: int, wanted: int) -> str:
    """What to change so that a plan may leave a service on `left` nodes of the `now` that serve it."""
    mend = ["bring back the nodes that do not serve it"] if now < wanted else []
    allow = [f"set rollout.max_unavailable to {wanted - left}"] if left > 0 else []
    return ", or ".join((*mend, *allow)) or "add a node"


def worst_out(steps: tuple[Step, ...]) -> dict[str, int]:
    """For each service, on how many nodes at once it may be out in the worst order. `steps` are in an order
    that respects `after`."""
    return {service: len(opened) for service, opened in _openings(steps).items()}


def worst_at_once(steps: tuple[Step, ...]) -> int:
    """On how many nodes at once any service may be out. `steps` are in an order that respects `after`."""
    return len(_chains(steps, ANY))


def _openings(steps: tuple[Step, ...]) -> dict[str, list[Step]]:
    """For each service the steps that start a chain: as many as may be open together, in the plan's order."""
    for name in _disordered(steps):
        raise DyniaError(f"the planner made a plan whose step {name} waits for a later or unknown step")
    services = sorted({service for step in steps for service in step.disturbs})
    return {service: _chains(steps, service) for service in services}


def _disordered(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """The first step that stands before one that it waits for."""
    seen: set[str] = set()
    for step in steps:
        if any(earlier not in seen for earlier in step.after):
            return (step.id,)
        seen.add(step.id)
    return ()


def _chains(steps: tuple[Step, ...], service: str) -> list[Step]:
    begins, closes = _intervals(steps, service)
    pools: dict[str, Pools] = {}
    chains = []
    for step in steps:
        reached = _merge(pools, step)
        if step.id in begins:
            pool = next((p for p in reached if p[0]), None)
            if pool is None:
                chains.append(step)
            else:
                pool[0] -= 1
        if step.id in closes:
            reached = (*(p for p in reached if p[0]), [closes[step.id]])
        pools[step.id] = reached
    return chains


def _intervals(steps: tuple[Step, ...], service: str) -> tuple[set[str], dict[str, int]]:
    """The steps that open an interval, and for each step that closes intervals how many.

    What disturbs a service on one node, one after the other, is one interval, from the first beginning to the
    last end. Whatever could run beside an interval of its own node counts by itself.
    """
    nodes: dict[str, str] = {}
    ends: dict[str, str] = {}
    latest: dict[str, str] = {}
    reached: dict[str, tuple[str, str, bool]] = {}
    for step in steps:
        # The interval that led here, the step that extended it last, and whether its end was passed since.
        first, tail, passed = next(
            (reached[a] for a in step.after if a in reached and nodes[reached[a][0]] == step.node),
            ("", "", False),
        )
        if _disturbs(step, service):
            end = step.settles or step.id
            if not first or latest[first] != tail or not (passed or ends[first] == end):
                first = step.id
                nodes[first] = step.node
            ends[first], latest[first] = end, step.id
            tail, passed = step.id, False
        if first:
            reached[step.id] = (first, tail, passed or ends[first] == step.id)
    # An end that may come before what it ends gives no token: nobody may count on it.
    closed = (
        end for first, end in ends.items() if reached.get(end, ("", "", False))[:2] == (first, latest[first])
    )
    return set(nodes), Counter(closed)


def _disturbs(step: Step, service: str) -> bool:
    return service in step.disturbs if service != ANY else bool(step.disturbs)


def _merge(pools: dict[str, Pools], step: Step) -> Pools:
    """The pools that reach a step. Those of one predecessor are handed on as they are: who comes after all
    lanes of a large cluster must not copy theirs with every step."""
    handed = {id(pools[earlier]): pools[earlier] for earlier in step.after if pools[earlier]}
    if len(handed) <= 1:
        return next(iter(handed.values()), ())
    merged: dict[int, list[int]] = {}
    for reached in handed.values():
        merged.update((id(pool), pool) for pool in reached if pool[0])
    return tuple(merged.values())


def _beside(steps: tuple[Step, ...], culprit: Step, service: str) -> str:
    """Names the nodes where the service need not be seen to be back when this step begins."""
    by_id = {step.id: step for step in steps}
    ended: set[str] = set()
    todo = list(culprit.after)
    while todo:
        if (name := todo.pop()) not in ended:
            ended.add(name)
            todo += by_id[name].after
    earlier = (step for step in steps[: steps.index(culprit)] if _disturbs(step, service))
    out = [*dict.fromkeys(step.node for step in earlier if (step.settles or step.id) not in ended)]
    others = [name for name in out if name != culprit.node]
    more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
    return f": {', '.join(others[:NAMED])}{more} may be out then too" if others else ""
