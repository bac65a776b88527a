"""What the plan of a real change says of its cost: who serves meanwhile, and which step may not be taken."""

from __future__ import annotations

import pytest

from dynia.commands.screens.plan_effect import effect_parts
from dynia.interfaces.desired import Rollout
from dynia.services.planning.planner import make_plan
from tests.plans import worlds
from tests.plans.cases import changed, new_image, node_silent, settled

NO_RESERVE = "no reserve during the rollout"


def of_new_image(nodes: int, max_unavailable: int = 1) -> list[str]:
    world = settled(worlds.cluster(nodes, rollout=Rollout(max_unavailable=max_unavailable, canary=False)))
    return effect_parts(make_plan(changed(world, services=new_image())))


@pytest.mark.parametrize(("nodes", "max_unavailable", "least"), [(2, 1, "1/2"), (3, 2, "1/3")])
def test_where_one_node_serves_alone_in_between_there_is_no_reserve(
    nodes: int, max_unavailable: int, least: str
) -> None:
    assert of_new_image(nodes, max_unavailable)[:2] == [f"serving never below {least}", NO_RESERVE]


@pytest.mark.parametrize(("nodes", "first"), [(3, "serving never below 2/3"), (1, "INTERRUPTS api")])
def test_where_two_serve_or_none_nothing_is_said_of_a_reserve(nodes: int, first: str) -> None:
    parts = of_new_image(nodes)
    assert parts[0].startswith(first) and NO_RESERVE not in parts


def test_a_node_that_serves_alone_without_any_rollout_is_no_news() -> None:
    world = settled(worlds.cluster(2))
    plan = make_plan(worlds.silent(world, worlds.node_named(world, 2)))
    assert effect_parts(plan)[0] == "serving never below 1/2" and NO_RESERVE not in effect_parts(plan)


def test_each_service_has_a_worst_case_of_its_own() -> None:
    world = settled(worlds.cluster(services=(worlds.service(), worlds.service("web"))))
    plan = make_plan(changed(world, services=(*new_image(), worlds.service("web"))))
    assert effect_parts(plan)[:2] == ["api never below 2/3", "web never below 3/3"]
    assert plan.effect.at_once == 1


def test_what_would_leave_one_of_three_is_not_done_and_its_step_and_the_way_out_are_named() -> None:
    world = node_silent()
    plan = make_plan(world)
    assert not any(step.disturbs for step in plan.steps)
    waiting = {w.subject: w.reason for w in plan.waiting}
    first, last = (worlds.node_named(world, n) for n in (1, 3))
    assert set(waiting) == {first, last}
    assert waiting[last] == (
        f"{last}/service/api/push would leave api on 1 of 3 nodes, and 2 must serve: "
        "bring back the nodes that do not serve it, or set rollout.max_unavailable to 2"
    )
    allowed = make_plan(changed(world, rollout=Rollout(max_unavailable=2)))
    assert f"{last}/service/api/push" in [step.id for step in allowed.steps]
    assert effect_parts(allowed)[:2] == ["serving never below 1/3", NO_RESERVE]


def test_where_none_would_be_left_no_setting_helps() -> None:
    world = settled(worlds.cluster(2))
    plan = make_plan(worlds.silent(changed(world, services=new_image()), worlds.node_named(world, 2)))
    (waits,) = plan.waiting
    assert waits.reason.endswith("and 1 must serve: bring back the nodes that do not serve it")
