"""`secrets:` in the runs of the real engine: a review without them, a rollback, a way back, generations."""

from __future__ import annotations

from dataclasses import replace as with_fields

import msgspec

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.node_requests import GateAnswer
from dynia.services.planning.plan import Plan
from dynia.services.planning.stale import Reviewed
from dynia.services.reconcile import Reconciler
from tests.fakes.cloud import Cloud, Engine, applied, survived, yes
from tests.fakes.disk import FakeDisk
from tests.fakes.time_that_jumps import run
from tests.plans import worlds
from tests.unit.services.test_drained import haproxy
from tests.unit.services.test_rollback import history, home, roll_back

replace = msgspec.structs.replace
KEY = "/opt/dynia/services/api/.dynia-secrets/KEY.env"


def spec(value: str, level: int = 1) -> ClusterSpec:
    secrets = (worlds.secret("KEY", value),)
    return worlds.cluster(services=(worlds.service(config=f"level = {level}\n", secrets=secrets),))


def keys(cloud: Cloud) -> list[str]:
    return [f.digest for n in sorted(cloud.nodes) for f in cloud.nodes[n].files if f.path == KEY]


def on_all(value: str) -> list[str]:
    return [worlds.hmac(f"KEY={value}\n".encode())] * 3


def planned_without(cloud: Cloud, disk: FakeDisk, wanted: ClusterSpec) -> Plan:
    engine = Engine(cloud, survived(disk), wanted)
    bare = {path: content for path, content in engine.run.session.secrets.items() if path != KEY}
    engine.run = Reconciler(with_fields(engine.run.session, secrets=bare))
    return engine.plan()


def test_what_a_fork_planned_is_what_the_merge_applies() -> None:
    for before, after in ((spec("one"), spec("two", 2)), (spec("one"), spec("two"))):
        cloud, disk = applied(before)
        plan = planned_without(cloud, disk, after)
        for kept in (plan, None):
            there = cloud.copied()
            engine = Engine(there, survived(disk), after)
            done = run(engine.run.apply(yes, reviewed=Reviewed(digest=plan.digest, plan=kept)))
            assert (done.exit_code, done.left, keys(there)) == (0, (), on_all("two"))


def test_a_rollback_leaves_the_present_one_and_needs_no_source() -> None:
    cloud, disk = history(spec("one", 1), spec("two", 2))
    done = roll_back(cloud, disk)
    assert (done.exit_code, done.left, keys(cloud)) == (0, (), on_all("two"))


def test_a_release_that_fails_is_left_and_the_new_secret_stays() -> None:
    cloud, disk = applied(spec("one", 1))
    haproxy(cloud)
    failing = [True]

    def lie(what: str, node: str) -> GateAnswer | None:
        if what == "gate" and failing:
            failing.clear()
            return GateAnswer(healthy=False, reason="GET /healthz → 500")
        return None

    cloud.lie = lie
    done = Engine(cloud, disk, spec("two", 2)).apply()
    assert done.exit_code == 8
    assert set(keys(cloud)) <= {*on_all("one"), *on_all("two")} and on_all("two")[0] in keys(cloud)


def test_a_changed_one_alone_makes_no_generation_that_a_rollback_could_go_to() -> None:
    cloud, disk = history(spec("one"), spec("two"))
    assert keys(cloud) == on_all("two")
    assert len(home(disk).generations) == 1
