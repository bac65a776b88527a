"""HAProxies that an apply left with former nodes are told of those who serve, before anybody is drained."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import Health, Rollout
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import Drain
from dynia.services.planning.components.haproxy import CONFIG, DROP_IN, Haproxy, servers_of
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import rendered_for
from tests.plans import worlds

replace = msgspec.structs.replace
OLD = worlds.cluster(4, (worlds.service(config="level = 1\n"), worlds.service("web")))
NEW = worlds.cluster(4, (worlds.service(config="level = 2\n"), worlds.service("web")))


def knowing(given: PlanningInput, watcher: str, *names: str) -> PlanningInput:
    """The HAProxy of `watcher` has the file of when the cluster had these nodes alone."""
    wanted = rendered_for(given)
    assert wanted is not None
    then = replace(wanted.topology, nodes=tuple(n for n in wanted.topology.nodes if n.name in names))
    files = {f.path: f for f in Haproxy().recipe(then, then.nodes[0]).release.files}

    def edit(facts: NodeFacts) -> NodeFacts:
        found = (replace(f, digest=files[f.path].digest) if f.path == CONFIG else f for f in facts.files)
        return replace(facts, files=tuple(found), servers=servers_of(then))

    return worlds.with_facts(given, watcher, edit)


def settled() -> tuple[PlanningInput, list[str]]:
    given = worlds.settled(OLD)
    return given, [worlds.node_named(given, n) for n in (1, 2, 3, 4)]


def test_a_haproxy_that_does_not_know_who_serves_is_told_before_anybody_is_drained() -> None:
    given, names = settled()
    for watcher in names[:3]:
        given = knowing(given, watcher, *names[:2])
    plan = make_plan(worlds.wanting(given, NEW))
    assert plan.holder == names[0]
    assert [s.id for s in plan.steps] == [f"{n}/haproxy/push" for n in (*names[1:3], names[0])]
    assert [(s.id,) for s in plan.steps[:-1]] == [s.after for s in plan.steps[1:]], "one after the other"
    assert not [s for s in plan.steps if s.disturbs]
    assert [s.node for s in plan.later if isinstance(s.action, Drain)] == list(plan.order)
    assert not [s for s in plan.later if s.id.endswith("haproxy/push")]


def test_what_a_haproxy_does_not_know_yet_of_services_comes_in_their_turn() -> None:
    """Another health path, told early, would take the nodes that answer at the former one for dead."""
    given, names = settled()
    given = knowing(given, names[1], *names[:2])
    moved = worlds.cluster(
        4, (worlds.service(config="level = 2\n", health=Health(path="/new")), worlds.service("web"))
    )
    plan = make_plan(worlds.wanting(given, moved))
    order = [s.id for s in plan.steps]
    for node in plan.order:
        assert order.index(f"{node}/drain") < order.index(f"{node}/haproxy/push")


def test_a_haproxy_that_does_not_know_a_service_that_comes_is_told_of_nodes_all_the_same() -> None:
    given, names = settled()
    for watcher in names[:3]:
        given = knowing(given, watcher, *names[:2])
    more = worlds.cluster(4, (*NEW.services, worlds.service("docs", default=True)))
    plan = make_plan(worlds.wanting(given, more))
    assert [s.id for s in plan.steps if s.id.split("/")[1] != "image"] == [
        f"{n}/haproxy/push" for n in (*names[1:3], names[0])
    ]


def test_a_haproxy_that_still_sends_a_service_that_leaves_is_told_of_nodes_all_the_same() -> None:
    given, names = settled()
    for watcher in names[:3]:
        given = knowing(given, watcher, *names[:2])
    fewer = worlds.cluster(4, NEW.services[:1])
    plan = make_plan(worlds.wanting(given, fewer))
    assert [s.id for s in plan.steps] == [f"{n}/haproxy/push" for n in (*names[1:3], names[0])]


def test_a_holder_whose_haproxy_starts_again_for_it_hands_the_address_over_before() -> None:
    given, names = settled()
    for watcher in names[:3]:
        given = knowing(given, watcher, *names[:2])
    for node in names[:2]:
        given = worlds.with_facts(given, node, worlds.edited(DROP_IN))
    plan = make_plan(worlds.wanting(given, NEW))
    others = [f"{n}/haproxy/push" for n in names[1:3]]
    assert [s.id for s in plan.steps] == [*others, f"{names[0]}/hand-over", f"{names[0]}/haproxy/push"]
    assert not [s for s in plan.steps if s.disturbs]


def test_a_haproxy_cfg_that_is_gone_comes_back_before_anybody_is_drained() -> None:
    given, names = settled()

    def loses(facts: NodeFacts) -> NodeFacts:
        return replace(facts, files=tuple(f for f in facts.files if f.path != CONFIG), servers=())

    plan = make_plan(worlds.wanting(worlds.with_facts(given, names[0], loses), NEW))
    assert [s.id for s in plan.steps] == [f"{names[0]}/haproxy/push"]


def test_an_edited_haproxy_cfg_that_lacks_who_serves_is_put_right_before_anybody_is_drained() -> None:
    given, names = settled()
    assert [s.id for s in make_plan(worlds.wanting(cut_short(given, names[1]), NEW)).steps] == [
        f"{names[1]}/haproxy/push"
    ]


def test_it_waits_for_its_turn_where_services_are_to_be_asked_otherwise() -> None:
    given, names = settled()
    moved = worlds.cluster(
        4, (worlds.service(config="level = 2\n", health=Health(path="/new")), worlds.service("web"))
    )
    plan = make_plan(worlds.wanting(cut_short(given, names[1]), moved))
    order = [s.id for s in plan.steps]
    assert order.index(f"{names[1]}/drain") < order.index(f"{names[1]}/haproxy/push")


def test_a_former_release_of_it_waits_for_its_turn() -> None:
    """The others are further: it asks at the former path, as those answer that had no turn yet."""
    two = Rollout(max_unavailable=2)
    asked = worlds.service(config="level = 1\n", health=Health(path="/old"))
    before = worlds.cluster(4, (asked, worlds.service("web")), rollout=two)
    given = worlds.wanting(worlds.settled(before), replace(NEW, rollout=two))
    names = [worlds.node_named(given, n) for n in (1, 2, 3, 4)]
    wanted = rendered_for(given)
    assert wanted is not None
    new = next(
        f
        for f in Haproxy().recipe(wanted.topology, wanted.topology.nodes[0]).release.files
        if f.path == CONFIG
    )

    def further(facts: NodeFacts) -> NodeFacts:
        found = (replace(f, digest=new.digest) if f.path == CONFIG else f for f in facts.files)
        return replace(facts, files=tuple(found), servers=servers_of(wanted.topology))

    def lacks(facts: NodeFacts) -> NodeFacts:
        return replace(facts, servers=tuple(one for one in facts.servers if one.node != names[3]))

    given = worlds.with_facts(worlds.with_facts(given, names[3], further), names[1], lacks)
    order = [s.id for s in make_plan(given).steps]
    assert order.index(f"{names[1]}/drain") < order.index(f"{names[1]}/haproxy/push")


def test_one_that_knows_too_few_for_any_drain_is_told_first_whatever_else_it_knows() -> None:
    """A service in it that was begun and never came to be: nobody knows any more how it was asked."""
    given, names = settled()

    def before(facts: NodeFacts) -> NodeFacts:
        kept = tuple(one for one in facts.servers if one.node in names[:2])
        gone = tuple(replace(one, service="gone") for one in kept if one.service == "web")
        found = (replace(f, digest=digest) if f.path == CONFIG else f for f in facts.files)
        return replace(facts, servers=(*kept, *gone), files=tuple(found))

    (home,), digest = given.state.clusters, f"sha256:{'1' * 64}"
    now = next(r for r in home.releases if r.component == "haproxy")
    files = tuple(replace(f, digest=digest) if f.path == CONFIG else f for f in now.files)
    home = replace(home, releases=(*home.releases, replace(now, id="1" * 12, files=files)))
    given = replace(given, state=replace(given.state, clusters=(home,)))
    plan = make_plan(worlds.wanting(worlds.with_facts(given, names[1], before), NEW))
    assert [s.id for s in plan.steps] == [f"{names[1]}/haproxy/push"]


def cut_short(given: PlanningInput, name: str) -> PlanningInput:
    """Somebody edited the file there, and all but the first node is missing from it."""
    given = worlds.with_facts(given, name, worlds.edited(CONFIG))
    return worlds.with_facts(given, name, lambda facts: replace(facts, servers=facts.servers[:1]))


def test_where_nobody_is_drained_nothing_has_a_pass_of_its_own() -> None:
    given, names = settled()
    given = worlds.with_facts(given, names[2], worlds.edited("/opt/dynia/firewall/dynia.nft"))
    plan = make_plan(knowing(given, names[2], *names[:2]))
    assert [s.id for s in plan.steps] == [f"{names[2]}/firewall/push", f"{names[2]}/haproxy/push"]
    assert not plan.later


def test_a_haproxy_that_knows_all_who_serve_is_not_told_early() -> None:
    """Be it that it names one too many, or that somebody edited its file."""
    given, names = settled()
    three = worlds.cluster(3, NEW.services)
    for known in (given, worlds.with_facts(given, names[1], worlds.edited(CONFIG))):
        silent = worlds.machine(known, names[3], None)
        plan = make_plan(worlds.wanting(silent, three))
        drained = [s.node for s in plan.steps if isinstance(s.action, Drain)]
        assert drained == list(plan.order) and len(drained) == 3
