"""Images that a node lacks because it came after the generation: from another node, or named before anything is touched."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dynia.services.actions import ProvideImage
from dynia.services.planning.images import ROOM_MB
from tests.fakes.cloud import Cloud, Engine, fresh_disk, survived
from tests.fakes.disk import FakeDisk
from tests.plans import worlds
from tests.unit.services.test_rollback import going_back, spec

OLD = "registry.example/api:1.8"


def came_later(streamed: str = "") -> tuple[Cloud, FakeDisk, str]:
    """A third node that was not there when generation 1 was, and its name. What is `streamed` is in no
    registry."""
    cloud, disk = Cloud(), fresh_disk()
    cloud.streamed = {streamed}
    for one in (replace(spec("1.8"), nodes=2), replace(spec("1.9"), nodes=2), spec("1.9")):
        assert Engine(cloud, disk, one).apply().exit_code == 0
        disk = survived(disk)
    return cloud, disk, cloud.machines[3].name


@pytest.mark.parametrize("full", [False, True])
def test_a_node_that_came_later_is_given_an_image_of_the_operators_by_another_node(full: bool) -> None:
    """The operator's Docker has it no more, and no registry ever had it. A node needs room to save it."""
    cloud, disk, late = came_later(streamed=OLD)
    if full:
        cloud.touch(1, replace(cloud.nodes[1], disk_free_mb=ROOM_MB - 1))
    engine = going_back(cloud, disk)
    plan = engine.plan()
    (copy,) = (s for s in plan.steps if isinstance(s.action, ProvideImage))
    assert (copy.node, copy.action.sentence()) == (
        late,
        f"copy image {OLD} from {cloud.machines[2 if full else 1].name}",
    )
    assert plan.waiting == ()
    assert engine.apply().exit_code == 0
    assert OLD in {tag for image in cloud.nodes[3].images for tag in image.tags}


def test_an_image_that_must_be_pulled_again_is_named_and_comes_before_all_else() -> None:
    cloud, disk, late = came_later()
    cloud.unpulled = {worlds.resolved(OLD).pull}
    engine, before = going_back(cloud, disk), cloud.truth()
    plan = engine.plan()
    (pull,) = (s for s in plan.steps if isinstance(s.action, ProvideImage))
    assert [(w.subject, w.final) for w in plan.waiting] == [(f"image {OLD}", True)]
    assert f"not on {late}: it comes from its registry first" in plan.waiting[0].reason
    assert all(s.after for s in plan.steps if s != pull)
    done = engine.apply()
    assert (done.exit_code, done.done, [f.step for f in done.failures]) == (7, 0, [pull.id])
    assert cloud.truth() == before
