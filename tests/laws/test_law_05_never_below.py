"""Law 5: a serving node is taken out only while enough others serve, in every order that the plan allows."""

from __future__ import annotations

from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.desired import ApiEntry, NoEntry, Rollout, VipEntry
from dynia.interfaces.errors import NotObservedError, Refused
from dynia.interfaces.node_requests import WHOLE_NODE
from dynia.interfaces.observed import NodeFacts, NotObserved
from dynia.services.actions import Drain, HandOver, PushComponent, RecordComponent, Undrain
from dynia.services.planning.by_hand import NodeDrain, Restart
from dynia.services.planning.check import check_serving, floor, worst_at_once, worst_out
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Step
from dynia.services.planning.planner import make_plan
from dynia.services.planning.serving import find_holder, serving
from dynia.services.planning.simulate import simulate
from dynia.services.planning.turn import component
from dynia.state.model import SetReservedIp, change
from tests.examples import examples
from tests.laws.orders import least_serving, most_at_once, only_nodes, taking_below
from tests.plans import worlds
from tests.plans.templates import SMALL

replace = msgspec.structs.replace
TROUBLES = (
    "none",
    "none",
    "none",
    "silent",
    "container gone",
    "unhealthy",
    "caddy gone",
    "edited",
    "drained",
    "drained by hand",
)


@cache
def settled(nodes: int) -> PlanningInput:
    spec = worlds.cluster(nodes, (worlds.service(), worlds.service("web")))
    return worlds.passes(replace(worlds.start(spec), templates=SMALL))[1]


def with_trouble(given: PlanningInput, ordinal: int, trouble: str) -> PlanningInput:
    name = worlds.node_named(given, ordinal)
    if trouble == "silent":
        return worlds.silent(given, name)
    if trouble == "edited":
        return worlds.with_facts(given, name, worlds.edited("/opt/dynia/caddy/compose.yaml"))

    def edit(facts: NodeFacts) -> NodeFacts:
        containers = facts.containers
        if trouble == "container gone":
            containers = tuple(c for c in containers if c.project != "dynia-api")
        if trouble == "caddy gone":
            containers = tuple(c for c in containers if c.project != "dynia-caddy")
        if trouble == "unhealthy":
            containers = tuple(
                replace(c, health="unhealthy") if c.project == "dynia-api" else c for c in containers
            )
        drained = {"drained": ("api",), "drained by hand": (WHOLE_NODE,)}.get(trouble, ())
        return replace(facts, containers=containers, drained=drained)

    return worlds.with_facts(given, name, edit)


@st.composite
def clusters(draw: st.DrawFn, *, by_hand: bool = True) -> PlanningInput:
    """Settled clusters with troubles, and changes that go over all nodes; or what somebody asks for `by_hand`."""
    nodes = draw(st.integers(1, 5))
    given = settled(nodes)
    for ordinal in range(1, nodes + 1):
        given = with_trouble(given, ordinal, draw(st.sampled_from(TROUBLES)))
    assert given.desired is not None
    asked = ("restart",) if by_hand else ()
    changed = draw(st.sampled_from(("nothing", "api", "both", "caddy", *asked)))
    new = "registry.example/api:1.9"
    services = (
        worlds.service(image=new) if changed in ("api", "both") else worlds.service(),
        worlds.service("web", image=new) if changed == "both" else worlds.service("web"),
    )
    spec = replace(
        given.desired,
        services=services,
        caddy_image="registry.example/caddy:9" if changed == "caddy" else "",
        rollout=Rollout(
            max_unavailable=draw(st.integers(1, max(1, nodes - 1))),
            canary=draw(st.booleans()),
            monitor=draw(st.sampled_from((0.0, 5.0))),
        ),
    )
    wish = Restart(service="api").begun(given.observed) if changed == "restart" else None
    return replace(worlds.wanting(given, spec), by_hand=wish)


@settings(max_examples=examples(150), deadline=None)
@given(clusters())
def test_what_the_planner_computes_is_the_worst_of_all_orders(given: PlanningInput) -> None:
    spec = given.desired
    assert spec is not None
    plan = make_plan(given)
    now = serving(spec, given.observed, given.state.nodes_of("prod"))
    servers = frozenset(name for names in now.values() for name in names)
    found = check_serving(plan.steps, now, spec.nodes, spec.rollout.max_unavailable)
    ordered = only_nodes(plan.steps, servers)
    oracle = least_serving(ordered, now)
    assert {s.service: s.least for s in found} == oracle
    assert worst_at_once(plan.steps) == most_at_once(ordered)
    least = floor(spec.nodes, spec.rollout.max_unavailable)
    for service, count in oracle.items():
        assert count >= least or count == len(now[service])


