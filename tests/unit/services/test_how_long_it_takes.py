"""How long steps take is remembered by an apply, and told by the plan of the next one."""

from __future__ import annotations

from dataclasses import replace

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import NotObservedError
from dynia.interfaces.events import StepEnded
from tests.fakes.cloud import NOW, Cloud, Engine, fresh_disk, survived
from tests.fakes.disk import FakeDisk
from tests.plans import worlds

SPEC = worlds.cluster(1, (worlds.service(),))
NEXT = worlds.cluster(1, (worlds.service(image="registry.example/api:1.9"),))
AFTER = worlds.cluster(1, (worlds.service(image="registry.example/api:2.0"),))


class Watch:
    """A clock on which only what the cloud is asked takes time: a second before it, and one after it."""

    def __init__(self) -> None:
        self.passed = 0.0

    def tick(self, what: str) -> None:
        self.passed += 1.0

    def now(self) -> float:
        return NOW + self.passed

    def monotonic(self) -> float:
        return self.passed


def engine(cloud: Cloud, disk: FakeDisk, spec: ClusterSpec) -> Engine:
    watch, made = Watch(), Engine(cloud, disk, spec)
    cloud.tick = watch.tick
    made.run.session = replace(made.run.session, clock=watch)
    return made


def took(run: Engine) -> dict[str, float]:
    return {event.step: event.seconds for event in run.events if isinstance(event, StepEnded)}


def test_an_apply_takes_as_long_as_its_plan_tells_from_earlier_ones() -> None:
    cloud, disk = Cloud(), fresh_disk()
    assert engine(cloud, disk, SPEC).plan().effect.about_s is None
    for spec in (SPEC, NEXT):
        assert engine(cloud, disk, spec).apply().exit_code == 0
    run = engine(cloud, disk, AFTER)
    told = run.plan().effect.about_s
    assert run.apply().exit_code == 0
    # One node: its steps come one after the other, and then a look.
    assert len(took(run)) == 4 and min(took(run).values()) >= 1.0 and run.run.looked_s == 2.0
    assert told == sum(took(run).values()) + run.run.looked_s


def test_a_step_that_failed_tells_nothing() -> None:
    cloud, disk = Cloud(), fresh_disk()

    def broken(what: str, node: str) -> None:
        if what == "gate":
            raise NotObservedError("the connection broke")

    cloud.lie = broken
    run = engine(cloud, disk, SPEC)
    assert run.apply().exit_code == 7
    kinds = {pace.kind for pace in run.store.state.clusters[0].paces}
    assert "push_component" in kinds and not kinds & {"wait_healthy", "look"}
    assert engine(cloud, survived(disk), SPEC).plan().effect.about_s is None
