"""Law 1: the same input gives a byte-identical plan, in whatever order its parts are listed."""

from __future__ import annotations

import random
from typing import TypeVar

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import NodeFacts, Observed, ObservedNode
from dynia.services.planning.digest import sealed
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from tests.examples import examples
from tests.laws.random_worlds import broken_worlds

T = TypeVar("T")
replace = msgspec.structs.replace


def raw(world: PlanningInput) -> bytes:
    return msgspec.json.encode(make_plan(world))


def shuffled(world: PlanningInput, order: random.Random) -> PlanningInput:
    """The same facts, listed otherwise. Order that means something (a service's domains) stays."""

    def mixed(items: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(order.sample(items, len(items)))

    def facts(node: ObservedNode) -> ObservedNode:
        if not isinstance(node, NodeFacts):
            return node
        return replace(
            node,
            files=mixed(node.files),
            units=mixed(node.units),
            containers=mixed(node.containers),
            images=mixed(node.images),
            packages=dict(mixed(tuple(node.packages.items()))),
            secrets=dict(mixed(tuple(node.secrets.items()))),
        )

    def spec(wanted: ClusterSpec) -> ClusterSpec:
        services = tuple(
            replace(s, files=mixed(s.files), containers=mixed(s.containers)) for s in wanted.services
        )
        return replace(wanted, services=mixed(services))

    seen, state = world.observed, world.state
    assert isinstance(seen.provider_nodes, tuple) and isinstance(seen.addresses, tuple)
    return replace(
        world,
        desired=spec(world.desired) if world.desired else None,
        templates=dict(mixed(tuple(world.templates.items()))),
        secrets=dict(mixed(tuple(world.secrets.items()))),
        state=replace(
            state,
            nodes=mixed(state.nodes),
            routes=mixed(state.routes),
            intents=mixed(state.intents),
            deployments=mixed(state.deployments),
            clusters=tuple(replace(c, releases=mixed(c.releases)) for c in state.clusters),
        ),
        observed=Observed(
            nodes={name: facts(node) for name, node in mixed(tuple(seen.nodes.items()))},
            provider_nodes=mixed(seen.provider_nodes),
            addresses=mixed(seen.addresses),
            records=seen.records,
            images=dict(mixed(tuple(seen.images.items()))),
        ),
    )


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds(), st.randoms(use_true_random=False))
def test_input_order_does_not_matter(world: PlanningInput, order: random.Random) -> None:
    assert raw(shuffled(world, order)) == raw(world)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
def test_same_input_same_bytes_and_the_input_is_left_as_it_was(world: PlanningInput) -> None:
    before = msgspec.json.encode(world)
    again = msgspec.json.decode(before, type=PlanningInput)
    assert raw(world) == raw(again)
    assert msgspec.json.encode(world) == before


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
def test_the_digest_covers_the_whole_plan(world: PlanningInput) -> None:
    plan = make_plan(world)
    assert sealed(plan) == plan
    assert sealed(replace(plan, serial=plan.serial + 1)).digest != plan.digest
