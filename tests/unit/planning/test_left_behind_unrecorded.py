"""What a push left on a node whose answer was lost, once the file has changed its mind: seen there, so taken away."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import NoEntry, VipEntry
from dynia.interfaces.observed import ContainerSeen, NodeFacts
from dynia.services.actions import RemoveComponent
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import apply_steps, rendered_for
from tests.plans import worlds

replace = msgspec.structs.replace
API, WEB = worlds.service(), worlds.service("web")


def pushed_and_not_heard_of(given: PlanningInput, kind: str) -> PlanningInput:
    """The push of one component reached one node; the state knows nothing of it."""
    steps = tuple(s for s in make_plan(given).steps if s.id.endswith(f"/{kind}/push"))[:1]
    assert steps, kind
    after = apply_steps(given, steps, rendered_for(given))
    return replace(worlds.real(after), state=given.state)


def removed(given: PlanningInput) -> list[str]:
    steps = [s for plan in worlds.passes(given)[0] for s in plan.steps]
    return [s.action.component for s in steps if isinstance(s.action, RemoveComponent)]


@pytest.mark.parametrize("kind", ["service/web", "keepalived"])
def test_what_is_on_a_node_and_in_no_state_is_taken_away(kind: str) -> None:
    before = worlds.cluster(2, (API,), entry=NoEntry())
    after = worlds.cluster(2, (API, WEB), entry=VipEntry(address="198.18.7.5"))
    given = worlds.wanting(worlds.settled(before), after)
    taken = make_plan(given)
    given = worlds.real(apply_steps(given, taken.steps, rendered_for(given)))
    given = worlds.wanting(pushed_and_not_heard_of(given, kind), before)
    assert kind in removed(given)
    _, end = worlds.passes(given)
    for facts in end.observed.nodes.values():
        assert isinstance(facts, NodeFacts)
        assert not facts.vrrp
        assert not [c for c in facts.containers if c.project == "dynia-web"]


def test_containers_that_dynia_did_not_make_stay() -> None:
    given = worlds.settled(worlds.cluster(1, (API,), entry=NoEntry()))
    theirs = ContainerSeen(id="x", name="x", image="", state="running", project="dynia-other")
    given = worlds.with_facts(
        given, worlds.node_named(given, 1), lambda f: replace(f, containers=(*f.containers, theirs))
    )
    assert make_plan(given).empty
