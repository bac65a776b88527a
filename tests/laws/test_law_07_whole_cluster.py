"""Law 7, the plan's part: configs come from the whole cluster, and do not depend on who is master or who answers."""

from __future__ import annotations

import msgspec

from dynia.interfaces.observed import NodeFacts
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan, make_plan_with_recipes
from tests.plans import worlds
from tests.plans.cases import HAPROXY, three

replace = msgspec.structs.replace


def releases(world: PlanningInput) -> dict[str, dict[str, str]]:
    _, recipes = make_plan_with_recipes(world)
    return {n: {c: r.release.id for c, r in found.items()} for n, found in recipes.items()}


def test_every_node_gets_the_same_release_but_for_its_node_env() -> None:
    found = releases(three())
    ids = [{c: r for c, r in one.items() if c != "node"} for one in found.values()]
    assert len(found) == 3 and ids[0] == ids[1] == ids[2]
    assert len({one["node"] for one in found.values()}) == 3


def test_a_silent_or_stopped_node_stays_in_the_configs_of_the_others() -> None:
    world = three()
    name = worlds.node_named(world, 2)
    assert releases(worlds.silent(world, name)) == releases(world)
    assert releases(worlds.machine(world, name, "off")) == releases(world)
    cut_off = make_plan(worlds.silent(world, name))
    assert cut_off.empty and cut_off.not_observed == ((name, "no answer within 25 s"),)


def test_a_failover_changes_no_file() -> None:
    world = three()
    old, new = worlds.node_named(world, 1), worlds.node_named(world, 3)
    facts = world.observed.nodes[old]
    assert isinstance(facts, NodeFacts)
    moved = worlds.with_facts(world, old, lambda f: replace(f, vrrp="BACKUP", addresses=()))
    moved = worlds.with_facts(moved, new, lambda f: replace(f, vrrp="MASTER", addresses=facts.addresses))
    plan = make_plan(moved)
    assert plan.empty and plan.drift == () and plan.holder == new


def test_repairing_one_node_renders_the_whole_cluster() -> None:
    world = three()
    name = worlds.node_named(world, 2)
    torn = worlds.with_facts(world, name, worlds.edited(HAPROXY))
    assert [s.id for s in make_plan(torn).steps] == [f"{name}/haproxy/push"]
    assert releases(torn) == releases(world)
