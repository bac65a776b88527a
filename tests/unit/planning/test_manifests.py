"""Manifests on nodes are healed calmly: steps that disturb nothing, and only where nothing else is to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from dynia.interfaces.errors import Stale
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import WriteManifest
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.manifests import only_manifests
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import simulate
from dynia.services.planning.stale import Reviewed, check_reviewed
from dynia.state.manifest import PATH, Sealer
from dynia.state.model import PutCluster, change
from tests.plans import worlds
from tests.plans.cases import changed, new_image, three

Edit = Callable[[NodeFacts], NodeFacts]


def on(ordinal: int, edit: Edit, given: PlanningInput) -> tuple[PlanningInput, str]:
    name = worlds.node_named(given, ordinal)
    return worlds.with_facts(given, name, edit), name


def without(facts: NodeFacts) -> NodeFacts:
    return replace(facts, files=tuple(f for f in facts.files if f.path != PATH), manifest="")


def looking(**more: object) -> Edit:
    return lambda facts: replace(
        facts, files=tuple(replace(f, **more) if f.path == PATH else f for f in facts.files)
    )


def told(**more: object) -> Edit:
    return lambda facts: replace(facts, **more)


def later(given: PlanningInput) -> PlanningInput:
    """One more generation, which the nodes were not told of."""
    (home,) = given.state.clusters
    gone_on = replace(home, generation=home.generation + 1)
    return replace(given, state=change(given.state, PutCluster(cluster=gone_on)))


def written_by_a_later_state(given: PlanningInput, name: str) -> Edit:
    content = Sealer(later(given).state, "prod").content(name, serial=99, fencing=0)
    return lambda facts: replace(
        looking(digest="sha256:" + "f" * 64)(facts), manifest=content.decode().splitlines()[-1]
    )


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (without, "because the node has none yet"),
        (looking(digest="sha256:" + "e" * 64), "because it was edited by hand"),
        (looking(mode=0o600), "because it was edited by hand"),
        (told(manifest="words"), "because it was edited by hand"),
        (told(unfinished=("manifest",)), "because writing it was cut off"),
    ],
)
def test_one_that_is_not_right_is_one_calm_line(edit: Edit, why: str) -> None:
    given, name = on(2, edit, three())
    plan = make_plan(given)
    assert [(step.id, step.why, step.disturbs) for step in plan.steps] == [
        (f"{name}/manifest/write", why, ())
    ]
    assert [(line.subject, line.nodes, line.why) for line in plan.changes] == [("manifest", (name,), why)]
    assert plan.drift == () and plan.waiting == () and plan.effect.serving[0].least == 3
    assert make_plan(simulate(given, plan)).empty


def test_after_another_generation_every_node_that_answers_has_an_old_one() -> None:
    given = later(three())
    silent = worlds.node_named(given, 3)
    plan = make_plan(worlds.silent(given, silent))
    assert {step.node for step in plan.steps} == {worlds.node_named(given, 1), worlds.node_named(given, 2)}
    (line,) = plan.changes
    assert (line.why, len(line.nodes)) == ("because it is not of the last apply", 2)


def test_where_something_else_is_to_do_the_apply_writes_them_at_its_end() -> None:
    given, _ = on(2, without, changed(three(), services=new_image()))
    plan = make_plan(given)
    steps = (*plan.steps, *plan.later)
    assert steps and not [s for s in steps if isinstance(s.action, WriteManifest)]
    assert "manifest" not in {line.subject for line in plan.changes}


def test_one_that_is_newer_than_the_state_is_left_alone_and_said() -> None:
    given = three()
    name = worlds.node_named(given, 2)
    given, _ = on(2, written_by_a_later_state(given, name), given)
    plan = make_plan(given)
    assert plan.steps == ()
    assert [(w.subject, w.final) for w in plan.waiting] == [(name, False)]
    assert plan.waiting[0].reason == "its manifest is newer than this state: serial 99, and here 0"


def test_a_host_of_another_state_is_given_none() -> None:
    given, name = on(2, told(lineage="another", manifest=""), three())
    assert name not in {step.node for step in make_plan(given).steps}


def test_a_write_that_was_cut_off_is_no_component_to_remove() -> None:
    given, name = on(2, told(unfinished=("manifest",)), changed(three(), services=new_image()))
    assert f"{name}/manifest/remove" not in {step.id for step in make_plan(given).steps}


def test_sync_writes_them_too() -> None:
    given, _ = on(2, without, three())
    plan = make_plan(given, sync=True)
    assert plan.steps and only_manifests(plan.steps) and len(plan.changes) == 1


def test_a_plan_that_was_reviewed_before_somebody_edited_it_again_is_stale_in_words() -> None:
    given, _ = on(2, looking(digest="sha256:" + "e" * 64), three())
    saved = make_plan(given)
    again, _ = on(2, looking(digest="sha256:" + "d" * 64), given)
    with pytest.raises(Stale, match=f"{PATH} was edited"):
        check_reviewed(Reviewed(digest=saved.digest, plan=saved), make_plan(again))
    check_reviewed(Reviewed(digest=saved.digest, plan=saved), make_plan(given))
