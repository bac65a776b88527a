"""What a service runs once before its release: once in a cluster, before any node has it, and not again for it."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import ClusterSpec, PreDeploy, Rollout
from dynia.interfaces.errors import Refused
from dynia.interfaces.node_requests import PushAnswer
from dynia.services.planning.plan import Step
from dynia.services.planning.simulate import allowed_in_preview
from dynia.state.model import PutCluster, SetComponent, change
from tests.fakes.cloud import HOME, Cloud, Engine, applied, fresh_disk, survived
from tests.fakes.disk import FakeDisk
from tests.plans import worlds
from tests.unit.services.test_drained import haproxy
from tests.unit.services.test_rollback import roll_back
from tests.unit.services.test_way_back import Killed, sick_on

replace = msgspec.structs.replace
ONCE = PreDeploy(container="web", command=("./manage.py", "migrate"), timeout=90.0)
SECRET = "correct-horse-battery"


def spec(level: int, once: PreDeploy | None = ONCE, nodes: int = 3, **rollout: object) -> ClusterSpec:
    env = f"DATABASE_URL='postgres://app:{SECRET}@db'\nPASSWORD={SECRET}\nLEVEL=info\n"
    api = worlds.service(config=f"level = {level}\n", env=env, pre_deploy=once)
    return worlds.cluster(nodes, (api, worlds.service("web")), rollout=Rollout(**rollout))  # type: ignore[arg-type]


@pytest.fixture
def start() -> tuple[Cloud, FakeDisk]:
    cloud, disk = applied(spec(1, once=None))
    haproxy(cloud)
    return cloud, disk


def ran(cloud: Cloud) -> list[str]:
    return [deed.split()[0] for deed in cloud.deeds if deed.endswith("pre-deploy/api")]


def test_it_runs_once_on_the_node_whose_turn_is_first_before_anything_changes(
    start: tuple[Cloud, FakeDisk],
) -> None:
    cloud, disk = start
    engine = Engine(cloud, disk, spec(2))
    plan = engine.plan()
    assert engine.apply().exit_code == 0
    assert ran(cloud) == [plan.order[0]]
    assert cloud.deeds[0].endswith("pre-deploy/api"), "not even a drain comes before it"
    assert plan.effect.irreversible == 1
    assert Engine(cloud, survived(disk), spec(2)).plan().empty


def test_whoever_else_is_given_the_release_waits_for_it_and_it_for_no_node_that_joins(
    start: tuple[Cloud, FakeDisk],
) -> None:
    """Nodes that serve nothing yet are worked on at once, and lanes too."""
    cloud, disk = start
    wanted = spec(2, nodes=4, canary=False, max_unavailable=2)
    engine = Engine(cloud, disk, wanted)
    before = engine.plan()
    assert engine.apply().exit_code == 0
    pushes = [n for n, deed in enumerate(cloud.deeds) if deed.endswith("push service/api")]
    assert len(ran(cloud)) == 1 and len(pushes) == 4
    assert next(n for n, d in enumerate(cloud.deeds) if d.endswith("pre-deploy/api")) < min(pushes)
    assert ran(cloud)[0] in {cloud.machines[n].name for n in (1, 2, 3)}, "not one that has only just come"
    for plan in (before, Engine(Cloud(), fresh_disk(), wanted).plan()):
        steps = {s.id: s for s in plan.later}
        (once,) = (name for name in steps if name.endswith("/pre-deploy"))
        brought = [name for name in steps if name.endswith("service/api/push")]
        assert len(brought) == 4 and all(once in waited_for(steps, name) for name in brought)
        for n, step in enumerate(plan.later):
            assert not {s.id for s in plan.later[n + 1 :]} & set(step.after), (
                "an order that respects the edges"
            )


def waited_for(steps: dict[str, Step], name: str) -> set[str]:
    after = [one for one in steps[name].after if one in steps]
    return {*after, *(found for one in after for found in waited_for(steps, one))}


def test_where_it_fails_nothing_was_changed_and_its_last_lines_are_told_without_secrets(
    start: tuple[Cloud, FakeDisk],
) -> None:
    cloud, disk = start
    before = cloud.truth()
    said = f"connecting to postgres://app:{SECRET}@db\nlevel info: no column named plan"
    answer = PushAnswer(phase="check", output=said)
    cloud.lie = lambda what, node: answer if what == "pre-deploy" else None
    engine = Engine(cloud, disk, spec(2))
    done = engine.apply()
    assert (done.exit_code, done.done, done.back) == (7, 0, None)
    (failure,) = done.failures
    assert "level info: no column named plan" in failure.message and SECRET not in failure.message
    assert cloud.truth() == before and len(ran(cloud)) == 1
    kept = b"".join(disk.files(HOME / ".dynia" / "journal" / "prod").values())
    assert b"no column" in kept and SECRET.encode() not in kept
    cloud.lie = lambda what, node: None
    assert Engine(cloud, survived(disk), spec(2)).apply().exit_code == 0
    assert len(ran(cloud)) == 2, "what failed runs again"


@pytest.mark.parametrize("moment", ["pre-deployed", "drained", "swapped service/api"])
def test_a_runner_that_is_killed_repeats_it_only_where_its_end_was_not_recorded(
    start: tuple[Cloud, FakeDisk], moment: str
) -> None:
    cloud, disk = start

    def tick(what: str) -> None:
        if what.endswith(moment):
            raise Killed

    cloud.tick = tick
    with pytest.raises(Killed):
        Engine(cloud, disk, spec(2)).apply()
    cloud.tick = lambda what: None
    assert Engine(cloud, survived(disk), spec(2)).apply().exit_code == 0
    assert len(ran(cloud)) == (2 if moment == "pre-deployed" else 1)


def test_it_runs_neither_for_a_node_that_comes_later_nor_on_the_way_back(
    start: tuple[Cloud, FakeDisk],
) -> None:
    cloud, disk = start
    assert Engine(cloud, disk, spec(2)).apply().exit_code == 0
    disk = survived(disk)
    assert Engine(cloud, disk, spec(2, nodes=4)).apply().exit_code == 0
    assert len(ran(cloud)) == 1
    disk = survived(disk)
    assert Engine(cloud, disk, spec(3, nodes=4)).apply().exit_code == 0
    cloud.deeds.clear()
    assert roll_back(cloud, survived(disk)).exit_code == 0
    assert any(deed.endswith("push service/api") for deed in cloud.deeds) and ran(cloud) == []


def test_a_release_that_failed_and_is_tried_again_does_not_run_it_again(
    start: tuple[Cloud, FakeDisk],
) -> None:
    cloud, disk = start
    sick_on(cloud, 2, 1, 2, 3)
    assert Engine(cloud, disk, spec(2)).apply().exit_code == 8
    disk = survived(disk)
    with pytest.raises(Refused, match="on hold"):
        Engine(cloud, disk, spec(2)).apply()
    cloud.lie = lambda what, node: None
    store = Engine(cloud, disk, spec(2)).store
    with store.lock("prod", "who takes the hold away"):
        (home,) = store.state.clusters
        store.write("prod", (PutCluster(cluster=replace(home, holds=())),), "unhold")
    assert Engine(cloud, disk, spec(2)).apply().exit_code == 0
    assert len(ran(cloud)) == 1
    assert Engine(cloud, survived(disk), spec(3)).apply().exit_code == 0
    assert len(ran(cloud)) == 2, "another content is another release"


def test_where_the_release_is_good_on_some_node_nothing_is_left_to_run_before_it() -> None:
    """Of a state of before this was in the file, say."""
    given = worlds.passes(worlds.start(spec(1, once=None)))[1]
    given = worlds.wanting(given, spec(2))
    once = next(s for s in worlds.make_plan(given).steps if s.id.endswith("/pre-deploy"))
    release = once.action.release  # type: ignore[union-attr]
    (node, *_) = given.state.nodes_of("prod")
    home = given.state.cluster("prod")
    assert home is not None
    known = next(r for r in home.releases if r.component == "service/api")
    good = SetComponent(cluster="prod", node=node.name, release=replace(known, id=release))
    plan = worlds.make_plan(replace(given, state=change(given.state, good)))
    assert not [s for s in plan.steps if s.id.endswith("/pre-deploy")]
    assert [s for s in plan.steps if s.id.endswith("service/api/push")]


def test_a_later_pass_may_run_it_on_another_node_than_the_plan_showed_and_nothing_else() -> None:
    plan = worlds.make_plan(worlds.start(spec(1)))
    shown = next(s for s in plan.later if s.id.endswith("/pre-deploy"))
    elsewhere = replace(shown, id="other/service/api/pre-deploy", action=replace(shown.action, node="other"))  # type: ignore[arg-type]
    assert allowed_in_preview(elsewhere, plan)
    other = replace(elsewhere.action, command=("./manage.py", "flush"))  # type: ignore[arg-type]
    assert not allowed_in_preview(replace(elsewhere, action=other), plan)
