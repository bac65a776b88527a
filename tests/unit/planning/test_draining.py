"""What a turn with a drain looks like: what is in it, what it waits for, how long its flag counts."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import Rollout
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import Drain, ProvideImage, Undrain, WaitHealthy, WatchHealthy
from dynia.services.planning.draining import Draining, drained
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan, Step
from dynia.services.planning.planner import make_plan
from dynia.services.planning.turn import Work
from tests.plans import worlds

replace = msgspec.structs.replace
SERVICES = (worlds.service(), worlds.service("web"), worlds.worker())


def wanting(spec: worlds.ClusterSpec, *services: worlds.Service, **more: object) -> PlanningInput:
    return worlds.wanting(worlds.settled(spec), replace(spec, services=services, **more))


def one(plan: Plan, kind: type[Drain]) -> tuple[Step, Drain]:
    step = next(s for s in plan.steps if isinstance(s.action, kind))
    assert isinstance(step.action, Drain)
    return step, step.action


def test_a_worker_is_disturbed_and_never_drained() -> None:
    spec = worlds.cluster(3, SERVICES)
    plan = make_plan(wanting(spec, *SERVICES[:2], worlds.worker(image="registry.example/mailer:2")))
    assert not [s for s in plan.steps if isinstance(s.action, Drain)]
    assert [s for s in plan.steps if "mailer" in s.disturbs]


def test_two_services_that_change_are_drained_together_and_their_worker_is_not() -> None:
    spec = worlds.cluster(3, SERVICES)
    new = (
        worlds.service(image="registry.example/api:9"),
        worlds.service("web", image="registry.example/web:9"),
    )
    plan = make_plan(wanting(spec, *new, worlds.worker(image="registry.example/mailer:9")))
    _, action = one(plan, Drain)
    assert action.services == ("api", "web")
    assert {s.settles for s in plan.steps if s.disturbs} == {f"{node}/undrain" for node in plan.order}


def test_another_caddy_drains_every_service_that_visitors_come_to() -> None:
    spec = worlds.cluster(3, SERVICES)
    plan = make_plan(wanting(spec, *SERVICES, caddy_image="registry.example/caddy:9"))
    _, action = one(plan, Drain)
    assert action.services == ("api", "web")


def test_a_container_that_ends_again_and_again_is_drained_and_what_is_not_there_is_not() -> None:
    """HAProxy thinks well of it every now and then; and nobody counts on it, so nothing stands in its way."""
    given = wanting(worlds.cluster(3, (worlds.service(),)), worlds.service(config="level = 9\n"))
    lapsed, gone = worlds.node_named(given, 2), worlds.node_named(given, 3)

    def ending(facts: NodeFacts) -> NodeFacts:
        found = (replace(c, state="restarting") if c.project == "dynia-api" else c for c in facts.containers)
        return replace(facts, containers=tuple(found))

    def removed(facts: NodeFacts) -> NodeFacts:
        return replace(facts, containers=tuple(c for c in facts.containers if c.project != "dynia-api"))

    plan = make_plan(worlds.with_facts(worlds.with_facts(given, lapsed, ending), gone, removed))
    drains = {s.action.node: s.action for s in plan.steps if isinstance(s.action, Drain)}
    assert drains.keys() == {lapsed}, "the first one serves alone, so it waits"
    assert drains[lapsed].services == ("api",) and drains[lapsed].least == {"api": 0}


def test_one_that_seems_to_serve_alone_is_drained_where_a_silent_node_may_serve_too() -> None:
    """It was told that it failed, and may serve all the same; so may who did not answer."""
    given = wanting(worlds.cluster(2, (worlds.service(),)), worlds.service(config="level = 9\n"))
    lapsed, quiet = worlds.node_named(given, 1), worlds.node_named(given, 2)

    def sick(facts: NodeFacts) -> NodeFacts:
        found = (replace(c, health="unhealthy") if c.project == "dynia-api" else c for c in facts.containers)
        return replace(facts, containers=tuple(found))

    plan = make_plan(worlds.silent(worlds.with_facts(given, lapsed, sick), quiet))
    step, action = one(plan, Drain)
    assert (step.node, action.services, action.least) == (lapsed, ("api",), {"api": 0})
    never = worlds.with_facts(worlds.wanting(worlds.settled(worlds.cluster(1)), given.desired), lapsed, sick)
    assert not [s for s in make_plan(never).steps if isinstance(s.action, Drain)]


def test_a_service_that_is_called_like_a_component_is_not_taken_for_it() -> None:
    spec = worlds.cluster(3, (worlds.service("node"), worlds.service("web")))
    given = worlds.settled(spec)
    name = worlds.node_named(given, 2)

    def lapsed(facts: NodeFacts) -> NodeFacts:
        found = (replace(c, state="restarting") if c.project == "dynia-node" else c for c in facts.containers)
        return replace(worlds.edited("/opt/dynia/node.env")(facts), containers=tuple(found))

    given = worlds.with_facts(given, name, lapsed)
    work = Work(
        node=name, ordinal=2, steps=tuple(s for s in make_plan(given).steps if s.id == f"{name}/node/push")
    )
    how = Draining(http={"node": frozenset({name})}, watch=(name,))
    assert work.steps and drained(work, {"node": frozenset({"other"})}, frozenset(), how) == work


def test_haproxy_s_own_restart_is_not_in_it() -> None:
    """A node whose Caddy gets nothing still holds the connections of its HAProxy."""
    given = worlds.settled(worlds.cluster(3, SERVICES))
    name = worlds.node_named(given, 2)
    plan = make_plan(
        worlds.with_facts(given, name, worlds.edited("/etc/systemd/system/haproxy.service.d/dynia.conf"))
    )
    assert [s for s in plan.steps if s.disturbs]
    assert not [s for s in plan.steps if isinstance(s.action, Drain)]


def test_an_image_on_its_way_is_waited_for_while_visitors_come() -> None:
    spec = worlds.cluster(3, SERVICES)
    plan = make_plan(wanting(spec, worlds.service(image="registry.example/api:9"), *SERVICES[1:]))
    images = {s.node: s.id for s in plan.steps if isinstance(s.action, ProvideImage)}
    assert len(images) == 3
    for step in plan.steps:
        if isinstance(step.action, Drain):
            assert images[step.node] in step.after


def test_the_flag_outlasts_all_that_it_protects_and_everybody_is_asked() -> None:
    spec = worlds.cluster(3, SERVICES, rollout=Rollout(drain_timeout=90.0))
    plan = make_plan(wanting(spec, worlds.service(config="level = 9\n"), *SERVICES[1:]))
    step, action = one(plan, Drain)
    until = [s.deadline_s for s in plan.steps if s.node == step.node and s is not step]
    assert action.timeout_s == 90.0
    assert action.lasts_s == step.deadline_s + sum(until)
    assert sorted(action.watch) == sorted(plan.order)
    assert action.least == {"api": 2}


def test_the_end_of_a_drain_is_owed_whatever_fails_before_it() -> None:
    spec = worlds.cluster(3, SERVICES)
    plan = make_plan(wanting(spec, worlds.service(config="level = 9\n"), *SERVICES[1:]))
    owed = {s.id: s.undoes for s in plan.steps if isinstance(s.action, Undrain)}
    assert owed == {f"{node}/undrain": f"{node}/drain" for node in plan.order}


def test_it_is_watched_once_visitors_come_again_and_before_the_next_node() -> None:
    spec = worlds.cluster(3, SERVICES, rollout=Rollout(monitor=10.0))
    plan = make_plan(wanting(spec, worlds.service(config="level = 9\n"), *SERVICES[1:]))
    turns = [[s.id.partition("/")[2] for s in plan.steps if s.node == node] for node in plan.order]
    turn = ["drain", "service/api/push", "caddy/push", "service/api/wait", "undrain", "service/api/watch"]
    assert turns == [turn] * 3
    second = next(s for s in plan.steps if s.id == f"{plan.order[1]}/drain")
    assert second.after == (f"{plan.order[0]}/service/api/watch",)
    gates = [s.action for s in plan.steps if isinstance(s.action, WaitHealthy)]
    assert {(type(g), g.records, g.for_s) for g in gates} == {
        (WaitHealthy, False, 0.0),
        (WatchHealthy, True, 10.0),
    }


def test_it_is_watched_with_visitors_also_where_a_part_of_the_turn_has_to_wait() -> None:
    """The worker serves on two of three nodes, so it may not be touched there now."""
    spec = worlds.cluster(3, SERVICES, rollout=Rollout(monitor=10.0))
    new = (
        worlds.service(config="level = 9\n"),
        SERVICES[1],
        worlds.worker(image="registry.example/mailer:9"),
    )
    given = wanting(spec, *new)
    third = worlds.node_named(given, 3)
    without = worlds.with_facts(
        given,
        third,
        lambda f: replace(f, containers=tuple(c for c in f.containers if c.project != "dynia-mailer")),
    )
    plan = make_plan(without)
    first = worlds.node_named(given, 2)
    mine = [s.id.partition("/")[2] for s in plan.steps if s.node == first and "image" not in s.id]
    assert mine == [
        "drain",
        "service/api/push",
        "caddy/push",
        "service/api/wait",
        "undrain",
        "service/api/watch",
    ]


def test_what_a_killed_run_left_drained_is_watched_with_visitors_too() -> None:
    spec = worlds.cluster(3, SERVICES, rollout=Rollout(monitor=10.0))
    given = wanting(spec, worlds.service(config="level = 9\n"), *SERVICES[1:])
    name = worlds.node_named(given, 2)
    plan = make_plan(worlds.with_facts(given, name, lambda f: replace(f, drained=("api",))))
    mine = [s.id.partition("/")[2] for s in plan.steps if s.node == name]
    assert mine[-3:] == ["service/api/wait", "undrain", "service/api/watch"]
