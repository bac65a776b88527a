"""A rollback on whatever day it is: edits by hand, lost machines, applies that were cut short. Only releases change."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dynia.interfaces.desired import ClusterSpec, Entry, Ssh
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import HandOver
from dynia.services.planning.addresses import PENDING
from dynia.services.planning.generations import Inputs, inputs_of, on_today
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan, make_plan_with_recipes
from dynia.services.planning.restrict import CLOUD
from dynia.state.generation import Rollback
from tests.examples import examples
from tests.laws.random_worlds import broken_worlds, specs
from tests.plans import worlds
from tests.plans.templates import SMALL


def kept(nodes: int, services: int, entry: Entry) -> Inputs:
    offered = (worlds.service(config="level = 1\n"), worlds.service("web"), worlds.worker())
    spec = worlds.cluster(nodes, offered[:services], entry=entry)
    return inputs_of(worlds.start(spec), spec)


def back(world: PlanningInput, then: Inputs, today: Inputs) -> PlanningInput:
    """The same world, seen by a run that is to bring `then` back."""
    wanted = on_today(then, today, 1, "", world.state.nodes_of("prod"), Ssh())
    given = worlds.wanting(world, wanted.spec)
    observed = replace(given.observed, images=wanted.images)
    return replace(given, observed=observed, templates=SMALL, rollback=Rollback(to=1))


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds(), specs(), st.integers(0, 3))
def test_only_releases_change_and_only_on_nodes_that_there_are(
    world: PlanningInput, today: ClusterSpec, services: int
) -> None:
    """Law 5 is the planner's own: it raises where a plan would go below."""
    home = world.state.cluster("prod")
    assume(home is not None and home.reserved_ip is not None and world.state.nodes_of("prod"))
    newest = inputs_of(worlds.start(today), today)
    then = kept(3, services, newest.spec.entry)
    given = back(world, then, newest)
    plan, recipes = make_plan_with_recipes(given)
    steps = (*plan.steps, *plan.later)
    # What starts again on the holder does so without the address, there and back.
    made = (step for step in steps if not isinstance(step.action, HandOver))
    assert not [step.id for step in made if isinstance(step.action, CLOUD)]
    names = {node.name for node in world.state.nodes_of("prod")}
    answered = {n for n in names if isinstance(world.observed.nodes.get(n), NodeFacts)}
    assert {step.node for step in steps} <= answered
    files = (f for of in recipes.values() for one in of.values() for f in one.release.files)
    assert not [f.path for f in files if PENDING.encode() in f.content]


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds(), st.integers(0, 3))
def test_it_ends_with_every_node_that_answers_on_what_it_was(world: PlanningInput, services: int) -> None:
    home = world.state.cluster("prod")
    assume(home is not None and home.reserved_ip is not None and world.state.nodes_of("prod"))
    assert world.desired is not None
    today = inputs_of(world, world.desired)
    then = kept(3, services, world.desired.entry)
    given = back(world, then, today)
    _, end = worlds.passes(given)
    last = make_plan(end)
    assert last.empty
    assume(not last.waiting and not last.not_observed)
    wanted = {f"service/{s.name}" for s in then.spec.services}
    releases = [
        {name: node.components[name] for name in node.components if name.startswith("service/")}
        for node in end.state.nodes_of("prod")
    ]
    assert all(set(found) == wanted for found in releases)
    assert all(found == releases[0] for found in releases)
    assert not [node for node in end.state.nodes_of("prod") if node.pushed]
    # Whoever applies the same services finds nothing to do there.
    (newest,) = end.state.clusters
    assert newest.rollback is None and newest.generations[-1].of in (0, 1)


def test_where_the_address_is_gone_it_is_refused() -> None:
    world = worlds.settled(worlds.cluster())
    (home,) = world.state.clusters
    bare = replace(world, state=replace(world.state, clusters=(replace(home, reserved_ip=None),)))
    then = kept(3, 1, worlds.cluster().entry)
    with pytest.raises(Refused, match="there is none any more"):
        make_plan(back(bare, then, then))
