"""Where what stands at the entrance starts again: the holder goes last, and the address leaves it first, once."""

from __future__ import annotations

import msgspec
import pytest

from dynia.commands.screens.plan import plan_text
from dynia.interfaces.desired import ApiEntry, Rollout
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NodeFacts, UnitSeen
from dynia.services.actions import HandOver, PushComponent
from dynia.services.planning.handing_over import check_entrance, successor
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.serving import find_holder
from dynia.services.planning.simulate import simulate
from dynia.services.planning.way_back import counted_on
from dynia.state.generation import Rollback
from tests.plans import worlds
from tests.plans.templates import SMALL

replace = msgspec.structs.replace
HAPROXY, KEEPALIVED = (
    f"/etc/systemd/system/{unit}.service.d/dynia.conf" for unit in ("haproxy", "keepalived")
)


def settled(nodes: int = 3, **more: object) -> PlanningInput:
    spec = worlds.cluster(nodes, (worlds.service(), worlds.worker()), **more)
    return worlds.passes(replace(worlds.start(spec), templates=SMALL))[1]


def edited(given: PlanningInput, *ordinals: int, paths: tuple[str, ...] = (HAPROXY,)) -> PlanningInput:
    for ordinal in ordinals:
        for path in paths:
            given = worlds.with_facts(given, named(given, ordinal), worlds.edited(path))
    return given


def named(given: PlanningInput, ordinal: int) -> str:
    return worlds.node_named(given, ordinal)


def with_role(given: PlanningInput, ordinal: int, vrrp: str) -> PlanningInput:
    return worlds.with_facts(given, named(given, ordinal), lambda facts: replace(facts, vrrp=vrrp))


def ids(plan: Plan) -> list[str]:
    return [step.id for step in plan.steps]


def moves(plan: Plan) -> list[HandOver]:
    return [s.action for s in plan.steps if isinstance(s.action, HandOver)]


def test_the_holder_hands_over_before_its_haproxy_starts_again_and_goes_last() -> None:
    given = edited(settled(), 1, 2, 3)
    one, two, three = (named(given, n) for n in (1, 2, 3))
    assert find_holder(given) == one
    plan = make_plan(given)
    assert ids(plan) == [
        f"{two}/haproxy/push",
        f"{three}/haproxy/push",
        f"{one}/hand-over",
        f"{one}/haproxy/push",
    ]
    assert [s.after for s in plan.steps[1:]] == [(s.id,) for s in plan.steps[:-1]]
    assert moves(plan) == [HandOver(node=two, source=one, address="198.18.7.5", others=(three,))]
    assert plan.effect.moves == 1 and not plan.effect.interrupts
    said = " ".join(plan_text(plan, width=100).split())
    assert f"~ reserved IP because HAProxy will start again on {one} moves {one} → {two}" in said
    assert "reserved IP moves 1" in said
    end = simulate(given, plan)
    assert find_holder(end) == two and make_plan(end).empty


def test_it_moves_once_however_much_starts_again() -> None:
    given = edited(settled(), 1, paths=(HAPROXY, KEEPALIVED))
    one = named(given, 1)
    plan = make_plan(given)
    assert ids(plan) == [f"{one}/hand-over", f"{one}/haproxy/push", f"{one}/keepalived/push"]
    assert "HAProxy and keepalived will start again" in plan.steps[0].why
    plan = make_plan(edited(settled(), 1, paths=(KEEPALIVED,)))
    assert ids(plan) == [f"{one}/hand-over", f"{one}/keepalived/push"]


def test_a_reload_moves_nothing() -> None:
    paths = ("/opt/dynia/haproxy/haproxy.cfg", "/opt/dynia/keepalived/keepalived.conf")
    plan = make_plan(edited(settled(), 1, 2, 3, paths=paths))
    assert len(plan.steps) == 6 and not moves(plan) and plan.effect.moves == 0


def test_a_node_without_the_address_hands_nothing_over() -> None:
    plan = make_plan(edited(settled(), 2, 3))
    assert len(plan.steps) == 2 and not moves(plan)


def taker(given: PlanningInput) -> str:
    assert given.desired is not None
    nodes = given.state.nodes_of("prod")
    move = successor(given, given.desired, nodes, counted_on(given, given.desired, nodes))
    return move.node if move else ""


