"""`dynia restart`, done: what runs is other containers of the same release, whoever dies or fails in between."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from dynia.interfaces.errors import Refused
from dynia.interfaces.events import RunStarted
from dynia.interfaces.node_requests import GateAnswer
from dynia.services.planning.by_hand import Restart
from tests.fakes.cloud import Cloud, Engine, applied, recorded
from tests.plans import worlds
from tests.unit.services.test_drained import Killed, drains, haproxy, names

replace = msgspec.structs.replace
SPEC = worlds.cluster(3, (worlds.service(config="level = 1\n"), worlds.service("web")))
API = Restart(service="api")


def ids(cloud: Cloud, project: str = "dynia-api") -> dict[str, str]:
    return {
        facts.hostname: c.id
        for facts in cloud.nodes.values()
        for c in facts.containers
        if c.project == project
    }


def test_every_node_in_its_turn_and_nothing_else_is_touched() -> None:
    cloud, disk = applied(SPEC)
    haproxy(cloud)
    before, web = ids(cloud), ids(cloud, "dynia-web")
    engine = Engine(cloud, disk, SPEC)
    state = recorded(engine.store.state)
    generation = engine.store.state.clusters[0].generation
    done = engine.apply(API)
    assert (done.exit_code, done.left) == (0, ())
    assert drains(cloud) == {n: ["drain api", "push service/api", "undrain api"] for n in names(cloud)}
    assert ids(cloud, "dynia-web") == web
    after = ids(cloud)
    assert after.keys() == before.keys() and not set(after.values()) & set(before.values())
    assert recorded(engine.store.state) == state
    assert engine.store.state.clusters[0].generation == generation == done.generation
    assert [e.title for e in engine.events if isinstance(e, RunStarted)] == ["restart api"]
    assert Engine(cloud, disk, SPEC).plan().empty


def test_what_the_file_says_by_now_is_not_done_by_it() -> None:
    cloud, disk = applied(SPEC)
    haproxy(cloud)
    more = replace(SPEC, nodes=4, services=(*SPEC.services, worlds.worker()))
    engine = Engine(cloud, disk, more)
    held = engine.apply(API)
    assert held.exit_code == 7 and len(held.left) == 3, "three of four serve, and three must"
    assert not drains(cloud) and len(cloud.machines) == 3
    engine = Engine(cloud, disk, replace(SPEC, services=(*SPEC.services, worlds.worker())))
    assert engine.apply(API).exit_code == 0
    assert not [deed for deed in cloud.deeds if "mailer" in deed]
    assert [d.name for d in engine.store.state.deployments] == ["api", "web"]


def test_hands_on_its_files_since_the_plan_stop_it_before_anything_starts_again() -> None:
    cloud, disk = applied(SPEC)
    haproxy(cloud)
    path, before = "/opt/dynia/services/api/docker-compose.yml", ids(cloud)

    def tick(what: str) -> None:
        if what.endswith(" drained"):
            n = next(n for n, machine in cloud.machines.items() if machine.name == what.split()[0])
            cloud.nodes[n] = worlds.edited(path)(cloud.nodes[n])

    cloud.tick = tick
    done = Engine(cloud, disk, SPEC).apply(API)
    (failure,) = done.failures
    assert done.exit_code == 6 and "changed since plan" in failure.message and path in failure.message
    assert ids(cloud) == before and not any(facts.drained for facts in cloud.nodes.values())


def test_one_that_does_not_come_up_again_stops_it_and_the_others_are_untouched() -> None:
    cloud, disk = applied(SPEC)
    haproxy(cloud)
    cloud.lie = lambda what, node: (
        GateAnswer(healthy=False, reason="api-web-1 keeps ending") if what == "gate" else None
    )
    before = ids(cloud)
    engine = Engine(cloud, disk, SPEC)
    done = engine.apply(API)
    (failure,) = done.failures
    assert done.exit_code == 7 and "keeps ending" in failure.message
    assert list(drains(cloud)) == [failure.node] == [done.plan.order[0]]
    assert {n for n, one in ids(cloud).items() if one != before[n]} == {failure.node}
    cloud.lie = lambda what, node: None
    left = [s.id for s in Engine(cloud, disk, SPEC).plan().steps]
    assert left == [f"{failure.node}/service/api/wait"], "an apply asks the gate again"
    assert Engine(cloud, disk, SPEC).apply(API).exit_code == 0
    assert Engine(cloud, disk, SPEC).plan().empty


def killed_at(cloud: Cloud, suffix: str) -> Callable[[str], None]:
    def tick(what: str) -> None:
        if what.endswith(suffix):
            raise Killed

    return tick


@pytest.mark.parametrize(
    "moment", [" drained", " swapped service/api", " pushed service/api", " gate", " undrained"]
)
def test_the_next_apply_ends_it_well_wherever_it_was_killed(moment: str) -> None:
    cloud, disk = applied(SPEC)
    haproxy(cloud)
    cloud.tick = killed_at(cloud, moment)
    with pytest.raises(Killed):
        Engine(cloud, disk, SPEC).apply(API)
    cloud.tick = lambda what: None
    assert Engine(cloud, disk, SPEC).apply().exit_code == 0
    assert not any(facts.drained for facts in cloud.nodes.values())
    assert Engine(cloud, disk, SPEC).plan().empty
    before = ids(cloud)
    assert Engine(cloud, disk, SPEC).apply(API).exit_code == 0
    assert not set(ids(cloud).items()) & set(before.items())


def test_ctrl_c_says_what_goes_on_with_it() -> None:
    cloud, disk = applied(SPEC)
    haproxy(cloud)
    engine = Engine(cloud, disk, SPEC)

    def tick(what: str) -> None:
        if what.endswith(" pushed service/api"):
            engine.run.session.stop.set()

    cloud.tick = tick
    with pytest.raises(Exception, match="interrupted") as told:
        engine.apply(API)
    assert getattr(told.value, "hint", "") == "run `dynia restart api` again to go on"
    assert not any(facts.drained for facts in cloud.nodes.values())


def test_a_cluster_without_the_service_is_not_touched() -> None:
    cloud, disk = applied(SPEC)
    with pytest.raises(Refused, match="has no service apy"):
        Engine(cloud, disk, SPEC).apply(Restart(service="apy"))
    assert not [deed for deed in cloud.deeds if "push" in deed]
