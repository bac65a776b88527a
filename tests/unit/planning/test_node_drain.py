"""A node that somebody drains: when it may be, what it is in a plan, and what every other plan makes of it."""

from __future__ import annotations

import msgspec
import pytest

from dynia.commands.screens.drift import drift_text
from dynia.commands.screens.plan import plan_text
from dynia.interfaces.desired import NoEntry, Rollout
from dynia.interfaces.errors import NotObservedError, Refused
from dynia.interfaces.node_requests import LASTING_S, WHOLE_NODE
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import Drain, DrainNode, PushComponent, Undrain, UndrainNode
from dynia.services.planning.by_hand import NodeDrain, Restart
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.serving import serving
from dynia.services.planning.simulate import simulate
from dynia.services.planning.stale import reasons
from tests.plans import worlds
from tests.plans.templates import SMALL

replace = msgspec.structs.replace
SERVICES = (worlds.service(), worlds.service("web"), worlds.worker())


def settled(nodes: int = 3, **more: object) -> PlanningInput:
    spec = worlds.cluster(nodes, SERVICES, **more)
    return worlds.passes(replace(worlds.start(spec), templates=SMALL))[1]


def asked(given: PlanningInput, name: str, *, back: bool = False) -> PlanningInput:
    return replace(given, by_hand=NodeDrain(node=name, back=back))


def drained(given: PlanningInput, name: str) -> PlanningInput:
    def edit(facts: NodeFacts) -> NodeFacts:
        return replace(facts, drained=(*facts.drained, WHOLE_NODE))

    return worlds.with_facts(given, name, edit)


def changed(given: PlanningInput, *services: worlds.Service) -> PlanningInput:
    assert given.desired is not None
    return worlds.wanting(given, replace(given.desired, services=services))


def served_by(given: PlanningInput) -> dict[str, frozenset[str]]:
    assert given.desired is not None
    return serving(given.desired, given.observed, given.state.nodes_of("prod"))


def test_it_is_one_step_that_says_what_it_costs() -> None:
    given = settled()
    name = worlds.node_named(given, 3)
    plan = make_plan(asked(given, name))
    (step,) = plan.steps
    assert isinstance(step.action, DrainNode)
    assert (step.id, step.disturbs, step.action.services) == (f"{name}/drain", ("api", "web"), ("api", "web"))
    assert step.action.lasts_s == LASTING_S and step.action.least == {"api": 2, "web": 2}
    assert sorted(step.action.watch) == sorted(n.name for n in given.state.nodes_of("prod"))
    assert {s.service: s.least for s in plan.effect.serving} == {"api": 2, "web": 2, "mailer": 3}
    assert f"what is open on {name} may end, 30 s at most" in " ".join(plan_text(plan, width=100).split())


def test_then_it_is_so_and_nothing_is_left_to_do_for_anybody() -> None:
    given = settled()
    name = worlds.node_named(given, 3)
    end = simulate(asked(given, name), make_plan(asked(given, name)))
    assert make_plan(end).empty
    assert {s: name in on for s, on in served_by(end).items()} == {"api": False, "web": False, "mailer": True}
    plan = make_plan(replace(end, by_hand=None))
    assert plan.empty and plan.away == (name,) and not plan.drift and not plan.changes
    assert end.state == given.state


def test_undrained_it_is_as_before() -> None:
    given = settled()
    name = worlds.node_named(given, 3)
    away = drained(given, name)
    plan = make_plan(asked(away, name, back=True))
    assert [type(s.action) for s in plan.steps] == [UndrainNode] and not plan.steps[0].disturbs
    assert simulate(asked(away, name, back=True), plan).observed == given.observed
    assert make_plan(asked(given, name, back=True)).empty


def test_a_person_sees_it_in_every_plan_and_report_until_it_ends() -> None:
    given = settled()
    name = worlds.node_named(given, 2)
    away = drained(given, name)
    told = f"Drained by hand: {name} (until `dynia node undrain NAME`)"
    assert told in plan_text(make_plan(away), width=100)
    assert told in plan_text(make_plan(changed(away, worlds.service(config="level = 2\n"))), width=100)
    assert told in drift_text(make_plan(away), width=100, color=False)
    assert "no drift" in drift_text(make_plan(away), width=100, color=False)


