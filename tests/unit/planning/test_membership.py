"""Machines: adopted, made again, started, deleted, or left alone."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import ApiEntry, DigitalOceanProvider
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NotObserved, ProviderNode
from dynia.services.actions import DeleteNode, ForgetNode, ProvisionNode, StartNode
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import simulate
from dynia.state.model import Intent, PutIntent, State, change
from tests.plans import worlds
from tests.plans.cases import changed, settled, three

replace = msgspec.structs.replace


def with_machine(world: PlanningInput, ordinal: int, key: str = "ssh-ed25519 AAAA") -> PlanningInput:
    listed = world.observed.provider_nodes
    assert isinstance(listed, tuple)
    made = ProviderNode(
        provider_id=f"box-{ordinal}", name="lost-lynx", ordinal=ordinal, status="running", host_key=key
    )
    return replace(world, observed=replace(world.observed, provider_nodes=(*listed, made)))


def begun(world: PlanningInput, ordinal: int) -> PlanningInput:
    intent = Intent(cluster="prod", step="lost-lynx/create", kind="node", ordinal=ordinal, name="lost-lynx")
    return replace(world, state=change(world.state, PutIntent(intent=intent)))


def created(world: PlanningInput) -> list[tuple[int, str]]:
    actions = [s.action for s in make_plan(world).steps]
    return [(a.ordinal, a.name) for a in actions if isinstance(a, ProvisionNode)]


def test_a_machine_that_a_dead_run_made_is_adopted() -> None:
    world = changed(with_machine(begun(three(), 4), 4), nodes=4)
    assert created(world) == [(4, "lost-lynx")]
    after = simulate(world, make_plan(world))
    assert [n.provider_id for n in after.state.nodes_of("prod")][-1] == "box-4"
    assert after.state.intents == ()


def test_a_create_that_never_arrived_is_begun_again_under_its_own_name_and_ordinal() -> None:
    assert created(changed(begun(three(), 4), nodes=4)) == [(4, "lost-lynx")]


def test_a_machine_whose_host_key_nobody_knows_is_not_trusted() -> None:
    world = changed(with_machine(three(), 4, key=""), nodes=4)
    plan = make_plan(world)
    assert [a for a in created(world) if a[0] == 4] == []
    assert [s.id for s in plan.steps if isinstance(s.action, DeleteNode)] == ["lost-lynx/delete-orphan/box-4"]


def test_a_machine_that_is_not_wanted_is_an_orphan_and_goes() -> None:
    plan = make_plan(with_machine(three(), 9))
    (step,) = plan.steps
    assert isinstance(step.action, DeleteNode) and not step.action.recorded and step.irreversible
    assert [(d.category, d.subject) for d in plan.drift] == [("orphan", "lost-lynx")]


def test_what_a_dead_run_left_is_not_called_drift() -> None:
    assert make_plan(with_machine(begun(three(), 9), 9)).drift == ()


def test_ordinals_are_never_used_again() -> None:
    world = worlds.passes(changed(settled(worlds.cluster(4)), nodes=2))[1]
    assert [ordinal for ordinal, _ in created(changed(world, nodes=3))] == [5]


def test_a_node_that_is_gone_comes_back_under_another_name_in_the_same_pass() -> None:
    world = three()
    name = worlds.node_named(world, 2)
    plan = make_plan(worlds.machine(world, name, None))
    kinds = [type(s.action) for s in plan.steps]
    assert kinds == [ForgetNode, ProvisionNode]
    assert [(d.kind, d.subject) for d in plan.drift] == [("node", name)]


def test_a_node_that_is_off_is_started_and_a_silent_one_left_alone() -> None:
    world = three()
    name = worlds.node_named(world, 3)
    off = make_plan(worlds.machine(world, name, "off"))
    assert [type(s.action) for s in off.steps] == [StartNode]
    assert off.not_observed == ((name, "off at the provider"),)
    quiet = make_plan(worlds.silent(world, name))
    assert quiet.empty and [n for n, _ in quiet.not_observed] == [name]


def test_scaling_down_takes_the_highest_ordinals_but_never_the_holder() -> None:
    world = settled(worlds.cluster(4))
    address = world.state.clusters[0].reserved_ip
    assert address is not None
    holder, old = worlds.node_named(world, 4), worlds.node_named(world, 1)
    world = worlds.with_facts(world, old, lambda f: replace(f, vrrp="BACKUP", addresses=()))
    world = worlds.with_facts(
        world, holder, lambda f: replace(f, vrrp="MASTER", addresses=(address.address,))
    )
    plan = make_plan(changed(world, nodes=2))
    gone = {s.node for s in plan.later if isinstance(s.action, DeleteNode)}
    assert gone == {worlds.node_named(world, 2), worlds.node_named(world, 3)}
    assert plan.effect.moves == 0


def test_a_silent_node_is_not_deleted_and_stays_in_the_configs() -> None:
    world = settled(worlds.cluster(3))
    name = worlds.node_named(world, 3)
    plan = make_plan(changed(worlds.silent(world, name), nodes=2))
    assert plan.empty
    assert [w.subject for w in plan.waiting] == [name]


def test_a_provider_that_does_not_answer_stops_no_repair_and_makes_no_machine() -> None:
    world = three()
    name = worlds.node_named(world, 2)
    world = worlds.with_facts(world, name, worlds.edited("/opt/dynia/haproxy/haproxy.cfg"))
    observed = replace(world.observed, provider_nodes=NotObserved(reason="HTTP 503"))
    plan = make_plan(changed(replace(world, observed=observed), nodes=5))
    assert [s.id for s in plan.steps] == [f"{name}/haproxy/push"]
    assert ("provider", "HTTP 503") in plan.not_observed
    assert [w.subject for w in plan.waiting] == ["provider"]


def test_with_entry_api_a_joining_node_stays_quiet_while_the_holder_is_silent() -> None:
    """The provider names the holder although it does not answer: it hears nothing of a node that its config
    does not name, which would take its role, and the address with it."""
    given = changed(settled(worlds.cluster(2, entry=ApiEntry())), nodes=3)
    first = make_plan(given)
    (joining,) = first.joining
    made = worlds.real(simulate(given, first))
    plan = make_plan(made)
    assert f"{joining}/keepalived/push" in [step.id for step in plan.steps]
    plan = make_plan(worlds.silent(made, first.holder))
    assert f"{joining}/haproxy/push" in [step.id for step in plan.steps]
    assert f"{joining}/keepalived/push" not in [step.id for step in plan.steps]
    assert f"{first.holder} may hold the reserved IP" in reasons(plan)[joining]


def reasons(plan: Plan) -> dict[str, str]:
    return {w.subject: w.reason for w in plan.waiting}


def test_a_cluster_stays_with_the_provider_that_has_its_machines() -> None:
    """Another vendor lists none of them: they would be forgotten, and all be made again."""
    world = three()
    assert world.desired is not None
    moved = replace(world.desired, provider=DigitalOceanProvider(region="fra1"), entry=ApiEntry())
    elsewhere = replace(
        worlds.wanting(world, moved), observed=replace(world.observed, provider_nodes=(), addresses=())
    )
    with pytest.raises(Refused, match="cluster prod is at docker, and the file says digitalocean"):
        make_plan(elsewhere)
    new = replace(elsewhere, state=State(lineage=world.state.lineage))
    assert len(created(new)) == 3