@settings(max_examples=examples(60), deadline=None)
@given(clusters())
def test_a_node_is_out_from_the_beginning_of_its_drain_to_the_end_of_it(given: PlanningInput) -> None:
    """And what visitors are kept away for comes in between. One that does not serve is not out any more than it
    was, but its containers may come and go."""
    plan = make_plan(given)
    assert given.desired is not None
    now = serving(given.desired, given.observed, given.state.nodes_of("prod"))
    for steps in (plan.steps, plan.later):
        ends = {s.undoes: s for s in steps if s.undoes}
        for n, drain in enumerate(steps):
            if not isinstance(drain.action, Drain):
                continue
            end = ends[drain.id]
            assert isinstance(end.action, Undrain)
            services = set(drain.action.services)
            assert set(drain.disturbs) <= services <= set(end.action.services)
            if steps is plan.steps:
                assert set(drain.disturbs) == {name for name in services if drain.node in now[name]}
            turn = [s for s in steps[n + 1 : steps.index(end)] if s.node == drain.node]
            out = [s for s in turn if s.disturbs]
            assert {s.settles for s in out} == ({end.id} if drain.disturbs else set())
            assert {name for s in out for name in s.disturbs} == set(drain.disturbs)
            worked = {component(s).removeprefix("service/") for s in turn}
            assert services - set(drain.disturbs) <= worked


@settings(max_examples=examples(100), deadline=None)
@given(clusters(by_hand=False), st.integers(1, 5))
def test_a_node_is_drained_by_hand_only_while_enough_others_serve(given: PlanningInput, ordinal: int) -> None:
    spec = given.desired
    assert spec is not None
    nodes = given.state.nodes_of("prod")
    name = nodes[min(ordinal, len(nodes)) - 1].name
    now = serving(spec, given.observed, nodes)
    least = max(1, floor(spec.nodes, spec.rollout.max_unavailable))
    enough = all(len(on - {name}) >= least for on in now.values() if name in on)
    asked = replace(given, by_hand=NodeDrain(node=name))
    try:
        plan = make_plan(asked)
    except NotObservedError:
        assert not isinstance(given.observed.nodes[name], NodeFacts)
        return
    except Refused:
        assert not enough
        return
    assert enough
    end = simulate(asked, plan)
    after = serving(spec, end.observed, nodes)
    assert all(after[service] == on - {name} for service, on in now.items())
    assert make_plan(end).empty and name in make_plan(end).away


@settings(max_examples=examples(60), deadline=None)
@given(clusters(by_hand=False))
def test_a_node_that_serves_nothing_is_always_worked_on(given: PlanningInput) -> None:
    spec = given.desired
    assert spec is not None
    now = serving(spec, given.observed, given.state.nodes_of("prod"))
    servers = {name for names in now.values() for name in names}
    waiting = {w.subject for w in make_plan(given).waiting}
    observed = {n for n, f in given.observed.nodes.items() if isinstance(f, NodeFacts)}
    assert waiting <= servers or not waiting & (observed - servers)


@settings(max_examples=examples(150), deadline=None)
@given(clusters(), st.data())
def test_a_plan_whose_rule_is_broken_is_refused_by_the_step_that_would_do_it(
    given: PlanningInput, data: st.DataObject
) -> None:
    """The planner's own plans without some edges between nodes, or with nodes that are believed too early."""
    spec = given.desired
    assert spec is not None
    now = serving(spec, given.observed, given.state.nodes_of("prod"))
    servers = frozenset(name for names in now.values() for name in names)
    steps = only_nodes(make_plan(given).steps, servers)
    nodes = {s.id: s.node for s in steps}
    disturbing = [s for s in steps if s.disturbs]
    if not disturbing:
        return
    several = st.lists(st.sampled_from(disturbing), max_size=4)
    loose = {s.id for s in data.draw(several.filter(bool))}
    hasty = {s.node for s in data.draw(several)}
    broken = []
    for one in steps:
        own = tuple(name for name in one.after if nodes[name] == one.node)
        one = replace(one, after=own) if one.id in loose else one
        broken.append(replace(one, settles="") if one.node in hasty else one)
    steps = tuple(broken)
    least = floor(spec.nodes, spec.rollout.max_unavailable)
    below = [s for s, count in least_serving(steps, now).items() if count < least and count < len(now[s])]
    try:
        check_serving(steps, now, spec.nodes, spec.rollout.max_unavailable)
    except Refused as refused:
        service = min(below)
        named, _, rest = refused.message.partition(" would leave ")
        assert rest.startswith(f"{service} on ")
        assert named in taking_below(steps, now[service], service, min(least, len(now[service])))
    else:
        assert not below


