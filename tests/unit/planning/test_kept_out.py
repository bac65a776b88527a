"""Who is sent nothing of a service since what he runs failed elsewhere, and who is counted on all the same."""

from __future__ import annotations

import msgspec

from dynia.interfaces.observed import NodeFacts
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.way_back import counted_on, kept_out
from dynia.state.hold import Hold, KeptOut
from dynia.state.model import Node
from tests.plans import worlds
from tests.plans.cases import three

replace = msgspec.structs.replace


def on_hold(*, pushed: bool = False, told: bool) -> tuple[PlanningInput, str]:
    """What all nodes run is on hold, and one that did not answer is to be kept out. `pushed`: no gate said yes to it
    there; `told`: no HAProxy names it any more."""
    given = three()
    (home,) = given.state.clusters
    old = given.state.nodes_of("prod")[1]
    release = old.components["service/api"]
    node = replace(old, pushed={"service/api": release}) if pushed else old
    nodes = tuple(node if n.name == node.name else n for n in given.state.nodes)
    home = replace(
        home,
        holds=(Hold(service="api", release=release, at=1),),
        kept_out=(KeptOut(service="api", node=node.name),),
    )
    given = replace(given, state=replace(given.state, clusters=(home,), nodes=nodes))

    def forgets(facts: NodeFacts) -> NodeFacts:
        return replace(facts, servers=tuple(s for s in facts.servers if s.node != node.name))

    for name in given.observed.nodes if told else ():
        given = worlds.with_facts(given, name, forgets)
    return given, node.name


def nodes_of(given: PlanningInput) -> tuple[Node, ...]:
    return given.state.nodes_of("prod")


def counted(given: PlanningInput) -> frozenset[str]:
    assert given.desired is not None
    return counted_on(given, given.desired, nodes_of(given))["api"]


def test_one_that_answers_and_was_good_is_counted_on_where_haproxies_still_send_to_it() -> None:
    given, name = on_hold(told=False)
    assert kept_out(given, nodes_of(given)) == () and name in counted(given)


def test_one_that_no_haproxy_sends_to_any_more_stays_out_until_it_runs_something_else() -> None:
    given, name = on_hold(told=True)
    assert kept_out(given, nodes_of(given)) == (KeptOut(service="api", node=name),)
    assert name not in counted(given)


def test_one_to_which_no_gate_said_yes_stays_out_also_where_haproxies_still_send_to_it() -> None:
    given, name = on_hold(pushed=True, told=False)
    assert kept_out(given, nodes_of(given)) == (KeptOut(service="api", node=name),)
    assert name not in counted(given)


def test_one_that_does_not_answer_is_kept_out_be_it_named_or_not() -> None:
    for told in (True, False):
        given, name = on_hold(told=told)
        given = worlds.silent(given, name)
        assert KeptOut(service="api", node=name) in kept_out(given, nodes_of(given))


def test_one_where_the_push_of_it_never_came_to_be_is_counted_on() -> None:
    """The former containers run on: nothing of what is on hold is there."""
    given = three()
    (home,) = given.state.clusters
    old = given.state.nodes_of("prod")[1]
    good = next(r for r in home.releases if r.id == old.components["service/api"])
    failed = replace(good, id="0" * 12, containers=dict.fromkeys(good.containers, "f" * 16))
    node = replace(old, pushed={"service/api": failed.id})
    holds = (Hold(service="api", release=failed.id, at=1),)
    home = replace(home, holds=holds, releases=(*home.releases, failed))
    nodes = tuple(node if n.name == node.name else n for n in given.state.nodes)
    given = replace(given, state=replace(given.state, clusters=(home,), nodes=nodes))
    assert node.name in counted(given)

    def came(facts: NodeFacts) -> NodeFacts:
        found = (replace(c, config="f" * 16) if c.project == "dynia-api" else c for c in facts.containers)
        return replace(facts, containers=tuple(found))

    assert node.name not in counted(worlds.with_facts(given, node.name, came))
    alike = replace(home, releases=(*home.releases[:-1], replace(failed, containers=good.containers)))
    given = replace(given, state=replace(given.state, clusters=(alike,)))
    assert node.name not in counted(given), "its containers tell the two from each other, or nothing does"
