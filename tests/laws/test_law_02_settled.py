"""Law 2 on the model of the world: applied passes lead to an empty plan, whatever the world was like."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import MAX_PASSES, make_plan
from tests.examples import examples
from tests.laws.random_worlds import broken_worlds
from tests.plans import worlds


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
def test_passes_lead_to_an_empty_plan(world: PlanningInput) -> None:
    _, end = worlds.passes(world, MAX_PASSES)
    plan = make_plan(end)
    assert plan.empty
    assert not plan.not_observed
    if plan.waiting:
        # Whom a person drained is waited for. Else two nodes each serve alone what the other lacks: only a person
        # can say which may go, and is told last.
        held = plan.waiting if plan.away else plan.waiting[:-1]
        assert held and all("must serve" in w.reason for w in held)
        assert plan.away or "put the former content back" in plan.waiting[-1].reason
        return
    # The model's keepalived does not follow a file that names another address.
    assert [d for d in plan.drift if d.detail != "no node has it"] == []
    assert plan.changes == ()


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
def test_nothing_is_left_that_the_file_does_not_name(world: PlanningInput) -> None:
    _, end = worlds.passes(world, MAX_PASSES)
    spec = end.desired
    assert spec is not None
    nodes = end.state.nodes_of("prod")
    assert len(nodes) == spec.nodes
    machines = end.observed.provider_nodes
    assert isinstance(machines, tuple)
    assert sorted(m.provider_id for m in machines) == sorted(n.provider_id for n in nodes)
    assert len({n.ordinal for n in nodes}) == len(nodes)
    assert end.state.intents == ()
    services = {f"service/{s.name}" for s in spec.services}
    held_back = {w.subject for w in make_plan(end).waiting}
    for node in (n for n in nodes if n.name not in held_back):
        assert {name for name in node.components if name.startswith("service/")} == services
        assert not node.pushed
