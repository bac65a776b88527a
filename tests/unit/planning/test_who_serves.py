"""Law 5: whose Caddy does not lead to the container that runs there serves nobody, and is mended before others."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import Rollout
from dynia.interfaces.observed import NodeFacts
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.serving import misled
from tests.plans import worlds

replace = msgspec.structs.replace
OLD = worlds.cluster(2, (worlds.service(image="a/b:1"),))
NEW = worlds.cluster(2, (worlds.service(image="a/b:2"),))


def new_container_old_caddyfile(given: PlanningInput, name: str) -> PlanningInput:
    """An apply was killed after it had pushed the service, and before it pushed the Caddyfile."""

    def edit(facts: NodeFacts) -> NodeFacts:
        containers = tuple(
            replace(c, config="0123456789abcdef") if c.project == "dynia-api" else c for c in facts.containers
        )
        return replace(facts, containers=containers)

    return worlds.with_facts(given, name, edit)


def without_caddyfile(facts: NodeFacts) -> NodeFacts:
    kept = tuple(f for f in facts.files if not f.path.endswith("/Caddyfile"))
    return replace(facts, files=kept, routes=())


def test_it_is_mended_before_the_one_that_serves_be_it_the_holder() -> None:
    """The holder goes last otherwise."""
    given = worlds.settled(OLD)
    first, second = (worlds.node_named(given, n) for n in (1, 2))
    for wrong, right in ((first, second), (second, first)):
        world = worlds.wanting(new_container_old_caddyfile(given, wrong), NEW)
        spec = world.desired
        assert spec is not None
        assert misled(spec, world.observed, world.state.nodes_of("prod")) == {wrong: frozenset()}
        plan = make_plan(world)
        assert (plan.order, plan.holder) == ((wrong, right), first)
        opening = next(s for s in plan.steps if s.node == right and s.disturbs)
        assert any(name.startswith(f"{wrong}/") for name in opening.after)


def test_two_of_them_are_mended_before_the_only_one_that_serves_is_taken_out() -> None:
    """Two nodes may be out at once, and two are already, whatever runs on them."""
    rollout = Rollout(max_unavailable=2, canary=False)
    old, new = (replace(one, nodes=3, rollout=rollout) for one in (OLD, NEW))
    given = worlds.settled(old)
    *wrong, right = (worlds.node_named(given, n) for n in (1, 2, 3))
    for name in wrong:
        given = new_container_old_caddyfile(given, name)
    plan = make_plan(worlds.wanting(given, new))
    opening = next(s for s in plan.steps if s.node == right and s.disturbs)
    last = {step.node: step.id for step in plan.steps}
    assert set(opening.after) >= {last[name] for name in wrong}


def test_the_one_that_leads_to_fewest_services_is_mended_first() -> None:
    """The other one serves something, which is not to be taken out while two nodes lack it."""
    old, new = (
        worlds.cluster(3, tuple(worlds.service(name, image=image) for name in ("api", "web")))
        for image in ("a/b:1", "a/b:2")
    )
    given = worlds.settled(old)
    half, none, right = (worlds.node_named(given, n) for n in (1, 2, 3))
    given = new_container_old_caddyfile(given, half)
    given = worlds.with_facts(given, none, without_caddyfile)
    world = worlds.wanting(given, new)
    assert misled(new, world.observed, world.state.nodes_of("prod")) == {half: {"web"}, none: frozenset()}
    assert make_plan(world).order == (none, half, right)


def test_the_only_way_to_a_service_is_mended_last_of_those_that_mislead() -> None:
    """Each leads to one of the two services: the first one alone to its own."""
    given = leading_to({1: "web", 2: "api", 3: "api"}, max_unavailable=1)
    only, *others = (worlds.node_named(given, n) for n in (1, 2, 3))
    assert make_plan(given).order == (*others, only)


def test_not_all_that_lead_to_a_service_are_mended_at_once() -> None:
    given = leading_to({1: "api", 2: "api", 3: "web", 4: "web"}, max_unavailable=2)
    plan = make_plan(given)
    openings = {s.node: s for s in reversed(plan.steps) if s.disturbs}
    first, second = (worlds.node_named(given, n) for n in (1, 2))
    assert plan.order.index(first) < plan.order.index(second)
    assert any(name.startswith(f"{first}/") for name in openings[second].after)


def test_one_that_waits_itself_is_not_counted_on_for_what_it_does_not_lead_to() -> None:
    """Of two nodes that lead to the service one is not taken out for a third one, which is not mended before."""
    services = tuple(worlds.service(name, image="a/b:1") for name in ("api", "web"))
    rollout = Rollout(max_unavailable=2, canary=False)
    given = worlds.settled(worlds.cluster(4, services, rollout=rollout))
    first, second, third, fourth = (worlds.node_named(given, n) for n in (1, 2, 3, 4))
    given = new_container_old_caddyfile(given, first)
    given = worlds.with_facts(given, first, without_caddyfile)
    for name in (second, third, fourth):
        gone = ("dynia-api",) if name != fourth else ("dynia-api", "dynia-web")
        given = worlds.with_facts(
            given,
            name,
            lambda f, gone=gone: replace(
                f, containers=tuple(c for c in f.containers if c.project not in gone)
            ),
        )
    later = tuple(worlds.service(name, image="a/b:2") for name in ("api", "web"))
    plan = make_plan(worlds.wanting(given, worlds.cluster(4, later, rollout=rollout)))
    assert not [s for s in plan.steps if "web" in s.disturbs]
    assert [s for s in plan.steps if s.node == fourth]


def test_it_is_counted_on_where_nothing_would_go_on_otherwise() -> None:
    """Two nodes: one leads nowhere and alone has the second service, the other one lacks it."""
    services = tuple(worlds.service(name, image="a/b:1") for name in ("api", "web"))
    given = worlds.settled(worlds.cluster(2, services))
    nowhere, other = (worlds.node_named(given, n) for n in (1, 2))
    given = worlds.with_facts(given, nowhere, without_caddyfile)
    kept = lambda f: tuple(c for c in f.containers if c.project != "dynia-web")  # noqa: E731
    given = worlds.with_facts(given, other, lambda f: replace(f, containers=kept(f)))
    later = tuple(worlds.service(name, image="a/b:2") for name in ("api", "web"))
    # The Caddy of the other one is made again, so it can take no part that disturbs nobody.
    plan = make_plan(worlds.wanting(given, worlds.cluster(2, later, caddy_image="caddy:9")))
    assert [s.node for s in plan.steps if s.disturbs][:1] == [other]


def leading_to(led: dict[int, str], max_unavailable: int) -> PlanningInput:
    """Another image for both services, begun on every node: its Caddy leads to the old container of one."""
    rollout = Rollout(max_unavailable=max_unavailable, canary=False)
    old, new = (
        worlds.cluster(
            len(led), tuple(worlds.service(n, image=image) for n in ("api", "web")), rollout=rollout
        )
        for image in ("a/b:1", "a/b:2")
    )
    given = worlds.settled(old)
    for number, service in led.items():

        def begun(facts: NodeFacts, service: str = service) -> NodeFacts:
            return replace(
                facts,
                containers=tuple(
                    replace(c, config="0123456789abcdef")
                    if c.project in ("dynia-api", "dynia-web") and c.project != f"dynia-{service}"
                    else c
                    for c in facts.containers
                ),
            )

        given = worlds.with_facts(given, worlds.node_named(given, number), begun)
    return worlds.wanting(given, new)


def test_a_caddyfile_that_tells_no_releases_is_believed() -> None:
    given = worlds.settled(OLD)
    first = worlds.node_named(given, 1)
    given = worlds.with_facts(
        new_container_old_caddyfile(given, first), first, lambda f: replace(f, routes=())
    )
    assert misled(OLD, given.observed, given.state.nodes_of("prod")) == {}


def test_a_caddyfile_that_is_gone_leads_nowhere() -> None:
    given = worlds.settled(OLD)
    first = worlds.node_named(given, 1)

    given = worlds.with_facts(given, first, without_caddyfile)
    assert misled(OLD, given.observed, given.state.nodes_of("prod")) == {first: frozenset()}


def test_a_caddy_that_is_not_on_the_network_of_a_service_leads_nowhere() -> None:
    given = worlds.settled(OLD)
    first, second = (worlds.node_named(given, n) for n in (1, 2))

    def apart(facts: NodeFacts) -> NodeFacts:
        those = (replace(c, networks=()) if c.project == "dynia-caddy" else c for c in facts.containers)
        return replace(facts, containers=tuple(those))

    world = worlds.wanting(worlds.with_facts(given, first, apart), NEW)
    assert misled(NEW, world.observed, world.state.nodes_of("prod")) == {first: frozenset()}
    assert make_plan(world).order == (first, second), "the holder, and mended first all the same"
