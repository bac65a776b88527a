"""A node that is to have the reserved IP: one step, and only where it is known who would get it."""

from __future__ import annotations

import msgspec
import pytest

from dynia.commands.screens.plan import plan_text
from dynia.interfaces.desired import ApiEntry, NoEntry
from dynia.interfaces.errors import DyniaError, NotObservedError, Refused
from dynia.interfaces.observed import NodeFacts, NotObserved
from dynia.services.actions import HandOver
from dynia.services.planning.by_hand import Promote
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.serving import find_holder
from dynia.services.planning.simulate import simulate
from tests.plans import worlds
from tests.plans.templates import SMALL

replace = msgspec.structs.replace
ADDRESS = "198.18.7.5"


def settled(nodes: int = 3, **more: object) -> PlanningInput:
    spec = worlds.cluster(nodes, (worlds.service(),), **more)
    return worlds.passes(replace(worlds.start(spec), templates=SMALL))[1]


def asked(given: PlanningInput, name: str) -> PlanningInput:
    return replace(given, by_hand=Promote(node=name))


def named(given: PlanningInput, ordinal: int) -> str:
    return worlds.node_named(given, ordinal)


def with_role(given: PlanningInput, ordinal: int, vrrp: str, *addresses: str) -> PlanningInput:
    def edit(facts: NodeFacts) -> NodeFacts:
        return replace(facts, vrrp=vrrp, addresses=addresses)

    return worlds.with_facts(given, named(given, ordinal), edit)


def test_it_is_one_step_in_which_the_others_say_nothing_and_the_address_moves_once() -> None:
    given = settled()
    one, two, three = (named(given, n) for n in (1, 2, 3))
    plan = make_plan(asked(given, three))
    (step,) = plan.steps
    assert step.action == HandOver(node=three, source=one, address=ADDRESS, others=(two,))
    assert (step.node, step.disturbs, plan.holder, plan.effect.moves) == (three, (), one, 1)
    assert [(s.service, s.least) for s in plan.effect.serving] == [("api", 3)]
    said = " ".join(plan_text(plan, width=100).split())
    assert f"~ reserved IP because somebody asked for it moves {one} → {three}" in said
    assert "reserved IP moves 1" in said


def test_then_it_is_so_and_nobody_has_anything_left_to_do() -> None:
    given = settled()
    end = simulate(asked(given, named(given, 3)), make_plan(asked(given, named(given, 3))))
    assert find_holder(end) == named(given, 3)
    assert make_plan(end).empty and make_plan(replace(end, by_hand=None)).empty
    assert end.state == given.state
    again = asked(end, named(given, 1))
    assert find_holder(simulate(again, make_plan(again))) == named(given, 1)


def test_where_the_provider_moves_the_address_the_old_holder_serves_until_it_has() -> None:
    given = settled(entry=ApiEntry())
    nodes = given.state.nodes_of("prod")
    holder = find_holder(given)
    target = next(n.name for n in nodes if n.name != holder)
    plan = make_plan(asked(given, target))
    assert isinstance(plan.steps[0].action, HandOver) and plan.steps[0].action.claimed
    end = simulate(asked(given, target), plan)
    assert find_holder(end) == target and make_plan(replace(end, by_hand=None)).empty


def silent(given: PlanningInput) -> PlanningInput:
    return worlds.silent(given, named(given, 2))


def two_masters(given: PlanningInput) -> PlanningInput:
    return with_role(given, 2, "MASTER", ADDRESS)


def nobody(given: PlanningInput) -> PlanningInput:
    return with_role(with_role(with_role(given, 1, ""), 2, ""), 3, "")


def faulty(given: PlanningInput) -> PlanningInput:
    return with_role(given, 3, "FAULT")


@pytest.mark.parametrize(
    ("trouble", "kind", "said"),
    [
        (silent, NotObservedError, "does not answer"),
        (two_masters, Refused, "is split: .* are both MASTER; nothing was done"),
        (nobody, Refused, "nobody has the reserved IP"),
        (faulty, Refused, "could not take the reserved IP: keepalived there is FAULT"),
    ],
)
def test_it_is_refused_where_it_could_go_elsewhere(
    trouble: object, kind: type[DyniaError], said: str
) -> None:
    given = trouble(settled())  # type: ignore[operator]
    with pytest.raises(kind, match=said):
        make_plan(asked(given, named(given, 3)))


def test_a_stranger_and_a_cluster_without_an_address_are_refused() -> None:
    with pytest.raises(Refused, match="cluster prod has no node nobody"):
        make_plan(asked(settled(), "nobody"))
    without = settled(entry=NoEntry())
    with pytest.raises(Refused, match="no reserved IP that could move"):
        make_plan(asked(without, named(without, 2)))


def test_a_node_that_can_not_claim_it_and_a_provider_that_says_nothing_are_refused() -> None:
    given = settled(entry=ApiEntry())
    target = next(n.name for n in given.state.nodes_of("prod") if n.name != find_holder(given))
    blind = replace(given, observed=replace(given.observed, addresses=NotObserved(reason="no answer")))
    with pytest.raises(NotObservedError, match="provider does not tell"):
        make_plan(asked(blind, target))
    without = worlds.with_facts(
        given, target, lambda f: replace(f, files=tuple(x for x in f.files if "token" not in x.path))
    )
    with pytest.raises(Refused, match="could not claim the reserved IP") as told:
        make_plan(asked(without, target))
    assert "DYNIA_FAILOVER_TOKEN" in (told.value.hint or "")
