"""Nodes that somebody reboots: order, handover, drains and gates are those of a rollout."""

from __future__ import annotations

import msgspec
import pytest

from dynia.commands.screens.plan import plan_text
from dynia.interfaces.desired import ApiEntry, NoEntry, Rollout
from dynia.interfaces.errors import NotObservedError, Refused
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import HandOver, RebootNode, WaitHealthy
from dynia.services.planning.by_hand import Reboot
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.serving import find_holder
from dynia.services.planning.simulate import simulate
from tests.plans import worlds
from tests.plans.templates import SMALL

replace = msgspec.structs.replace
SERVICES = (worlds.service(), worlds.worker())


def settled(nodes: int = 3, **more: object) -> PlanningInput:
    spec = worlds.cluster(nodes, SERVICES, **more)
    return worlds.passes(replace(worlds.start(spec), templates=SMALL))[1]


def asked(given: PlanningInput, node: str = "", *, os_updates: bool = False) -> PlanningInput:
    wish = Reboot(node=node, os_updates=os_updates).begun(given.observed)
    return replace(given, by_hand=wish)


def named(given: PlanningInput, ordinal: int) -> str:
    return worlds.node_named(given, ordinal)


def ids(plan: Plan) -> list[str]:
    return [step.id for step in plan.steps]


def idle(given: PlanningInput, ordinal: int) -> PlanningInput:
    return worlds.with_facts(given, named(given, ordinal), lambda facts: replace(facts, containers=()))


def test_a_node_is_drained_and_serves_again_before_visitors_come_back() -> None:
    given = settled()
    two = named(given, 2)
    plan = make_plan(asked(given, two))
    assert ids(plan) == [
        f"{two}/{deed}" for deed in ("drain", "reboot", "service/api/wait", "service/mailer/wait", "undrain")
    ]
    assert [s.after for s in plan.steps[1:]] == [(s.id,) for s in plan.steps[:-1]]
    reboot = plan.steps[1]
    assert isinstance(reboot.action, RebootNode)
    assert (reboot.action.boot, reboot.action.os_updates) == ("boot-1", False)
    assert {"haproxy.service", "keepalived.service", "docker.service"} <= set(reboot.action.units)
    assert reboot.disturbs == ("api", "mailer") and plan.effect.moves == 0
    assert {s.service: s.least for s in plan.effect.serving} == {"api": 2, "mailer": 2}
    said = " ".join(plan_text(plan, width=100).split())
    assert f"~ reboot on {two} because somebody asked for it" in said


def test_all_of_them_go_in_turn_and_the_holder_hands_over_and_goes_last() -> None:
    given = settled()
    one, two, three = (named(given, n) for n in (1, 2, 3))
    plan = make_plan(asked(given))
    assert plan.order == (two, three, one) and plan.effect.moves == 1
    assert [s.node for s in plan.steps if isinstance(s.action, RebootNode)] == [two, three, one]
    turn = [s for s in plan.steps if s.node == one]
    assert isinstance(turn[0].action, HandOver) and turn[0].why == f"because {one} will reboot"
    assert turn[0].after == (f"{three}/undrain",)
    end = simulate(asked(given), plan)
    assert find_holder(end) == two and make_plan(end).empty
    assert make_plan(replace(end, by_hand=None)).empty and end.state == given.state


def test_who_has_been_rebooted_since_it_was_asked_for_is_left_alone() -> None:
    given = asked(settled())
    two = named(given, 2)
    since = worlds.with_facts(given, two, lambda facts: replace(facts, boot_id="boot-2"))
    assert two not in {s.node for s in make_plan(since).steps}
    again = replace(since, by_hand=Reboot(node=two).begun(since.observed))
    assert f"{two}/reboot" in ids(make_plan(again))


