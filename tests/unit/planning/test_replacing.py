"""A node is replaced: another machine comes first, and it goes once the others have all that is wanted."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import DigitalOceanProvider, NoEntry, SshProvider
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import Offer
from dynia.services.actions import DeleteNode, HandOver, ProvisionNode, StartNode
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.replacing import leaves_entrance, refuse_replacement
from dynia.services.planning.simulate import allowed_in_preview, simulate
from tests.plans import worlds
from tests.plans.cases import changed, settled, three

replace = msgspec.structs.replace


def replacing(world: PlanningInput, ordinal: int) -> tuple[PlanningInput, str]:
    name = worlds.node_named(world, ordinal)
    return replace(world, replace=name), name


def played(given: PlanningInput) -> tuple[list[Plan], list[str]]:
    plans, after = worlds.passes(given, 8)
    return plans, [node.name for node in after.state.nodes_of("prod")]


def position(plans: list[Plan], step: str) -> tuple[int, int]:
    return next(
        (number, [s.id for s in plan.steps].index(step))
        for number, plan in enumerate(plans)
        if step in [s.id for s in plan.steps]
    )


def test_another_machine_serves_before_the_replaced_one_goes() -> None:
    given, old = replacing(three(), 2)
    plans, left = played(given)
    (new,) = (s.action.name for s in plans[0].steps if isinstance(s.action, ProvisionNode))
    assert old not in left and len(left) == 3 and left[-1] == new
    goes = min(position(plans, f"{old}/keepalived/remove"), position(plans, f"{old}/delete"))
    for step in ("service/api/wait", "haproxy/push", "keepalived/push"):
        assert position(plans, f"{new}/{step}") < goes
    assert sum(isinstance(s.action, DeleteNode) for plan in plans for s in plan.steps) == 1


def test_the_first_plan_shows_all_of_it() -> None:
    given, old = replacing(three(), 3)
    plan = make_plan(given)
    (new,) = plan.joining
    assert [
        (line.sign, line.subject, line.why) for line in plan.changes if line.subject.startswith("node ")
    ] == [
        ("+", f"node {new}", f"because {old} is replaced"),
        ("-", f"node {old}", "because it is replaced"),
    ]
    assert [s.id for s in (*plan.steps, *plan.later) if isinstance(s.action, DeleteNode)] == [f"{old}/delete"]
    assert (plan.effect.serving[0].least, plan.waiting) == (3, ())


def test_the_holder_hands_the_address_over_once_the_others_are_whole() -> None:
    given, old = replacing(three(), 1)
    plans, left = played(given)
    assert old not in left and len(left) == 3
    (moves,) = (s for plan in plans for s in plan.steps if isinstance(s.action, HandOver))
    assert isinstance(moves.action, HandOver) and moves.action.source == old
    new = left[-1]
    assert position(plans, f"{new}/keepalived/push") < position(plans, moves.id)
    assert position(plans, moves.id) < position(plans, f"{old}/keepalived/remove")
    first = make_plan(given)
    assert first.effect.moves == 1
    assert [line.details for line in first.changes if line.subject == "reserved IP"] == [
        (("moves", f"{old} → {moves.action.node}"),)
    ]


def test_the_address_stays_with_a_replaced_holder_while_another_node_lacks_something() -> None:
    given, old = replacing(changed(three(), nodes=2), 1)
    spec, nodes = given.desired, given.state.nodes_of("prod")
    assert spec is not None
    move = HandOver(node=nodes[1].name, source=old, address="", others=(), claimed=False)
    assert leaves_entrance(given, spec, nodes, old, move).steps
    lame = replace(nodes[2], pushed={"service/api": "another"})
    assert leaves_entrance(given, spec, (*nodes[:2], lame), old, move) == Part()


def test_a_holder_that_nobody_can_follow_stays_and_the_plan_says_so() -> None:
    given, old = replacing(three(), 1)
    for ordinal in (2, 3):
        name = worlds.node_named(given, ordinal)
        given = worlds.with_facts(given, name, lambda f: replace(f, vrrp="FAULT"))
    made = worlds.real(simulate(given, make_plan(given)))
    made = worlds.real(simulate(made, make_plan(made)))
    new = made.state.nodes_of("prod")[-1].name
    plan = make_plan(worlds.with_facts(made, new, lambda f: replace(f, vrrp="FAULT")))
    assert not [s for s in (*plan.steps, *plan.later) if isinstance(s.action, HandOver | DeleteNode)]
    assert "another node can take the reserved IP" in {w.subject: w.reason for w in plan.waiting}[old]


def test_a_silent_node_goes_too_for_somebody_said_so() -> None:
    given, old = replacing(three(), 2)
    plans, left = played(worlds.silent(given, old))
    assert old not in left and len(left) == 3
    assert position(plans, f"{old}/delete") > (0, 0)


def test_a_node_that_is_off_is_not_started_for_it() -> None:
    given, old = replacing(three(), 2)
    plans, left = played(worlds.machine(given, old, "off"))
    assert old not in left and len(left) == 3
    assert not [s for plan in plans for s in plan.steps if isinstance(s.action, StartNode)]


def test_a_run_that_was_cut_is_gone_on_with_and_makes_no_second_machine() -> None:
    given, old = replacing(three(), 2)
    made = worlds.real(simulate(given, make_plan(given)))
    assert not [s for s in make_plan(made).steps if isinstance(s.action, ProvisionNode)]
    _, left = played(made)
    assert old not in left and len(left) == 3
    # Without it the newest is one too many.
    _, others = played(replace(made, replace=""))
    assert old in others and len(others) == 3


def test_it_stays_while_another_node_lacks_something_and_the_plan_says_which() -> None:
    given, old = replacing(three(), 2)
    lame = worlds.node_named(given, 3)
    _, left = played(worlds.silent(given, lame))
    assert old in left and len(left) == 4
    waiting = {w.subject: w.reason for w in make_plan(worlds.silent(given, lame)).waiting}
    assert waiting[old] == f"goes once {lame} has all that the file wants"


def test_with_fewer_nodes_wanted_it_is_the_one_that_goes() -> None:
    given, old = replacing(three(), 2)
    plans, left = played(changed(given, nodes=2))
    assert old not in left and len(left) == 2
    assert not [s for plan in plans for s in plan.steps if isinstance(s.action, ProvisionNode)]


def test_who_is_no_node_and_hosts_of_ones_own_are_refused() -> None:
    world = three()
    assert world.desired is not None
    with pytest.raises(Refused, match="has no node nobody"):
        refuse_replacement(world.state, world.desired, "nobody")
    hosts = replace(world.desired, provider=SshProvider())
    with pytest.raises(Refused, match="machines of your own"):
        refuse_replacement(world.state, hosts, worlds.node_named(world, 1))


SMALL = DigitalOceanProvider(region="lon1")
LARGE = DigitalOceanProvider(region="lon1", size="s-2vcpu-4gb")


def droplets(**more: object) -> PlanningInput:
    return settled(worlds.cluster(3, provider=SMALL, entry=NoEntry(), **more))


def test_another_size_in_the_file_replaces_one_machine_after_the_other() -> None:
    world = droplets()
    old = [worlds.node_named(world, n) for n in (1, 2, 3)]
    given = changed(world, provider=LARGE)
    plans, after = worlds.passes(given, 24)
    nodes = after.state.nodes_of("prod")
    assert len(nodes) == 3 and not {n.name for n in nodes}.intersection(old)
    assert {n.order for n in nodes} == {"s-2vcpu-4gb debian-13-x64"}
    there, most, made = 3, 3, 0
    for step in (s for plan in plans for s in plan.steps):
        made += isinstance(step.action, ProvisionNode)
        there += isinstance(step.action, ProvisionNode) - isinstance(step.action, DeleteNode)
        most = max(most, there)
        assert there >= 3
    assert (most, made) == (4, 3)
    first = make_plan(given)
    deleted = [s.node for s in (*first.steps, *first.later) if isinstance(s.action, DeleteNode)]
    assert deleted == old, "the first plan shows all of it"
    assert (
        first.changes[0].why
        == f"because {old[0]} is of s-1vcpu-1gb debian-13-x64, and the file says s-2vcpu-4gb debian-13-x64"
    )


def test_a_machine_of_which_nobody_knows_what_was_ordered_stays() -> None:
    world = droplets()
    nodes = tuple(replace(n, order="") for n in world.state.nodes)
    plan = make_plan(changed(replace(world, state=replace(world.state, nodes=nodes)), provider=LARGE))
    assert not [s for s in plan.steps if isinstance(s.action, ProvisionNode | DeleteNode)]


def test_a_silent_machine_of_another_size_is_left_alone() -> None:
    """Be it that one is to go: that is another one then."""
    world = droplets()
    silent = worlds.node_named(world, 1)
    nodes = tuple(replace(n, order="" if n.name != silent else n.order) for n in world.state.nodes)
    world = worlds.silent(replace(world, state=replace(world.state, nodes=nodes)), silent)
    for count, goes in ((3, []), (2, [worlds.node_named(world, 3)])):
        plan = make_plan(changed(world, provider=LARGE, nodes=count))
        steps = (*plan.steps, *plan.later)
        assert not [s for s in steps if isinstance(s.action, ProvisionNode)]
        assert [s.node for s in steps if isinstance(s.action, DeleteNode)] == goes


def test_the_account_needs_room_for_one_machine_more_and_not_for_all() -> None:
    given = changed(droplets(), provider=LARGE)
    roomy = replace(given, observed=replace(given.observed, offer=Offer(room=1)))
    assert len([s for s in make_plan(roomy).later if isinstance(s.action, DeleteNode)]) == 3
    full = replace(given, observed=replace(given.observed, offer=Offer(room=0)))
    with pytest.raises(DyniaError, match="may have 0 more"):
        make_plan(full)


def test_an_address_that_moved_by_itself_since_is_handed_over_as_was_shown() -> None:
    given, _ = replacing(three(), 1)
    shown = make_plan(given)
    (move,) = (s for s in shown.later if isinstance(s.action, HandOver))
    moved = replace(move, id="another/hand-over", node="another")
    assert allowed_in_preview(moved, shown)
    assert not allowed_in_preview(moved, make_plan(replacing(three(), 2)[0])), "it was to stay where it is"
