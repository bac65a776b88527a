"""Law 4 for a whole plan: what was reviewed is applied if it still follows from the world, else nothing is touched."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import Stale
from dynia.services.apply_result import ApplyResult
from dynia.services.planning.plan import Plan
from dynia.services.planning.stale import Reviewed
from tests.fakes.cloud import Cloud, Engine, applied, survived, yes
from tests.fakes.disk import FakeDisk
from tests.fakes.time_that_jumps import run
from tests.plans import worlds
from tests.plans.cases import HAPROXY

SPEC: ClusterSpec = worlds.cluster(services=(worlds.service(config="level = 1\n"),), nodes=3)
NEXT: ClusterSpec = worlds.cluster(services=(worlds.service(config="level = 2\n"),), nodes=3)
AFTER: ClusterSpec = worlds.cluster(services=(worlds.service(config="level = 3\n"),), nodes=3)


def reviewed() -> tuple[Cloud, FakeDisk, Plan]:
    """A cluster, and a plan of the next file that somebody looked at."""
    cloud, disk = applied(SPEC)
    plan = Engine(cloud, disk, NEXT).plan()
    assert plan.steps
    return cloud, survived(disk), plan


def apply(
    cloud: Cloud, disk: FakeDisk, plan: Plan, spec: ClusterSpec = NEXT, *, kept: bool = True
) -> ApplyResult:
    what = Reviewed(digest=plan.digest, plan=plan if kept else None)
    return run(Engine(cloud, disk, spec).run.apply(yes, reviewed=what))


def hot_fix(cloud: Cloud, ordinal: int) -> str:
    facts = cloud.nodes[ordinal]
    cloud.nodes[ordinal] = worlds.edited(HAPROXY)(facts)
    return cloud.machines[ordinal].name


def stale(cloud: Cloud, disk: FakeDisk, plan: Plan, spec: ClusterSpec = NEXT, *, kept: bool = True) -> str:
    """What an apply says that touches nothing: no node, no machine, not the state."""
    before = (
        msgspec.json.encode(cloud.nodes),
        list(cloud.deeds),
        Engine(cloud, survived(disk), spec).store.state,
    )
    with pytest.raises(Stale) as caught:
        apply(cloud, disk, plan, spec, kept=kept)
    after = (
        msgspec.json.encode(cloud.nodes),
        list(cloud.deeds),
        Engine(cloud, survived(disk), spec).store.state,
    )
    assert after == before
    assert caught.value.exit_code == 6
    return caught.value.message


@pytest.mark.parametrize("kept", [True, False])
def test_what_was_reviewed_is_applied_where_the_world_is_as_it_was(kept: bool) -> None:
    cloud, disk, plan = reviewed()
    done = apply(cloud, disk, plan, kept=kept)
    assert (done.exit_code, done.left, done.plan.digest) == (0, (), plan.digest)
    assert Engine(cloud, survived(disk), NEXT).plan().empty


@pytest.mark.parametrize("kept", [True, False])
def test_a_hot_fix_stops_it_before_the_first_byte(kept: bool) -> None:
    cloud, disk, plan = reviewed()
    name = hot_fix(cloud, 2)
    said = stale(cloud, disk, plan, kept=kept)
    assert f"{name}: {HAPROXY} was edited" in said


@pytest.mark.parametrize("kept", [True, False])
def test_a_mounted_file_that_was_edited_after_the_review_stops_it(kept: bool) -> None:
    cloud, disk, plan = reviewed()
    said = stale(cloud, disk, plan, AFTER, kept=kept)
    assert not kept or "service api: config/app.toml was edited" in said


def test_what_another_apply_did_meanwhile_is_not_done_again() -> None:
    cloud, disk, plan = reviewed()
    assert Engine(cloud, disk, NEXT).apply().exit_code == 0
    assert "another apply ran since (serial " in stale(cloud, survived(disk), plan).splitlines()[1]


def test_a_plan_is_not_stale_because_somebody_looked_in_between() -> None:
    cloud, disk, plan = reviewed()
    for _ in range(2):
        assert Engine(cloud, disk, NEXT).plan().digest == plan.digest
    assert apply(cloud, disk, plan).exit_code == 0


def test_an_empty_plan_that_was_reviewed_does_not_let_a_change_through() -> None:
    cloud, disk = applied(SPEC)
    plan = Engine(cloud, disk, SPEC).plan()
    assert plan.empty
    hot_fix(cloud, 1)
    assert "was edited" in stale(cloud, survived(disk), plan, SPEC)