ENTRANCE = ("haproxy", "keepalived")


@st.composite
def edited_entrances(draw: st.DrawFn) -> PlanningInput:
    """Clusters with troubles where people edited what HAProxy and keepalived are started by."""
    given = draw(clusters(by_hand=False))
    for node in given.state.nodes_of("prod"):
        facts = given.observed.nodes[node.name]
        for unit in draw(st.lists(st.sampled_from(ENTRANCE), unique=True)):
            if isinstance(facts, NodeFacts):
                path = f"/etc/systemd/system/{unit}.service.d/dynia.conf"
                given = worlds.with_facts(given, node.name, worlds.edited(path))
        if isinstance(facts, NodeFacts) and draw(st.integers(0, 5)) == 0 and facts.vrrp == "BACKUP":
            given = worlds.with_facts(given, node.name, lambda f: replace(f, vrrp="FAULT"))
    return given


@settings(max_examples=examples(150), deadline=None)
@given(edited_entrances(), st.data())
def test_the_entrance_of_who_has_the_address_is_interrupted_only_where_nobody_could_take_it(
    given: PlanningInput, data: st.DataObject
) -> None:
    """In any order that the plan allows, and then the plan says so."""
    plan = make_plan(given)
    holder, moved, cut = find_holder(given), 0, False
    left = list(plan.steps)
    while left:
        done = {s.id for s in plan.steps} - {s.id for s in left}
        ready = [s for s in left if done.issuperset(s.after)]
        step = data.draw(st.sampled_from(ready))
        left.remove(step)
        if isinstance(step.action, HandOver):
            assert step.action.source == holder and step.action.node not in (holder, *step.action.others)
            holder, moved = step.action.node, moved + 1
        if isinstance(step.action, PushComponent) and step.node == holder:
            cut = cut or any("service.d/dynia.conf" in path for path in step.action.write)
    assert moved <= 1
    if cut:
        assert moved == 0
        now = serving(given.desired, given.observed, given.state.nodes_of("prod"))  # type: ignore[arg-type]
        assert plan.effect.interrupts == tuple(sorted(s for s, names in now.items() if names))
        able = [
            name
            for name, f in given.observed.nodes.items()
            if isinstance(f, NodeFacts) and f.vrrp == "BACKUP" and any(name in on for on in now.values())
        ]
        whole = all(isinstance(f, NodeFacts) for f in given.observed.nodes.values())
        assert not able or not whole


def step(name: str, node: str, after: tuple[str, ...] = (), disturbs: tuple[str, ...] = ("api",)) -> Step:
    action = RecordComponent(node=node, component="caddy", release="0")
    return Step(id=name, action=action, why="", node=node, after=after, disturbs=disturbs)


@st.composite
def any_edges(draw: st.DrawFn) -> tuple[Step, ...]:
    """Steps with any edges, not only those that the planner makes."""
    steps: list[Step] = []
    for n in range(draw(st.integers(1, 6))):
        earlier = [s.id for s in steps]
        after = draw(st.lists(st.sampled_from(earlier), unique=True)) if earlier else []
        made = step(str(n), f"node-{draw(st.integers(1, 4))}", tuple(after))
        steps.append(made if draw(st.booleans()) else replace(made, disturbs=()))
    names = [s.id for s in steps]
    return tuple(
        replace(s, settles=draw(st.sampled_from(names[n:]))) if s.disturbs and s.node == "node-1" else s
        for n, s in enumerate(steps)
    )


@settings(max_examples=examples(300), deadline=None)
@given(any_edges())
def test_the_bound_holds_for_any_edges(steps: tuple[Step, ...]) -> None:
    """More than the truth would only refuse a plan; less would hurt."""
    nodes = frozenset(s.node for s in steps)
    least = least_serving(steps, {"api": nodes})["api"]
    assert len(nodes) - worst_out(steps).get("api", 0) <= least


