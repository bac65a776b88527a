"""`dynia sync`: files only. What it leaves out is named, and counted nowhere."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, given, settings

from dynia.commands.screens.plan import plan_text, tally
from dynia.interfaces.desired import CloudflareDns
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.replacing import PASSES
from dynia.services.planning.restrict import CLOUD
from dynia.services.planning.simulate import allowed_in_preview, simulate
from tests.examples import examples
from tests.laws.random_worlds import broken_worlds
from tests.plans import worlds
from tests.plans.cases import changed, new_image, orphan_machine, three

replace = msgspec.structs.replace


def test_the_headline_counts_only_what_is_done() -> None:
    world = changed(orphan_machine(), services=new_image(), dns=CloudflareDns(zone="example.com"))
    world = worlds.with_facts(
        world, worlds.node_named(world, 2), worlds.edited("/opt/dynia/haproxy/haproxy.cfg")
    )
    whole, plan = tally(make_plan(world)), make_plan(world, sync=True)
    assert (whole.add, whole.destroy, whole.revert) == (1, 1, 2)
    assert plan_text(plan, width=100).splitlines()[-1] == (
        f"Plan: 0 to add, {whole.change} to change, 0 to destroy, 1 drift to revert."
    )
    left = {(w.subject, w.reason) for w in plan.waiting}
    assert ("lost-lynx", "delete node lost-lynx: needs apply") in left
    assert any("api.example.com" in reason for _, reason in left)


def test_what_only_a_machine_lacks_is_nothing_to_do_for_sync() -> None:
    plan = make_plan(changed(three(), nodes=4), sync=True)
    assert (plan.empty, plan.changes, plan.joining) == (True, (), ())
    assert [w.reason.split()[0] for w in plan.waiting] == ["create"]


def test_a_file_that_changed_its_mind_leaves_nothing_to_do() -> None:
    """A node tells of a secret at the first look after the file has it again: it has its key for good."""
    world = three()
    assert world.desired is not None and world.desired.services
    away = worlds.wanting(world, replace(world.desired, services=()))
    assert not make_plan(away, sync=True).empty
    assert make_plan(worlds.wanting(away, world.desired), sync=True).empty


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
def test_its_first_plan_names_all_that_it_does_and_nothing_else(world: PlanningInput) -> None:
    first = plan = make_plan(world, sync=True)
    for _ in range(PASSES + 1):
        assert all(allowed_in_preview(step, first) for step in plan.steps)
        assert not any(isinstance(step.action, CLOUD) for step in (*plan.steps, *plan.later))
        if not plan.steps:
            break
        world = worlds.real(simulate(world, plan))
        plan = make_plan(world, sync=True)
    assert not plan.steps
    if not plan.waiting:
        counted = {line.subject for line in first.changes}
        assert not counted.intersection(line.subject for line in make_plan(world).changes)
