"""Law 6: nothing is announced that was not observed, and no answer is a third result.

Here on the planner and on the real engine over a world in memory whose answers go wrong. What the screens say of silent
nodes: tests/unit/screens. What each node script must see before it answers "done": tests/integration/node_scripts.
"""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.commands.exit_codes import drift_code, plan_code
from dynia.commands.screens.drift import drift_text
from dynia.commands.screens.plan import plan_text
from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import NotObservedError
from dynia.interfaces.events import RunEnded, RunStarted, StepEnded, StepFailed, StepStarted
from dynia.interfaces.node_requests import GateAnswer, PushAnswer
from dynia.interfaces.observed import NotObserved
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from tests.examples import examples
from tests.fakes.cloud import Cloud, Engine, applied, fresh_disk
from tests.laws.random_worlds import broken_worlds
from tests.plans import worlds

OLD = (worlds.service(config="level = 1\n"), worlds.service("web"))
NEW = (worlds.service(image="registry.example/api:1.9", config="level = 2\n"), worlds.service("web"))

ANSWERS: dict[str, object] = {
    "push refused": PushAnswer(phase="check", output="[ALERT] bad line"),
    "push put back": PushAnswer(phase="probe", output="no answer"),
    "push not put back": PushAnswer(phase="activate", restored=False),
    "node busy": PushAnswer(phase="lock", output="a push of caddy"),
    "changed since plan": PushAnswer(phase="expected", changed=("/opt/dynia/haproxy/haproxy.cfg",)),
    "not healthy": GateAnswer(healthy=False, reason="api-web-1 is unhealthy", output="boom"),
    "connection broke": NotObservedError("the connection broke"),
}


class Liar:
    """The n-th question of the kind that the answer fits gets it; `told` says whether it was asked that often."""

    def __init__(self, answer: object, nth: int) -> None:
        self.answer, self.left, self.told = answer, nth, False

    def __call__(self, what: str, node: str) -> PushAnswer | GateAnswer | None:
        if isinstance(self.answer, GateAnswer) != (what == "gate") and not isinstance(self.answer, Exception):
            return None
        self.left -= 1
        if self.left:
            return None
        self.told = True
        if isinstance(self.answer, Exception):
            raise self.answer
        assert isinstance(self.answer, PushAnswer | GateAnswer)
        return self.answer


@pytest.mark.parametrize("answer", ANSWERS)
@settings(max_examples=examples(10), deadline=None)
@given(st.sampled_from((1, 2, 4, 6, 20)), st.booleans())
def test_a_step_is_told_and_recorded_as_done_only_after_a_node_answered_that_it_is(
    answer: str, nth: int, first_deploy: bool
) -> None:
    """Judged by the world's own list of what came to its end there."""
    cloud, disk = (Cloud(), fresh_disk()) if first_deploy else applied(worlds.cluster(3, OLD))
    cloud.lie = liar = Liar(ANSWERS[answer], nth)
    engine = Engine(cloud, disk, worlds.cluster(3, NEW))
    result = engine.apply()
    announced = {e.step for e in engine.events if isinstance(e, StepEnded)}
    pushed = {f"{node}/{component}/push" for node, component, _ in cloud.good}
    assert {step for step in announced if step.endswith("/push")} <= pushed
    for node in engine.store.state.nodes_of("prod"):
        for component, release in {**node.components, **node.pushed}.items():
            assert (node.name, component, release) in cloud.good, "recorded, and never answered as done"
    # A way back has steps of the same names: each run is judged for itself.
    starts = [i for i, e in enumerate(engine.events) if isinstance(e, RunStarted)]
    for begin, stop in itertools.pairwise((*starts, len(engine.events))):
        run = engine.events[begin:stop]
        begun = {e.step for e in run if isinstance(e, StepStarted)}
        ended = {e.step for e in run if isinstance(e, StepEnded)}
        broken = {e.step for e in run if isinstance(e, StepFailed)}
        assert begun == ended | broken and not ended & broken
    failed = {e.step for e in engine.events if isinstance(e, StepFailed)}
    (end,) = (e for e in engine.events if isinstance(e, RunEnded))
    assert (end.result == "done") == (end.exit_code == 0) == (not liar.told)
    assert result.exit_code == end.exit_code
    if liar.told:
        assert failed and result.failures
        held = {step.removesuffix("/wait") for step in failed if step.endswith("/wait")}
        for name, component in (stem.split("/", 1) for stem in held):
            node = engine.store.state.node("prod", name)
            assert node is not None
            assert (component in node.pushed) == (result.back is None), "live, and not known to be good"


@settings(max_examples=examples(80), deadline=None)
@given(broken_worlds(), st.data())
def test_of_a_node_that_did_not_answer_nothing_is_said_but_that(
    world: PlanningInput, data: st.DataObject
) -> None:
    machines = world.observed.provider_nodes
    assert isinstance(machines, tuple)
    running = {m.provider_id for m in machines if m.status == "running"}
    up = [n.name for n in world.state.nodes_of("prod") if n.provider_id in running]
    quiet = data.draw(st.lists(st.sampled_from(up), unique=True)) if up else []
    for name in quiet:
        world = silenced(world, name)
    plan = make_plan(world)
    told = dict(plan.not_observed)
    for name in quiet:
        assert told.get(name) == "no answer within 25 s", plan.not_observed
    claimed = {item.node for item in plan.drift} | {step.node for step in plan.steps}
    assert claimed.isdisjoint(quiet)
    if quiet:
        assert plan_code(plan, detailed=True) == drift_code(plan) == 4
        for screen in (plan_text(plan, width=300), drift_text(plan, width=300, color=False)):
            assert all(name in screen for name in quiet), screen
            assert not re.search(r"no drift on \d+ nodes$|all nodes|in sync", screen), screen


def silenced(world: PlanningInput, name: str) -> PlanningInput:
    nodes = {**world.observed.nodes, name: NotObserved(reason="no answer within 25 s")}
    return worlds.replace(world, observed=worlds.replace(world.observed, nodes=nodes))


@pytest.mark.parametrize("spec", [worlds.cluster(3, OLD), worlds.cluster(3, NEW)], ids=["settled", "pending"])
def test_a_machine_that_runs_and_is_silent_is_left_alone_and_the_apply_exits_4(spec: ClusterSpec) -> None:
    """Unreachable is not dead: it is neither started, made again nor worked on, and no generation is finished."""
    cloud, disk = applied(worlds.cluster(3, OLD))
    before = Engine(cloud, disk, spec).store.state.cluster("prod")
    facts = cloud.nodes[2]
    cloud.cut = {facts.hostname}
    engine = Engine(cloud, disk, spec)
    result = engine.apply()
    after = engine.store.state.cluster("prod")
    assert result.exit_code == 4
    assert [name for name, _ in result.last.not_observed] == [facts.hostname]
    assert cloud.nodes[2] == facts
    assert {deed.split()[1] for deed in cloud.deeds} <= {"push"}
    assert before and after and after.generation == before.generation
    cloud.cut = set()
    assert Engine(cloud, disk, spec).apply().exit_code == 0
