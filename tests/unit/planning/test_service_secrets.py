"""`secrets:` in plans: changed, new, removed, not here; and what containers are given."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.desired import ClusterSpec, Service, ServiceSecret
from dynia.interfaces.errors import Stale
from dynia.interfaces.observed import NodeFacts
from dynia.interfaces.release import Release
from dynia.services.planning.at_apply import as_reviewed
from dynia.services.planning.components import secret_paths
from dynia.services.planning.components.service_secrets import is_service_secret
from dynia.services.planning.generations import inputs_of, written
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import rendered_for
from dynia.services.planning.stale import Reviewed, check_reviewed
from dynia.state.generation import Rollback
from tests.examples import examples
from tests.plans import worlds
from tests.plans.cases import changed, settled

replace = msgspec.structs.replace
FOLDER = "/opt/dynia/services/api/.dynia-secrets"
KEY, PEM = f"{FOLDER}/KEY.env", f"{FOLDER}/PEM"
OLD, NEW = worlds.secret("KEY", "old-value"), worlds.secret("KEY", "new-value")
MOUNTED = worlds.secret("PEM", "of-a-key", mount="/run/secrets/PEM", mode=0o444, containers=("db",))


def spec(*secrets: ServiceSecret, **more: object) -> ClusterSpec:
    return worlds.cluster(services=(service(*secrets, **more),))


def service(*secrets: ServiceSecret, **more: object) -> Service:
    """With two containers, of which one has no visitors."""
    web = worlds.service(secrets=secrets, **more)
    return replace(web, containers=(*web.containers, replace(web.containers[0], name="db")))


def bare(world: PlanningInput, *paths: str) -> PlanningInput:
    """The same world where these sources are not."""
    world = replace(world, secrets={p: c for p, c in world.secrets.items() if p not in paths})
    for node in world.state.nodes_of("prod"):
        world = worlds.with_facts(world, node.name, lambda f: without(f, paths))
    return world


def without(facts: NodeFacts, paths: tuple[str, ...]) -> NodeFacts:
    return replace(facts, secrets={p: d for p, d in facts.secrets.items() if p not in paths})


def lacking(facts: NodeFacts) -> NodeFacts:
    return replace(facts, files=tuple(f for f in facts.files if f.path != KEY))


def release(world: PlanningInput) -> Release:
    wanted = rendered_for(world)
    assert wanted is not None
    return next(iter(wanted.recipes.values()))["service/api"].release


def override(found: Release) -> dict[str, Any]:
    return json.loads(next(f.content for f in found.files if f.path.endswith("override.yaml")))


def pushed(plan: Plan) -> set[tuple[str, ...]]:
    return {step.action.write for step in plan.steps if step.id.endswith("/service/api/push")}  # type: ignore[union-attr]


def told(plan: Plan) -> list[str]:
    return [text for line in plan.changes for kind, text in line.details if kind == "secret"]


def test_each_container_is_given_its_own_and_the_override_tells_no_value() -> None:
    found = release(settled(spec(OLD, MOUNTED)))
    said = override(found)
    assert said["services"]["web"]["env_file"] == [".dynia-secrets/KEY.env"]
    assert "env_file" not in said["services"]["db"] and "secrets" not in said["services"]["web"]
    assert said["services"]["db"]["secrets"] == [{"source": "dynia-PEM", "target": "/run/secrets/PEM"}]
    assert said["secrets"] == {"dynia-PEM": {"file": "./.dynia-secrets/PEM"}}
    files = {f.path: (f.mode, f.content, f.secret) for f in found.files if is_service_secret(f.path)}
    assert files == {KEY: (0o600, b"KEY=old-value\n", True), PEM: (0o444, b"of-a-key", True)}
    assert b"-value" not in msgspec.json.encode(said)


def test_who_is_given_another_one_is_made_again_and_nobody_else() -> None:
    one, other = release(settled(spec(OLD))), release(settled(spec(OLD, MOUNTED)))
    assert one.containers["web"] == other.containers["web"] and one.containers["db"] != other.containers["db"]
    assert release(settled(spec(NEW))).id == one.id, "a value is in the hash of a release"


def test_a_changed_one_is_pushed_alone_and_shown_by_its_name() -> None:
    plan = make_plan(changed(settled(spec(OLD, MOUNTED)), services=(service(NEW, MOUNTED),)))
    assert (pushed(plan), told(plan), plan.drift) == ({(KEY,)}, ["KEY (changed)"], ())


def test_a_new_one_and_one_that_left_are_told_and_the_file_goes() -> None:
    plan = make_plan(changed(settled(spec(OLD)), services=(service(MOUNTED),)))
    assert told(plan) == ["KEY (removed)", "PEM (new)"]
    deleted = [step.action.delete for step in plan.steps if step.id.endswith("service/api/push")]  # type: ignore[union-attr]
    assert deleted == [(KEY,)] * 3


def test_what_left_the_file_is_looked_at_as_a_secret_until_it_is_gone() -> None:
    given = settled(spec(OLD))
    for later in (spec(OLD), spec(), None):
        assert KEY in secret_paths(later, given.state.cluster("prod"))
    assert KEY in secret_paths(spec(OLD), None)


def test_where_its_source_is_not_here_it_is_compared_at_apply() -> None:
    world = bare(changed(settled(spec(OLD)), services=(service(NEW),)), KEY)
    plan = make_plan(world)
    assert not plan.steps and not plan.drift
    assert {(w.reason, w.final) for w in plan.waiting} == {
        ("its source is not here (compared at apply)", True)
    }
    assert {w.subject.partition(" on ")[0] for w in plan.waiting} == {"secret KEY of api"}


@pytest.mark.parametrize("first", [True, False])
def test_a_plan_of_what_nodes_lack_is_the_same_without_the_source(first: bool) -> None:
    world = (
        worlds.start(spec(OLD, MOUNTED))
        if first
        else changed(settled(spec(MOUNTED)), services=(service(OLD, MOUNTED),))
    )
    plan, other = make_plan(world), make_plan(bare(world, KEY, PEM))
    assert plan.steps and plan.digest == other.digest
    assert plan.later == other.later


def test_a_node_that_lost_it_is_given_it_by_the_plan_of_who_has_it_not() -> None:
    world = settled(spec(OLD))
    name = worlds.node_named(world, 2)
    lost = worlds.with_facts(world, name, lacking)
    assert make_plan(lost).digest == make_plan(bare(lost, KEY)).digest
    assert pushed(make_plan(lost)) == {(KEY,)}


def test_a_rollback_leaves_it_and_starts_nothing_without_it() -> None:
    world = replace(bare(settled(spec(OLD)), KEY), rollback=Rollback(to=1))
    assert not make_plan(world).steps and not make_plan(world).waiting
    name = worlds.node_named(world, 2)
    plan = make_plan(worlds.with_facts(world, name, lacking))
    assert not pushed(plan)
    assert [(w.subject, w.reason, w.final) for w in plan.waiting] == [
        (f"secret KEY of api on {name}", "the node lacks it", False)
    ]


def test_a_generation_says_neither_where_it_comes_from_nor_what_it_is() -> None:
    given = settled(spec(OLD, MOUNTED))
    assert given.desired is not None
    kept = written(inputs_of(given, given.desired))
    assert b'"KEY"' in kept and b"/run/secrets/PEM" in kept
    for word in (b"-value", b"of-a-key", b"clusters.yaml:9"):
        assert word not in kept


NEXT = worlds.secret("PEM", "another", mount="/run/secrets/PEM", containers=("db",))


@settings(max_examples=examples(20), deadline=None)
@given(st.booleans(), st.sets(st.sampled_from([KEY, PEM])))
def test_what_is_compared_at_apply_makes_no_review_stale(domain: bool, hidden: set[str]) -> None:
    """With another change in the same plan and alone, whichever sources whoever planned had."""
    more = {"domains": ("b.example.com",)} if domain else {}
    before = replace(NEXT, source=MOUNTED.source)
    now = changed(settled(spec(OLD, before)), services=(service(NEW, NEXT, **more),))
    then, plan = make_plan(bare(now, *hidden)), make_plan(now)
    assert (then.digest == plan.digest) == (not hidden)
    reviewed = as_reviewed(then.digest, plan, now, sync=False)
    check_reviewed(Reviewed(digest=then.digest, plan=then), reviewed)
    assert reviewed.digest == then.digest and pushed(plan) == {(KEY, PEM)}


def test_nothing_but_secrets_may_differ_from_the_review() -> None:
    world = changed(settled(spec(OLD)), services=(service(NEW),))
    then = make_plan(bare(world, KEY))
    edited = worlds.with_facts(
        world, worlds.node_named(world, 1), worlds.edited("/opt/dynia/haproxy/haproxy.cfg")
    )
    now = make_plan(edited)
    with pytest.raises(Stale):
        check_reviewed(
            Reviewed(digest=then.digest, plan=then), as_reviewed(then.digest, now, edited, sync=False)
        )
