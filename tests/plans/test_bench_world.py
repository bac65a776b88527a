"""What `make bench` measures on is a settled cluster, whatever an apply has come to leave behind on nodes."""

from __future__ import annotations

from bench.plan_time import all_changed, one_changed, world
from dynia.services.planning.planner import make_plan


def test_nothing_one_and_all_of_its_nodes_are_changed() -> None:
    given = world(7)
    assert make_plan(given).steps == ()
    assert {s.node for s in make_plan(one_changed(given)).steps} == {"node-1"}
    assert {s.node for s in make_plan(all_changed(given)).steps} == {f"node-{n}" for n in range(1, 8)}
