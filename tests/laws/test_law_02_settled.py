"""Law 2 on the model of the world: applied passes lead to an empty plan, whatever the world was like."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings

from dynia.interfaces.desired import ApiEntry, Entry, NoEntry, VipEntry
from dynia.interfaces.node_requests import WHOLE_NODE
from dynia.interfaces.observed import NodeFacts
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.replacing import PASSES
from tests.examples import examples
from tests.laws.random_worlds import broken_worlds, settled
from tests.plans import worlds

replace = msgspec.structs.replace
HELD = re.compile("must (be seen to )?serve")


def alone_beside_a_drained_one() -> PlanningInput:
    """One node is enough by now; the one that stays a person drained, so the other one serves alone."""
    world = settled(2, 1, NoEntry())
    assert world.desired is not None
    world = worlds.wanting(world, replace(world.desired, nodes=1))
    stays = worlds.node_named(world, 1)
    return worlds.with_facts(world, stays, lambda f: replace(f, drained=(WHOLE_NODE,)))


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
@example(alone_beside_a_drained_one())
def test_passes_lead_to_an_empty_plan(world: PlanningInput) -> None:
    _, end = worlds.passes(world, PASSES)
    plan = make_plan(end)
    assert plan.empty
    assert not plan.not_observed
    if plan.waiting:
        # Whom a person drained is waited for, also by a node that leaves and serves in its place. Else two nodes
        # each serve alone what the other lacks: only a person can say which may go, and is told last.
        held = plan.waiting if plan.away else plan.waiting[:-1]
        assert held and all(HELD.search(w.reason) for w in held)
        assert plan.away or "put the former content back" in plan.waiting[-1].reason
        return
    assert plan.drift == ()
    assert plan.changes == ()


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
@example(alone_beside_a_drained_one())
def test_nothing_is_left_that_the_file_does_not_name(world: PlanningInput) -> None:
    _, end = worlds.passes(world, PASSES)
    spec = end.desired
    assert spec is not None
    nodes = end.state.nodes_of("prod")
    if make_plan(end).away and len(nodes) > spec.nodes:
        # Who leaves serves in the place of one that a person drained, and the plan says so (above).
        return
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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(ApiEntry(), VipEntry(), id="from-a-cloud"),
        pytest.param(VipEntry(), VipEntry(address="198.18.7.77"), id="another-address"),
    ],
)
def test_a_master_has_the_address_that_its_new_config_names(before: Entry, after: Entry) -> None:
    """So keepalived is when it is reloaded. Who else has it then has it by mistake, and gives it up."""
    world = settled(3, 1, before)
    assert world.desired is not None
    _, end = worlds.passes(worlds.wanting(world, replace(world.desired, entry=after)))
    assert make_plan(end).drift == ()
    address = end.state.clusters[0].reserved_ip
    assert address is not None
    backup = next(
        name for name, f in end.observed.nodes.items() if isinstance(f, NodeFacts) and f.vrrp == "BACKUP"
    )
    end = worlds.with_facts(end, backup, lambda f: replace(f, addresses=(*f.addresses, address.address)))
    (split,) = make_plan(end).drift
    assert (split.category, split.remedy) == ("split", f"will be taken off {backup}")
    assert make_plan(worlds.passes(end)[1]).drift == ()
