"""Law 5: whose Caddy does not lead to the container that runs there does not serve, and is mended before others."""

from __future__ import annotations

import msgspec

from dynia.interfaces.observed import NodeFacts
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.serving import serving
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


def test_it_does_not_count_and_the_one_that_serves_waits_for_it() -> None:
    given = worlds.settled(OLD)
    first, second = (worlds.node_named(given, n) for n in (1, 2))
    given = worlds.wanting(new_container_old_caddyfile(given, second), NEW)
    spec = given.desired
    assert spec is not None
    assert serving(spec, given.observed, given.state.nodes_of("prod")) == {"api": frozenset({first})}
    plan = make_plan(given)
    assert {s.node for s in plan.steps if s.id.endswith("service/api/push")} == {second}
    assert {s.node for s in plan.later if s.id.endswith("service/api/push")} == {first}


def test_a_caddyfile_that_tells_no_releases_is_believed() -> None:
    given = worlds.settled(OLD)
    first = worlds.node_named(given, 1)
    given = worlds.with_facts(given, first, lambda facts: replace(facts, routes=()))
    assert serving(OLD, given.observed, given.state.nodes_of("prod"))["api"] >= {first}
