"""A restart: the turns of a rollout over what runs, and nothing of what the file says otherwise by now."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import Rollout
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NodeFacts, UnresolvedImage
from dynia.services.actions import RestartComponent, WaitHealthy
from dynia.services.planning.by_hand import Restart
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import simulate
from tests.plans import worlds
from tests.plans.templates import SMALL

replace = msgspec.structs.replace
SERVICES = (worlds.service(), worlds.service("web"), worlds.worker())
API = "dynia-api"


def three(**more: object) -> PlanningInput:
    spec = worlds.cluster(3, SERVICES, **more)
    return worlds.passes(replace(worlds.start(spec), templates=SMALL))[1]


def asked(given: PlanningInput, service: str = "api") -> PlanningInput:
    return replace(given, by_hand=Restart(service=service).begun(given.observed))


def ids(given: PlanningInput, project: str = API) -> set[str]:
    facts = given.observed.nodes.values()
    return {c.id for f in facts if isinstance(f, NodeFacts) for c in f.containers if c.project == project}


def without(given: PlanningInput, ordinal: int, project: str = API) -> PlanningInput:
    def edit(facts: NodeFacts) -> NodeFacts:
        return replace(facts, containers=tuple(c for c in facts.containers if c.project != project))

    return worlds.with_facts(given, worlds.node_named(given, ordinal), edit)


def other_file(given: PlanningInput, *services: worlds.Service, **more: object) -> PlanningInput:
    assert given.desired is not None
    return worlds.wanting(given, replace(given.desired, services=services, **more))


def test_its_turns_are_those_of_a_rollout_and_the_holder_is_last() -> None:
    given = asked(three())
    plan = make_plan(given)
    names = [worlds.node_named(given, n) for n in (2, 3, 1)]
    assert plan.order == tuple(names) and plan.holder == names[-1]
    turns = [[s.id.partition("/")[2] for s in plan.steps if s.node == node] for node in names]
    assert turns == [["drain", "service/api/restart", "service/api/wait", "undrain"]] * 3
    assert [(s.service, s.least) for s in plan.effect.serving if s.service == "api"] == [("api", 2)]
    for name, before in zip(names[1:], names, strict=False):
        begins = next(s for s in plan.steps if s.node == name)
        assert begins.after == (f"{before}/undrain",)


def test_it_is_watched_where_the_file_says_so() -> None:
    plan = make_plan(asked(three(rollout=Rollout(monitor=5.0))))
    mine = [s.id.partition("/")[2] for s in plan.steps if s.node == plan.order[0]]
    assert mine == ["drain", "service/api/restart", "service/api/wait", "undrain", "service/api/watch"]


def test_a_worker_is_restarted_without_a_drain() -> None:
    plan = make_plan(asked(three(), "mailer"))
    assert [s.id.partition("/")[2] for s in plan.steps if s.node == plan.order[0]] == [
        "service/mailer/restart",
        "service/mailer/wait",
    ]


def test_afterwards_other_containers_of_the_same_release_run_and_nothing_is_left_to_do() -> None:
    given = asked(three())
    before, rest = ids(given), ids(given, "dynia-web")
    end = simulate(given, make_plan(given))
    assert make_plan(end).empty
    assert ids(end).isdisjoint(before) and len(ids(end)) == len(before)
    assert ids(end, "dynia-web") == rest
    assert end.state.nodes == given.state.nodes
    assert make_plan(replace(end, by_hand=None)).empty
    again = asked(replace(end, by_hand=None))
    assert make_plan(simulate(again, make_plan(again))).empty


def test_only_what_was_there_when_it_was_asked_for_is_to_go() -> None:
    """A second look does not begin anew: a node that is done is done."""
    given = asked(three())
    steps = tuple(s for s in make_plan(given).steps if s.node == worlds.node_named(given, 2))
    half = simulate(given, replace(make_plan(given), steps=steps))
    left = make_plan(half)
    assert {s.node for s in left.steps} == {worlds.node_named(given, n) for n in (1, 3)}


def test_what_else_the_file_says_by_now_is_left_alone() -> None:
    new = worlds.service("web", image="registry.example/web:9")
    more = worlds.service("new", image="registry.example/new:1")
    given = other_file(three(), SERVICES[0], new, SERVICES[2], more, caddy_image="registry.example/caddy:9")
    plan = make_plan(asked(given))
    assert {s.id.partition("/")[2] for s in plan.steps} == {
        "drain",
        "service/api/restart",
        "service/api/wait",
        "undrain",
    }
    assert [line.subject for line in plan.changes] == ["restart of api"]


def test_a_tag_that_moved_or_can_not_be_resolved_means_what_was_applied() -> None:
    given = asked(three())
    moved = worlds.resolved("registry.example/api:1.9")
    for answer in (moved, UnresolvedImage(reference="x", reason="no such image")):
        images = {**given.observed.images, "registry.example/api:1.8": answer}
        again = replace(given, observed=replace(given.observed, images=images))
        assert make_plan(again).steps == make_plan(given).steps


@pytest.mark.parametrize(
    "new",
    [
        worlds.service(config="level = 2\n"),
        worlds.service(image="registry.example/other:1"),
    ],
    ids=["a file", "an image"],
)
def test_a_service_that_is_to_change_is_not_restarted(new: worlds.Service) -> None:
    given = other_file(three(), new, *SERVICES[1:])
    with pytest.raises(Refused, match=r"is to change, on [^:]*: a restart changes nothing") as told:
        make_plan(asked(given))
    assert "dynia apply" in (told.value.hint or "")


def test_hands_on_its_files_are_not_brought_to_life() -> None:
    given = three()
    name = worlds.node_named(given, 3)
    edited = worlds.with_facts(given, name, worlds.edited("/opt/dynia/services/api/docker-compose.yml"))
    with pytest.raises(Refused, match=f"is to change, on {name}:"):
        make_plan(asked(edited))


def test_an_unknown_service_is_named_and_one_that_is_nowhere_too() -> None:
    with pytest.raises(Refused, match="cluster prod has no service apy") as told:
        make_plan(asked(three(), "apy"))
    assert told.value.hint == "its services: api, mailer, web"
    new = other_file(three(), *SERVICES, worlds.service("new", image="registry.example/new:1"))
    with pytest.raises(Refused, match="service new is on no node yet"):
        make_plan(asked(new, "new"))


def test_one_that_stands_still_is_made_first_and_the_others_when_it_serves() -> None:
    given = without(three(), 3)
    plan = make_plan(asked(given))
    assert {s.node for s in plan.steps} == {worlds.node_named(given, 3)}
    later = [s.node for s in plan.later if isinstance(s.action, RestartComponent)]
    assert later == [worlds.node_named(given, n) for n in (2, 1)]
    assert plan.waiting == ()


def test_a_node_that_says_nothing_is_left_alone_and_named() -> None:
    given = three(rollout=Rollout(max_unavailable=2))
    name = worlds.node_named(given, 3)
    plan = make_plan(asked(worlds.silent(given, name)))
    assert plan.not_observed == ((name, "no answer within 25 s"),)
    assert name not in {s.node for s in plan.steps} and plan.steps


def test_a_gate_that_is_open_is_passed_by_it() -> None:
    plan = make_plan(asked(three()))
    restart = next(s.action for s in plan.steps if isinstance(s.action, RestartComponent))
    gate = next(s.action for s in plan.steps if isinstance(s.action, WaitHealthy))
    assert restart.gated and gate.records
    assert gate.release == restart.release


def test_one_node_is_interrupted_and_says_so() -> None:
    spec = worlds.cluster(1, SERVICES)
    given = worlds.passes(replace(worlds.start(spec), templates=SMALL))[1]
    plan = make_plan(asked(given))
    assert plan.effect.interrupts == ("api",)
    assert [s.id.partition("/")[2] for s in plan.steps] == ["service/api/restart", "service/api/wait"]