def without(given: PlanningInput, ordinal: int, service: str) -> PlanningInput:
    def edit(facts: NodeFacts) -> NodeFacts:
        return replace(
            facts, containers=tuple(c for c in facts.containers if c.project != f"dynia-{service}")
        )

    return worlds.with_facts(given, named(given, ordinal), edit)


def test_the_address_goes_to_the_node_that_serves_most_of_those_that_may_have_it() -> None:
    spec = worlds.cluster(4, (worlds.service(), worlds.service("web")))
    given = worlds.passes(replace(worlds.start(spec), templates=SMALL))[1]
    assert taker(given) == named(given, 2)
    assert taker(without(given, 2, "web")) == named(given, 3)
    assert taker(with_role(given, 2, "FAULT")) == named(given, 3)
    nobody = given
    for ordinal in (2, 3, 4):
        nobody = without(without(nobody, ordinal, "web"), ordinal, "api")
    assert taker(nobody) == ""


def test_a_provider_s_address_goes_to_a_node_that_can_claim_it() -> None:
    given = settled(entry=ApiEntry())
    holder = find_holder(given)
    ordinal = next(n.ordinal for n in given.state.nodes_of("prod") if n.name == holder)
    plan = make_plan(edited(given, ordinal))
    assert moves(plan)[0].claimed and plan.effect.moves == 1
    others = [n.name for n in given.state.nodes_of("prod") if n.name != holder]
    for name in others:
        given = worlds.with_facts(
            given, name, lambda f: replace(f, files=tuple(x for x in f.files if "token" not in x.path))
        )
    plan = make_plan(edited(given, ordinal))
    assert not moves(plan) and plan.effect.interrupts == ("api",)


@pytest.mark.parametrize("trouble", ["silent", "faulty", "two masters"])
def test_where_nobody_could_take_it_the_plan_says_what_is_interrupted(trouble: str) -> None:
    given = edited(settled(rollout=Rollout(max_unavailable=2)), 1)
    if trouble == "silent":
        given = worlds.silent(given, named(given, 3))
    elif trouble == "faulty":
        given = with_role(with_role(given, 2, "FAULT"), 3, "")
    else:
        given = with_role(given, 2, "MASTER")
    plan = make_plan(given)
    assert f"{named(given, 1)}/haproxy/push" in ids(plan) and not moves(plan)
    assert plan.effect.interrupts == ("api",) and plan.effect.moves == 0
    said = " ".join(plan_text(plan, width=120).split())
    assert "INTERRUPTS api: no other node could take the reserved IP now" in said


def test_what_only_a_node_that_leaves_serves_is_interrupted_too() -> None:
    given = edited(with_role(with_role(settled(), 2, "FAULT"), 3, ""), 1)
    assert given.desired is not None
    fewer = worlds.wanting(given, replace(given.desired, nodes=2))
    for ordinal in (1, 2):
        fewer = worlds.with_facts(fewer, named(given, ordinal), lambda f: replace(f, drained=("api",)))
    assert make_plan(fewer).effect.interrupts == ("api",)


def test_on_the_way_back_nothing_is_interrupted_that_nobody_agreed_to() -> None:
    """A rollback that a person asked for says so and asks; the one that an apply begins by itself can't."""
    given = edited(with_role(with_role(settled(), 2, "FAULT"), 3, ""), 1)
    asked = replace(given, rollback=Rollback(to=1))
    assert f"{named(given, 1)}/haproxy/push" in ids(make_plan(asked))
    alone = make_plan(replace(given, rollback=Rollback(to=1, failed=True)))
    assert not alone.effect.interrupts and f"{named(given, 1)}/haproxy/push" not in ids(alone)
    (waits,) = [w for w in alone.waiting if w.subject == named(given, 1)]
    assert waits.final and "HAProxy would start again" in waits.reason
    moved = make_plan(replace(edited(settled(), 1), rollback=Rollback(to=1, failed=True)))
    assert moves(moved) and f"{named(given, 1)}/haproxy/push" in ids(moved)


def test_what_does_not_run_is_not_interrupted() -> None:
    def stopped(facts: NodeFacts) -> NodeFacts:
        units = tuple(
            UnitSeen(name=u.name, active="inactive", enabled="enabled") if u.name == "haproxy.service" else u
            for u in facts.units
        )
        return replace(facts, units=units)

    given = edited(settled(), 1)
    plan = make_plan(worlds.with_facts(given, named(given, 1), stopped))
    assert ids(plan) == [f"{named(given, 1)}/haproxy/push"] and not plan.effect.interrupts


