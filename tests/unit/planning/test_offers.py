"""What the provider would refuse ends the plan before anything is made, and what machines cost is told."""

from __future__ import annotations

import pytest

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.observed import NotObserved, Offer, ProviderNode
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from tests.plans.worlds import cluster, replace, settled, start, wanting

OFFER = Offer(monthly=12.0, room=3, address_room=1)


def offered(given: PlanningInput, offer: Offer | NotObserved) -> PlanningInput:
    return replace(given, observed=replace(given.observed, offer=offer))


def test_new_machines_are_priced_and_deleted_ones_are_saved() -> None:
    assert make_plan(offered(start(cluster(3)), OFFER)).effect.monthly == 36.0
    world = settled(cluster(3))
    paid = {node.provider_id: 12.0 for node in world.state.nodes}
    offer = replace(OFFER, paid=paid)
    assert make_plan(offered(world, offer)).effect.monthly == 0.0
    assert make_plan(offered(wanting(world, cluster(4)), offer)).effect.monthly == 12.0
    assert make_plan(offered(wanting(world, cluster(2)), offer)).effect.monthly == -12.0


def test_a_machine_that_is_adopted_costs_and_needs_nothing_more() -> None:
    given = start(cluster(1))
    there = ProviderNode(
        provider_id="7", name="late-owl", ordinal=1, status="running", private_ip="198.18.0.9", host_key="k"
    )
    world = replace(given, observed=replace(given.observed, provider_nodes=(there,)))
    plan = make_plan(offered(world, Offer(monthly=12.0, room=0, refusal="no more of these")))
    assert plan.effect.monthly == 0.0


@pytest.mark.parametrize(
    ("offer", "said"),
    (
        (replace(OFFER, refusal="size s-9 is unknown"), "size s-9 is unknown"),
        (replace(OFFER, room=2), "makes 3 more machines, and the account may have 2 more"),
        (replace(OFFER, address_room=0), "makes 1 more reserved IPs, and the account may have 0 more"),
    ),
)
def test_what_would_be_refused_ends_the_plan(offer: Offer, said: str) -> None:
    with pytest.raises(DyniaError, match=said):
        make_plan(offered(start(cluster(3)), offer))


def test_what_makes_nothing_asks_for_nothing() -> None:
    world = settled(cluster(3))
    assert make_plan(offered(world, Offer(refusal="size s-9 is unknown", room=0, address_room=0))).empty
    assert make_plan(offered(world, NotObserved(reason="no answer"))).empty


def test_a_foreign_firewall_before_a_machine_of_ours_ends_every_plan_but_a_destroy() -> None:
    world = settled(cluster(3))
    walled = offered(world, replace(OFFER, walls=(("misty-owl", "office"),)))
    with pytest.raises(DyniaError, match="cloud firewall office is before misty-owl"):
        make_plan(walled)
    assert make_plan(wanting(walled, None)).steps
