"""Images that nobody can resolve."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NodeFacts, UnresolvedImage
from dynia.services.planning.images import ROOM_MB, refuse_full
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from tests.plans import worlds
from tests.plans.cases import HAPROXY, changed, first_deploy, new_image, three

replace = msgspec.structs.replace
DOWN = "registry.example did not answer (ConnectError); the operator's Docker does not have it"
ABSENT = "registry.example does not have api:1.8 (HTTP 404); the operator's Docker does not have it"


def unresolved(world: PlanningInput, reason: str) -> PlanningInput:
    images = {
        name: UnresolvedImage(reference=name, reason=reason) if name.startswith("registry.example") else image
        for name, image in world.observed.images.items()
    }
    return replace(world, observed=replace(world.observed, images=images))


def test_a_registry_that_is_down_does_not_hide_drift() -> None:
    world = unresolved(three(), DOWN)
    plan = make_plan(world)
    assert plan.empty
    assert [w.subject for w in plan.waiting] == ["image registry.example/api:1.8"]
    name = worlds.node_named(world, 2)
    repair = make_plan(worlds.with_facts(world, name, worlds.edited(HAPROXY)))
    assert [s.id for s in repair.steps] == [f"{name}/haproxy/push"]


def test_a_new_tag_is_refused_while_its_registry_is_down() -> None:
    with pytest.raises(Refused, match="no registry answers"):
        make_plan(unresolved(changed(three(), services=new_image()), DOWN))


@pytest.mark.parametrize("reason", [DOWN, ABSENT])
def test_an_image_that_was_never_applied_is_refused_with_its_reason(reason: str) -> None:
    with pytest.raises(Refused) as caught:
        make_plan(unresolved(first_deploy(), reason))
    assert "registry.example/api:1.8" in caught.value.message and reason in caught.value.message


def test_an_image_that_the_registry_no_longer_has_is_refused() -> None:
    with pytest.raises(Refused):
        make_plan(unresolved(three(), ABSENT))


def test_an_image_for_another_platform_is_refused_before_anything_is_touched() -> None:
    world = changed(three(), services=new_image())
    images = {name: replace(i, platform="linux/arm64") for name, i in world.observed.images.items()}
    world = replace(world, observed=replace(world.observed, images=images))
    for node in world.state.nodes_of("prod"):
        world = worlds.with_facts(world, node.name, on_amd64)
    with pytest.raises(Refused, match="linux/arm64"):
        make_plan(world)


def on_amd64(facts: NodeFacts) -> NodeFacts:
    return replace(facts, arch="amd64")


def with_room(world: PlanningInput, left: int | None) -> PlanningInput:
    name = worlds.node_named(world, 2)
    return worlds.with_facts(world, name, lambda f: replace(f, disk_free_mb=left))


@pytest.mark.parametrize(("left", "refused"), [(None, False), (ROOM_MB, False), (ROOM_MB - 1, True)])
def test_an_image_is_not_sent_where_there_is_no_room_for_it(left: int | None, refused: bool) -> None:
    world = with_room(changed(three(), services=new_image()), left)
    plan = make_plan(world)
    steps = plan.steps
    said = [w.reason for w in plan.waiting if w.subject == worlds.node_named(world, 2)]
    assert [f"has {left} MB left" in reason and "apply is refused" in reason for reason in said] == [
        True
    ] * refused
    if not refused:
        return refuse_full("prod", steps, world.observed)
    with pytest.raises(Refused, match=f"has {left} MB left on its disk") as caught:
        refuse_full("prod", steps, world.observed)
    assert worlds.node_named(world, 2) in caught.value.message
    # Where no image is to go there, nothing is in the way.
    calm = with_room(three(), 1)
    return refuse_full("prod", make_plan(calm).steps, calm.observed)
