"""So many nodes may fail a release that was good elsewhere: the others go on, and never on those that failed."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import ClusterSpec, Rollout
from dynia.interfaces.events import RunEnded
from dynia.interfaces.node_requests import GateAnswer, PushAnswer
from dynia.services.planning.inputs import Aside
from dynia.services.planning.planner import make_plan
from tests.fakes.cloud import Cloud, Engine, applied, survived
from tests.fakes.disk import FakeDisk
from tests.plans import worlds
from tests.unit.services.test_drained import drains, haproxy
from tests.unit.services.test_way_back import FAILS, contents, digest, sick_on, went_back

replace = msgspec.structs.replace


def spec(level: int, nodes: int = 4, **more: object) -> ClusterSpec:
    services = (worlds.service(config=f"level = {level}\n"), worlds.service("web"))
    how = {"max_unavailable": 2, "max_failures": 1, **more}
    return worlds.cluster(nodes, services, rollout=Rollout(**how))  # type: ignore[arg-type]


def begin(**more: object) -> tuple[Cloud, FakeDisk]:
    cloud, disk = applied(spec(1, **more))  # type: ignore[arg-type]
    haproxy(cloud)
    return cloud, disk


def have(cloud: Cloud, level: int) -> set[int]:
    wanted = digest(f"level = {level}\n")
    return {n for n, facts in cloud.nodes.items() if wanted in {f.digest for f in facts.files}}


def test_the_others_go_on_and_the_one_that_failed_is_named() -> None:
    cloud, disk = begin()
    sick_on(cloud, 2, 3)
    name = cloud.machines[3].name
    engine = Engine(cloud, disk, spec(2))
    done = engine.apply()
    assert (done.exit_code, done.back, {f.node for f in done.failures}) == (7, None, {name})
    assert have(cloud, 2) == {1, 2, 3, 4} and [w.subject for w in done.last.waiting][:1] == [name]
    assert [deed for deed in drains(cloud)[name] if deed.startswith("push")] == ["push service/api"]
    assert not [n for n in cloud.nodes.values() if n.drained]
    (end,) = (event for event in engine.events if isinstance(event, RunEnded))
    assert (end.result, end.exit_code) == ("undone", 7)
    (home,) = engine.store.state.clusters
    assert len(home.generations) == 1 and home.holds == ()


def test_the_next_apply_tries_it_again_and_touches_nobody_else() -> None:
    cloud, disk = begin()
    sick_on(cloud, 2, 3)
    Engine(cloud, disk, spec(2)).apply()
    cloud.deeds.clear()
    disk = survived(disk)
    assert Engine(cloud, disk, spec(2)).apply().exit_code == 7
    cloud.lie = lambda what, node: None
    disk = survived(disk)
    assert Engine(cloud, disk, spec(2)).apply().exit_code == 0
    assert not [deed for deed in cloud.deeds if cloud.machines[3].name not in deed and "push service" in deed]
    assert Engine(cloud, survived(disk), spec(2)).plan().empty


@pytest.mark.parametrize(("how", "code"), [("rollback", 8), ("pause", 7)])
def test_one_more_is_too_many(how: str, code: int) -> None:
    cloud, disk = begin(on_failure=how)
    sick_on(cloud, 2, 3, 4)
    done = Engine(cloud, disk, spec(2, on_failure=how)).apply()
    assert done.exit_code == code
    names = {cloud.machines[n].name for n in (3, 4)}
    assert {failure.node for failure in done.failures} == names
    if how == "rollback":
        assert went_back(done).whole and contents(cloud) == {digest("level = 1\n")}
    else:
        assert not done.went_on and 1 not in have(cloud, 2), "the holder is last, and was not touched"


def test_what_fails_on_its_canary_stops_at_once() -> None:
    cloud, disk = begin()
    sick_on(cloud, 2, 2)
    done = Engine(cloud, disk, spec(2)).apply()
    assert (done.exit_code, len(done.failures)) == (8, 1)
    assert {deed.split()[0] for deed in cloud.deeds if deed.endswith("push service/api")} == {
        cloud.machines[2].name
    }


def test_what_fails_otherwise_than_by_its_gate_stops_at_once() -> None:
    cloud, disk = begin()
    name = cloud.machines[3].name
    trouble = replace(FAILS, reason="docker does not answer")

    def lie(what: str, node: str) -> GateAnswer | PushAnswer | None:
        return trouble if what == "gate" and node == name else None

    cloud.lie = lie
    done = Engine(cloud, disk, spec(2)).apply()
    assert (done.exit_code, done.went_on) == (7, False) and 1 not in have(cloud, 2)


def test_without_the_setting_one_is_too_many() -> None:
    cloud, disk = begin(max_failures=0)
    sick_on(cloud, 2, 3)
    assert Engine(cloud, disk, spec(2, max_failures=0)).apply().exit_code == 8


def test_nobody_counts_on_one_that_failed() -> None:
    """Its containers may say that they are well: a gate said no."""
    first = worlds.settled(spec(1, nodes=3, max_unavailable=1, max_failures=0))
    given = worlds.wanting(first, spec(2, nodes=3, max_unavailable=1, max_failures=0))
    plan = make_plan(given)
    assert len(plan.order) == 3
    name = plan.order[0]
    left = replace(given, aside=(Aside(node=name, component="service/api", release="0" * 12),))
    stuck = make_plan(left)
    assert not [step for step in stuck.steps if step.disturbs or step.node == name]
    told = {w.subject: w.reason for w in stuck.waiting}
    assert "rollout.max_failures" in told[name]
    assert all("2 must serve" in told[other] for other in plan.order[1:])


def test_a_person_who_stops_it_is_heard() -> None:
    cloud, disk = begin()
    sick_on(cloud, 2, 3)
    lie = cloud.lie
    engine = Engine(cloud, disk, spec(2))

    def meanwhile(what: str, node: str) -> GateAnswer | PushAnswer | None:
        answer = lie(what, node)
        if answer is FAILS:
            engine.run.session.stop.set()
        return answer

    cloud.lie = meanwhile
    done = engine.apply()
    assert (done.exit_code, len(done.failures)) == (7, 1), "what failed is told, as ever"
    assert 1 not in have(cloud, 2)
