"""The proof that a plan never takes too many nodes out of service at once (law 5).

Every step that disturbs a service opens an interval on its node, and the step in `settles` closes it. The
worst case is the largest number of intervals that some order allowed by the edges has open together.

It is bounded by covering the intervals with chains: two intervals of one chain are never open together,
since the end of the first is an ancestor of the beginning of the second. So no more nodes are out
than there are chains, in any order. Chains are found in one walk over the steps: the end of an interval puts
a token into a pool that is handed down the edges, and an interval that begins takes a token from a pool that
reached it, or starts a new chain. Lanes are chains already, so for the planner's own plans the bound is
exact, and the walk is linear: a step has one predecessor, but for the holder, which has one per lane.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set

from dynia.interfaces.errors import DyniaError
from dynia.services.planning.plan import Serving, Step

Pools = tuple[list[int], ...]


def floor(wanted: int, max_unavailable: int) -> int:
    """How many nodes must serve at least while a serving one is disturbed. A single node has no floor."""
    return 0 if wanted == 1 else max(1, wanted - max_unavailable)


def check_serving(
    steps: tuple[Step, ...], serving: Mapping[str, Set[str]], wanted: int, max_unavailable: int
) -> tuple[Serving, ...]:
    """The worst case of each service. Raises where the plan could take it below the floor."""
    out = worst_out(steps)
    least = floor(wanted, max_unavailable)
    found = []
    for service in sorted(serving):
        now, away = len(serving[service]), out.get(service, 0)
        if away and now - away < least:
            raise DyniaError(
                f"the planner made a plan that could leave {service} on {now - away} of {wanted} nodes; "
                f"{least} must serve",
                hint="nothing was touched; this is a defect of Dynia: report it with `dynia plan --json`",
            )
        found.append(Serving(service=service, least=max(0, now - away), wanted=wanted, now=now))
    return tuple(found)


def worst_out(steps: tuple[Step, ...]) -> dict[str, int]:
    """For each service, on how many nodes at once it may be out in the worst order. `steps` are in an
    order that respects `after`."""
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


def _chains(steps: tuple[Step, ...], service: str) -> int:
    begins, closes = _intervals(steps, service)
    pools: dict[str, Pools] = {}
    chains = 0
    for step in steps:
        reached = _merge(pools, step)
        if step.id in begins:
            pool = next((p for p in reached if p[0]), None)
            if pool is None:
                chains += 1
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
        if service in step.disturbs:
            end = step.settles or step.id
            if not first or latest[first] != tail or not (passed or ends[first] == end):
                first = step.id
                nodes[first] = step.node
            ends[first], latest[first] = end, step.id
            tail, passed = step.id, False
        if first:
            reached[step.id] = (first, tail, passed or ends[first] == step.id)
    return set(nodes), Counter(ends.values())


def _merge(pools: dict[str, Pools], step: Step) -> Pools:
    if len(step.after) == 1:
        return pools[step.after[0]]
    merged: dict[int, list[int]] = {}
    for earlier in step.after:
        merged.update((id(pool), pool) for pool in pools[earlier] if pool[0])
    return tuple(merged.values())