def test_an_end_that_may_come_before_its_interval_begins_ends_nothing() -> None:
    """Found by the property above: `d` may be there before `b` begins, and `e` may run beside `a`."""
    steps = (
        step("a", "two"),
        replace(step("b", "one", ("a",)), settles="d"),
        step("d", "one", disturbs=()),
        step("e", "one", ("d",)),
    )
    assert least_serving(steps, {"api": frozenset(("one", "two"))})["api"] == 0
    assert worst_out(steps) == {"api": 2}


def test_a_plan_that_would_break_it_is_refused() -> None:
    steps = (step("a", "one"), step("b", "two"))
    with pytest.raises(Refused, match="1 of 3 nodes") as refused:
        check_serving(steps, {"api": frozenset({"one", "two", "three"})}, 3, 1)
    assert refused.value.message == (
        "b would leave api on 1 of 3 nodes, and 2 must serve: one may be out then too"
    )
    assert "set rollout.max_unavailable to 2" in refused.value.hint
    chained = (steps[0], replace(steps[1], after=("a",)))
    assert check_serving(chained, {"api": frozenset({"one", "two", "three"})}, 3, 1)[0].least == 2


def test_losing_one_edge_of_a_real_plan_is_noticed() -> None:
    given = worlds.wanting(
        settled(3), worlds.cluster(3, (worlds.service(image="a/b:2"), worlds.service("web")))
    )
    plan = make_plan(given)
    now = serving(given.desired, given.observed, given.state.nodes_of("prod"))  # type: ignore[arg-type]
    heads = [n for n, s in enumerate(plan.steps) if s.id.endswith("service/api/push")]
    broken = list(plan.steps)
    broken[heads[1]] = replace(broken[heads[1]], after=())
    with pytest.raises(Refused, match=f"{broken[heads[1]].id} would leave api on 1 of 3"):
        check_serving(tuple(broken), now, 3, 1)


@pytest.mark.parametrize("entry", [VipEntry(address="198.18.7.99"), ApiEntry(), NoEntry()])
def test_who_has_the_former_address_goes_last_too(entry: VipEntry | ApiEntry | NoEntry) -> None:
    """Visitors come to it until the new one is there. (Without an entry: one that was given back too early.)"""
    given = settled(3)
    name = worlds.node_named(given, 1)
    new = (worlds.service(image="registry.example/api:1.9"), worlds.service("web"))
    given = worlds.wanting(given, worlds.cluster(3, new, entry=entry))
    if isinstance(entry, VipEntry):
        given = worlds.real(simulate(given, make_plan(given)))
    if isinstance(entry, NoEntry):
        given = replace(given, state=change(given.state, SetReservedIp(cluster="prod", reserved_ip=None)))
    assert find_holder(given) == ""
    plan = make_plan(given)
    assert plan.order == (worlds.node_named(given, 2), worlds.node_named(given, 3), name)
    opening = next(s for s in plan.steps if s.node == name and s.disturbs)
    assert any(step.startswith(f"{worlds.node_named(given, 3)}/") for step in opening.after)


def test_the_master_goes_last_while_the_provider_does_not_say_who_has_the_address() -> None:
    spec = worlds.cluster(3, (worlds.service(),), entry=ApiEntry())
    given = worlds.passes(replace(worlds.start(spec), templates=SMALL))[1]
    names = [worlds.node_named(given, n) for n in (1, 2, 3)]
    assert find_holder(given) == names[0]
    given = replace(given, observed=replace(given.observed, addresses=NotObserved(reason="HTTP 503")))
    new = replace(spec, services=(worlds.service(image="registry.example/api:1.9"),))
    plan = make_plan(worlds.wanting(given, new))
    assert plan.order == (names[1], names[2], names[0])


def test_scaling_down_keeps_who_has_the_former_address() -> None:
    given = settled(3)
    last, first = (worlds.node_named(given, n) for n in (3, 1))
    given = worlds.with_facts(given, first, lambda f: replace(f, vrrp="BACKUP", addresses=()))
    given = worlds.with_facts(given, last, lambda f: replace(f, vrrp="MASTER", addresses=("198.18.7.5",)))
    spec = worlds.cluster(2, (worlds.service(), worlds.service("web")), entry=VipEntry(address="198.18.7.99"))
    _, end = worlds.passes(worlds.wanting(given, spec))
    assert last in [n.name for n in end.state.nodes_of("prod")]
