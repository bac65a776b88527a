"""A node whose clock is wrong is said to be so in every plan; nothing is planned for it, and nothing waits for it."""

from __future__ import annotations

import pytest

from dynia.interfaces.observed import NodeFacts
from dynia.services.planning.planner import make_plan
from tests.plans.worlds import cluster, replace, settled


@pytest.mark.parametrize(
    ("skew_ms", "said"),
    [
        (3_600_000, "its clock is 60 min ahead of this machine's"),
        (5_700_000, "its clock is 95 min ahead of this machine's"),  # as durations are said everywhere
        (-7_200_000, "its clock is 2 h behind this machine's"),
        (31_000, "its clock is 31 s ahead of this machine's"),
        (-400 * 86_400_000, "its clock is 400 d behind this machine's"),
        (29_000, ""),
        (-29_000, ""),
    ],
)
def test_a_wrong_clock_is_told_and_the_plan_stays_empty(skew_ms: int, said: str) -> None:
    world = settled(cluster(3))
    before = make_plan(world)
    name = world.state.nodes[1].name
    facts = world.observed.nodes[name]
    assert isinstance(facts, NodeFacts)
    nodes = {**world.observed.nodes, name: replace(facts, clock_skew_ms=skew_ms)}
    plan = make_plan(replace(world, observed=replace(world.observed, nodes=nodes)))
    assert plan.empty and plan.digest == before.digest
    assert [(w.subject, w.reason[: len(said)], w.final) for w in plan.waiting] == (
        [(name, said, True)] if said else []
    )
