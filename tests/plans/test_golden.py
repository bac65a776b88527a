"""Golden plans: three inputs, one page. A change of a page is a change of what people read; look at the diff."""

from __future__ import annotations

import msgspec
import pytest

from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.manifests import only_manifests
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import simulate
from tests.plans import worlds
from tests.plans.cases import CASES, HERE, inputs_of, plan_page

# These wait for somebody: a silent node, VRRP, a record in the way.
NOT_SETTLED_ALONE = {
    "node-silent",
    "node-drained",
    "two-masters",
    "dns",
    "destroy-host-silent",
    "each-serves-what-the-other-lacks",
    "entry-api-without-token",
    "entry-api-unclaimed",
}


def read(name: str) -> PlanningInput:
    return msgspec.json.decode(inputs_of(name), type=PlanningInput)


@pytest.mark.parametrize("name", sorted(CASES))
def test_plan_reads_as_approved(name: str) -> None:
    assert plan_page(make_plan(read(name))) == (HERE / name / "plan.txt").read_text()


@pytest.mark.parametrize("name", sorted(CASES))
def test_applied_plan_leaves_nothing_to_do(name: str) -> None:
    plans, end = worlds.passes(read(name))
    last = make_plan(end)
    assert last.empty
    assert not last.waiting or name in NOT_SETTLED_ALONE
    assert len(plans) <= 4


@pytest.mark.parametrize("name", sorted(CASES))
def test_preview_names_every_step_of_the_passes_that_follow(name: str) -> None:
    given = read(name)
    plan = make_plan(given)
    shown = [step.id for step in (*plan.steps, *plan.later)]
    done = [step.id for step in plan.steps]
    while plan.steps and len(done) <= len(shown):
        given = worlds.real(simulate(given, plan))
        plan = make_plan(given)
        if only_manifests(plan.steps):  # they come with the end of the apply
            break
        done += [step.id for step in plan.steps]
    assert done == shown


def test_every_case_has_its_folder_and_every_folder_its_case() -> None:
    assert {p.parent.name for p in HERE.glob("*/plan.txt")} == set(CASES)