def test_a_push_that_did_not_end_may_start_it_again() -> None:
    given = settled()
    one = named(given, 1)
    plan = make_plan(worlds.with_facts(given, one, lambda f: replace(f, unfinished=("haproxy",))))
    assert ids(plan) == [f"{one}/hand-over", f"{one}/haproxy/activate"]


def test_a_holder_that_serves_nothing_itself_hands_over_after_the_others_had_their_turn() -> None:
    def idle(facts: NodeFacts) -> NodeFacts:
        return replace(facts, containers=tuple(c for c in facts.containers if c.project == "dynia-caddy"))

    given = edited(settled(), 1, 2)
    one, two = named(given, 1), named(given, 2)
    given = worlds.wanting(given, replace(given.desired, rollout=Rollout(max_unavailable=2)))  # type: ignore[type-var]
    plan = make_plan(worlds.with_facts(given, one, idle))
    steps = ids(plan)
    assert (
        steps.index(f"{two}/haproxy/push")
        < steps.index(f"{one}/hand-over")
        < steps.index(f"{one}/haproxy/push")
    )
    move = next(s for s in plan.steps if s.id == f"{one}/hand-over")
    before, todo = set[str](), list(move.after)
    by_id = {s.id: s for s in plan.steps}
    while todo:
        name = todo.pop()
        before.add(name)
        todo += by_id[name].after
    assert f"{two}/haproxy/push" in before


def test_a_holder_that_leads_nobody_to_what_runs_is_mended_at_once_and_handed_over_last() -> None:
    given = edited(settled(), 1, 2)
    one, two = named(given, 1), named(given, 2)
    astray = worlds.with_facts(given, one, lambda facts: replace(facts, routes=("0" * 8,)))
    plan = make_plan(astray)
    assert f"{one}/haproxy/push" not in ids(plan) and f"{two}/haproxy/push" in ids(plan)
    later = [step.id for step in plan.later]
    assert later.index(f"{one}/hand-over") < later.index(f"{one}/haproxy/push")
    _, end = worlds.passes(astray)
    assert make_plan(end).empty


def test_whom_a_holder_that_is_mended_first_hands_it_to_goes_last() -> None:
    given = edited(settled(), 1)
    one, two, three = (named(given, n) for n in (1, 2, 3))
    astray = worlds.with_facts(given, one, lambda facts: replace(facts, routes=("0" * 8,)))
    assert astray.desired is not None
    plan = make_plan(
        worlds.wanting(
            astray, replace(astray.desired, services=(worlds.service(image="a/b:2"), worlds.worker()))
        )
    )
    (move,) = moves(plan)
    assert (move.source, move.node) == (one, two)
    assert plan.order == (one, three, two)


def test_sync_moves_no_address() -> None:
    given = edited(settled(), 1, 2)
    plan = make_plan(given, sync=True)
    assert ids(plan) == [f"{named(given, 2)}/haproxy/push"]
    (waits,) = plan.waiting
    assert waits.subject == named(given, 1) and waits.reason.endswith("needs apply")


@pytest.mark.parametrize("lost", ["the step", "the edge to it", "the order of the taker"])
def test_a_plan_that_would_interrupt_the_holder_is_refused(lost: str) -> None:
    given = edited(settled(), 1, 2)
    assert given.desired is not None
    plan = make_plan(given)
    nodes = given.state.nodes_of("prod")
    now = counted_on(given, given.desired, nodes)
    move = successor(given, given.desired, nodes, now)
    assert move is not None
    assert check_entrance(plan.steps, given, given.desired, now, move) == ()
    steps = list(plan.steps)
    at = next(i for i, s in enumerate(steps) if isinstance(s.action, HandOver))
    culprit = named(given, 1)
    if lost == "the step":
        del steps[at]
    elif lost == "the edge to it":
        steps = [
            replace(s, after=()) if s.node == move.source and isinstance(s.action, PushComponent) else s
            for s in steps
        ]
    else:
        steps[at] = replace(steps[at], after=())
        culprit = named(given, 2)
    with pytest.raises(Refused, match=f"{culprit}/haproxy/push would interrupt {culprit} while it may have"):
        check_entrance(tuple(steps), given, given.desired, now, move)
