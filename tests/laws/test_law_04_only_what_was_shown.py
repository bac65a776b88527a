"""Law 4, the plan's part: later passes do what the preview showed, and every write names what it saw before.

And on the real script, run by a real `sh`: a removal takes what was seen, all of it, or nothing.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynia.interfaces.node_requests import RemoveRequest
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import ActivateComponent, PushComponent, RemoveComponent
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan, make_plan_with_recipes
from dynia.services.planning.simulate import allowed_in_preview, simulate
from tests.examples import examples
from tests.integration.node_scripts.machine import LINEAGE, Machine
from tests.laws.random_worlds import broken_worlds
from tests.plans import worlds
from tests.plans.templates import SMALL


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
def test_later_passes_were_in_the_preview_and_repeat_nothing(world: PlanningInput) -> None:
    approved = plan = make_plan(world)
    while plan.steps:
        earlier = {step.id for step in plan.steps}
        world = worlds.real(simulate(world, plan))
        plan = make_plan(world)
        assert [s.id for s in plan.steps if not allowed_in_preview(s, approved)] == []
        assert [s.id for s in plan.steps if s.id in earlier] == []


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
def test_every_path_that_is_touched_or_activated_comes_with_what_it_looked_like(world: PlanningInput) -> None:
    plan, recipes = make_plan_with_recipes(world)
    for step in plan.steps:
        action = step.action
        if not isinstance(action, PushComponent | ActivateComponent | RemoveComponent):
            continue
        facts = world.observed.nodes[action.node]
        assert isinstance(facts, NodeFacts)
        seen = {f.path: (f.digest, f.mode, f.owner) for f in facts.files}
        expected = {e.path: (e.digest, e.mode, e.owner) for e in action.expected}
        if isinstance(action, PushComponent | ActivateComponent):
            wanted = {file.path for file in recipes[action.node][action.component].release.files}
            touched = (*action.write, *action.delete) if isinstance(action, PushComponent) else ()
            assert set(expected) == {*touched, *(wanted & seen.keys())}
        else:
            below = {
                f.path
                for f in facts.files
                if f.kind != "dir" and any(f.path == p or f.path.startswith(p + "/") for p in action.paths)
            }
            assert set(expected) == below
            assert not action.everything, "no host is left here"
        for path, looked in expected.items():
            assert looked == seen.get(path, ("", 0, ""))


def test_a_step_that_was_not_shown_is_refused() -> None:
    given = msgspec.structs.replace(worlds.start(worlds.cluster()), templates=SMALL)
    approved = make_plan(given)
    following = make_plan(worlds.real(simulate(given, approved)))
    stranger = msgspec.structs.replace(following.steps[0], id="clever-raven/delete")
    assert not allowed_in_preview(stranger, approved)
    assert all(allowed_in_preview(step, approved) for step in following.steps)


NAMES = ("compose.yaml", ".env", "a b", "notes", "config/x", "config/eu/y")
trees = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(st.sampled_from("12"), st.sampled_from((0o644, 0o600)))
)


@settings(max_examples=examples(30), deadline=None)
@given(trees, trees)
def test_a_removal_takes_all_that_was_seen_or_nothing(
    seen: dict[str, tuple[str, int]], there: dict[str, tuple[str, int]]
) -> None:
    """Whatever a person did since: written, edited, deleted, its mode; strays that were seen go too."""
    with tempfile.TemporaryDirectory() as folder:
        machine, home = Machine(Path(folder)), "services/api"
        machine.bootstrap()
        for name, (content, mode) in seen.items():
            machine.write(f"{home}/{name}", content, mode)
        request = RemoveRequest(
            component="service/api",
            lineage=LINEAGE,
            paths=(machine.path(home),),
            expected=machine.expectations(*(f"{home}/{name}" for name in seen)),
        )
        for name in seen.keys() - there.keys():
            Path(machine.path(f"{home}/{name}")).unlink()
        for name, (content, mode) in there.items():
            machine.write(f"{home}/{name}", content, mode)
        before = machine.files()
        changed = sorted(
            machine.path(f"{home}/{name}") for name in NAMES if seen.get(name) != there.get(name)
        )
        answer = machine.remove(request)
        assert (answer.phase, sorted(answer.changed)) == ("expected" if changed else "done", changed)
        left = machine.files()
        assert left == before if changed else [name for name in left if name.startswith(home)] == []