def test_an_apply_changes_what_is_on_it_and_lets_nobody_in() -> None:
    given = settled(rollout=Rollout(max_unavailable=2))
    name = worlds.node_named(given, 1)
    away = changed(drained(given, name), worlds.service(config="level = 2\n"), *SERVICES[1:])
    plan = make_plan(away)
    mine = [s.action for s in plan.steps if s.node == name]
    assert any(isinstance(a, PushComponent) for a in mine)
    assert not [a for a in mine if isinstance(a, Drain | Undrain | UndrainNode)]
    assert sum(isinstance(s.action, Undrain) for s in plan.steps) == 2
    _, end = worlds.passes(away)
    assert make_plan(end).away == (name,) and make_plan(end).empty


def test_a_service_that_comes_later_is_drained_there_too() -> None:
    given = settled()
    name = worlds.node_named(given, 3)
    _, end = worlds.passes(changed(drained(given, name), *SERVICES, worlds.service("new")))
    assert served_by(end)["new"] == {worlds.node_named(given, n) for n in (1, 2)}


def test_it_is_counted_out_while_others_change() -> None:
    """Three nodes, one at a time: with one drained none of the other two may be taken out."""
    given = settled()
    name = worlds.node_named(given, 3)
    new = (worlds.service(image="registry.example/api:9"), *SERVICES[1:])
    plan = make_plan(changed(drained(given, name), *new))
    touched = {s.node for s in plan.steps if s.disturbs}
    assert not touched
    assert {w.subject for w in plan.waiting} >= {worlds.node_named(given, n) for n in (1, 2)}
    assert "would leave api on 1 of 3 nodes, and 2 must serve" in plan.waiting[0].reason
    restart = Restart(service="api").begun(given.observed)
    held = make_plan(replace(drained(given, name), by_hand=restart))
    assert {s.node for s in held.steps} == {name} and held.away == (name,)


def test_one_too_many_is_refused_with_what_to_do() -> None:
    given = settled()
    names = [worlds.node_named(given, n) for n in (1, 2, 3)]
    with pytest.raises(Refused) as told:
        make_plan(asked(drained(given, names[1]), names[2]))
    assert told.value.message == (
        f"{names[2]}/drain would leave api on 1 of 3 nodes, and 2 must serve; nothing was touched"
    )
    assert told.value.hint == (
        f"end the drain of {names[1]} (`dynia node undrain {names[1]}`), or bring back the nodes that do not "
        "serve it, or set rollout.max_unavailable to 2"
    )


def test_the_only_node_is_never_drained_and_one_of_two_is() -> None:
    alone = settled(1, entry=NoEntry())
    with pytest.raises(Refused, match="would leave api on 0 of 1 nodes, and 1 must serve") as told:
        make_plan(asked(alone, worlds.node_named(alone, 1)))
    assert told.value.hint == "add a node"
    two = settled(2)
    assert len(make_plan(asked(two, worlds.node_named(two, 2))).steps) == 1


def test_whom_nobody_is_led_to_is_not_counted_on() -> None:
    """The other one's Caddy leads to a release that does not run there."""
    two = settled(2)
    astray = worlds.with_facts(two, worlds.node_named(two, 1), lambda f: replace(f, routes=("0" * 8,)))
    with pytest.raises(Refused, match="would leave api on 0 of 2 nodes"):
        make_plan(asked(astray, worlds.node_named(two, 2)))


def test_one_that_serves_nothing_may_be_drained_whatever_the_others_do() -> None:
    given = settled()
    name = worlds.node_named(given, 3)
    for ordinal in (2, 3):
        one = worlds.node_named(given, ordinal)
        given = worlds.with_facts(
            given, one, lambda f: replace(f, containers=tuple(c for c in f.containers if c.project == "-"))
        )
    (step,) = make_plan(asked(given, name)).steps
    assert isinstance(step.action, DrainNode) and step.disturbs == ()


def test_a_silent_node_is_no_node_to_drain_and_an_unknown_one_is_named() -> None:
    given = settled()
    name = worlds.node_named(given, 3)
    with pytest.raises(NotObservedError, match=r"no answer within 25 s.*nothing was done"):
        make_plan(asked(worlds.silent(given, name), name))
    with pytest.raises(Refused, match="cluster prod has no node nobody") as told:
        make_plan(asked(given, "nobody"))
    assert name in (told.value.hint or "")


def test_a_reviewed_plan_is_stale_once_a_node_is_drained() -> None:
    given = settled()
    name = worlds.node_named(given, 3)
    before, after = make_plan(given), make_plan(drained(given, name))
    assert before.digest != after.digest
    assert reasons(before, after) == (f"{name} is drained by hand now",)
    assert reasons(after, before) == (f"{name} is not drained by hand any more",)