def test_updates_come_before_it_and_the_plan_says_so() -> None:
    given = settled()
    plan = make_plan(asked(given, named(given, 2), os_updates=True))
    (reboot,) = (s for s in plan.steps if isinstance(s.action, RebootNode))
    assert isinstance(reboot.action, RebootNode) and reboot.action.os_updates
    assert reboot.action.sentence() == "update its packages and reboot"
    assert "before apt-get dist-upgrade" in " ".join(plan_text(plan, width=100).split())
    drain = next(s.action for s in plan.steps if s.id.endswith("/drain"))
    assert drain.lasts_s > reboot.deadline_s  # type: ignore[union-attr]


def test_the_gate_asks_for_what_is_applied_whatever_the_file_says_by_now() -> None:
    given = settled()
    two = named(given, 2)
    before = next(s.action for s in make_plan(asked(given, two)).steps if isinstance(s.action, WaitHealthy))
    new = (worlds.service(image="registry.example/api:9"), SERVICES[1])
    assert given.desired is not None
    after = make_plan(asked(worlds.wanting(given, replace(given.desired, services=new)), two))
    gate = next(s.action for s in after.steps if isinstance(s.action, WaitHealthy))
    assert gate == before and gate.header and not gate.records


def test_what_was_not_well_before_is_not_waited_for() -> None:
    given = settled()
    two = named(given, 2)

    def sick(facts: NodeFacts) -> NodeFacts:
        those = tuple(
            replace(c, health="unhealthy") if c.project == "dynia-api" else c for c in facts.containers
        )
        return replace(facts, containers=those)

    plan = make_plan(asked(worlds.with_facts(given, two, sick), two))
    assert f"{two}/service/mailer/wait" in ids(plan) and f"{two}/service/api/wait" not in ids(plan)


def test_those_that_serve_nothing_go_one_after_the_other_too() -> None:
    given = settled(5, rollout=Rollout(max_unavailable=4))
    for ordinal in (2, 4):
        given = idle(given, ordinal)
    plan = make_plan(asked(given))
    reboots = [s for s in plan.steps if isinstance(s.action, RebootNode)]
    assert [s.node for s in reboots][:2] == [named(given, 2), named(given, 4)]
    first, second = reboots[:2]
    assert not first.after and second.after == (first.id,)
    serving = [s for s in plan.steps if s.node in plan.order]
    assert serving[0].after == (second.id,)


def test_what_would_leave_too_few_waits_and_says_why() -> None:
    given = idle(settled(), 3)
    plan = make_plan(asked(given, named(given, 2)))
    assert not plan.steps
    assert "would leave api, mailer on 1 of 3 nodes, and 2 must serve" in plan.waiting[0].reason


def test_the_only_node_is_interrupted_and_so_is_a_holder_whom_nobody_relieves() -> None:
    alone = settled(1, entry=NoEntry())
    assert make_plan(asked(alone)).effect.interrupts == ("api", "mailer")
    given = settled()
    for ordinal in (2, 3):
        given = worlds.with_facts(given, named(given, ordinal), lambda facts: replace(facts, vrrp="FAULT"))
    plan = make_plan(asked(given, named(given, 1)))
    assert plan.effect.interrupts == ("api",) and plan.effect.moves == 0
    assert not make_plan(asked(given, named(given, 2))).effect.interrupts


def test_where_the_provider_moves_the_address_it_moves_before_the_reboot() -> None:
    given = settled(entry=ApiEntry())
    plan = make_plan(asked(given, find_holder(given)))
    assert isinstance(plan.steps[0].action, HandOver) and plan.steps[0].action.claimed
    end = simulate(asked(given, find_holder(given)), plan)
    assert find_holder(end) != find_holder(given) and make_plan(replace(end, by_hand=None)).empty


def test_a_silent_node_is_refused_by_name_and_told_of_where_all_are_asked_for() -> None:
    given = worlds.silent(settled(), named(settled(), 3))
    with pytest.raises(NotObservedError, match="does not answer"):
        make_plan(asked(given, named(given, 3)))
    with pytest.raises(Refused, match="has no node nobody"):
        make_plan(asked(given, "nobody"))
    plan = make_plan(asked(given))
    assert plan.not_observed == ((named(given, 3), "no answer within 25 s"),)
