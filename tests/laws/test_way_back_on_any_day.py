"""A release that fails on whatever nodes: on the way there and back the service stays where it must (law 5)."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dynia.interfaces.desired import ClusterSpec, Rollout
from dynia.interfaces.node_requests import GateAnswer, PushAnswer
from dynia.services.planning.check import floor
from tests.examples import examples
from tests.fakes.cloud import Cloud, Engine, applied, survived
from tests.plans import worlds

SICK = GateAnswer(healthy=False, reason="GET /healthz → 500")


def spec(nodes: int, level: int, rollout: Rollout) -> ClusterSpec:
    services = (worlds.service(config=f"level = {level}\n"), worlds.service("web"))
    return worlds.cluster(nodes, services, rollout=rollout)


class Watch:
    """Who serves in truth, whatever a planner thinks: from a push until its gate says yes a node does not."""

    def __init__(self, cloud: Cloud, sick: set[int], least: int) -> None:
        self.serving = {machine.name for machine in cloud.machines.values()}
        self.sick = {cloud.machines[n].name for n in sick}
        self.least, self.failed, self.back = least, False, False
        self.low: list[str] = []
        cloud.tick, cloud.lie = self.tick, self.lie

    def tick(self, what: str) -> None:
        node = what.removesuffix(" pushed service/api")
        if node != what:
            if node in self.serving and len(self.serving - {node}) < self.least:
                self.low.append(f"{node} is taken, and only {sorted(self.serving - {node})} serve")
            self.serving.discard(node)

    def lie(self, what: str, node: str) -> GateAnswer | PushAnswer | None:
        if what != "gate":
            return None
        if node in self.sick and not self.back:
            self.failed = True
            return SICK
        self.serving.add(node)
        return None


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([0.0, 5.0]),
    st.sets(st.integers(1, 4), min_size=1),
)
def test_it_ends_where_it_began_and_never_below(
    nodes: int, out: int, canary: bool, monitor: float, sick: set[int]
) -> None:
    sick &= set(range(1, nodes + 1))
    assume(sick and (out < nodes or nodes == out == 1))
    rollout = Rollout(max_unavailable=out, canary=canary, monitor=monitor)
    cloud, disk = applied(spec(nodes, 1, rollout))
    watch = Watch(cloud, sick, floor(nodes, out))
    engine = Engine(cloud, disk, spec(nodes, 2, rollout))

    def goes_back(run: object, follow: object = engine._goes_back) -> None:
        watch.back = True
        follow(run)  # type: ignore[operator]

    engine.run.follow = goes_back  # type: ignore[attr-defined]
    done = engine.apply()
    assert watch.low == [] and done.exit_code == 8 and done.back is not None
    assert set(done.back.nodes) == {machine.name for machine in cloud.machines.values()} == watch.serving
    cloud.tick, cloud.lie = lambda what: None, lambda what, node: None
    assert Engine(cloud, survived(disk), spec(nodes, 1, rollout)).plan().empty
