"""What is done on one node, and what is called drift."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from dynia.interfaces.observed import ContainerSeen, FileSeen, NodeFacts, UnitSeen
from dynia.services.actions import ProvideImage, PushComponent
from dynia.services.actions.base import Recipe
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan, make_plan_with_recipes
from dynia.services.planning.simulate import apply_steps, rendered_for
from tests.plans import worlds
from tests.plans.cases import (
    HAPROXY,
    changed,
    each_serves_what_the_other_lacks,
    keepalived_stopped,
    new_image,
    three,
    without,
)

replace = msgspec.structs.replace


def found(world: PlanningInput, ordinal: int = 2) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Steps of a node without its name, and drift as (category, subject, detail)."""
    name = worlds.node_named(world, ordinal)
    plan = make_plan(world)
    assert {s.node for s in plan.steps} <= {name}
    return [s.id.removeprefix(f"{name}/") for s in plan.steps], [
        (d.category, d.subject, d.detail) for d in plan.drift
    ]


def on_second(edit: object) -> PlanningInput:
    world = three()
    return worlds.with_facts(world, worlds.node_named(world, 2), edit)  # type: ignore[arg-type]


def files(path: str, **more: object) -> object:
    def edit(facts: NodeFacts) -> NodeFacts:
        return replace(facts, files=tuple(replace(f, **more) if f.path == path else f for f in facts.files))

    return edit


def without_file(facts: NodeFacts) -> NodeFacts:
    return replace(facts, files=tuple(f for f in facts.files if f.path != HAPROXY))


def without_container(facts: NodeFacts) -> NodeFacts:
    return replace(facts, containers=tuple(c for c in facts.containers if c.project != "dynia-api"))


@pytest.mark.parametrize(
    ("edit", "steps", "drift"),
    [
        (worlds.edited(HAPROXY), ["haproxy/push"], ("tampered", HAPROXY, "edited")),
        (files(HAPROXY, mode=0o600), ["haproxy/push"], ("tampered", HAPROXY, "mode 644 → 600")),
        (
            files(HAPROXY, owner="bob:bob"),
            ["haproxy/push"],
            ("tampered", HAPROXY, "owner root:root → bob:bob"),
        ),
        (without_file, ["haproxy/push"], ("tampered", HAPROXY, "gone")),
        (
            worlds.dropped_in("/opt/dynia/haproxy/a.cfg"),
            ["strays/remove"],
            ("orphan", "/opt/dynia/haproxy/a.cfg", "unknown file"),
        ),
        (
            worlds.dropped_in("/opt/dynia/notes.txt"),
            ["strays/remove"],
            ("orphan", "/opt/dynia/notes.txt", "unknown file"),
        ),
        (
            without_container,
            ["service/api/activate", "service/api/wait"],
            ("tampered", "dynia-api-web", "is gone"),
        ),
        (
            keepalived_stopped,
            ["keepalived/activate"],
            ("tampered", "keepalived.service", "stopped and disabled"),
        ),
    ],
)
def test_each_tampering_is_named_and_only_it_is_repaired(
    edit: object, steps: list[str], drift: tuple[str, str, str]
) -> None:
    assert found(on_second(edit)) == (steps, [drift])


def test_one_file_of_a_component_is_written_and_no_other() -> None:
    (step,) = make_plan(on_second(worlds.edited(HAPROXY))).steps
    assert isinstance(step.action, PushComponent)
    assert step.action.write == (HAPROXY,) and step.action.delete == ()


def test_an_unknown_container_in_our_project_is_an_orphan_and_a_foreign_one_is_nothing() -> None:
    def edit(facts: NodeFacts) -> NodeFacts:
        ours = ContainerSeen(
            id="z", name="dynia-api-debug", image="y", state="running", project="dynia-api", service="debug"
        )
        theirs = replace(ours, id="q", name="pg", project="billing")
        return replace(facts, containers=(*facts.containers, ours, theirs))

    steps, drift = found(on_second(edit))
    assert steps == ["drain", "service/api/activate", "service/api/wait", "undrain"]
    assert [(category, subject) for category, subject, _ in drift] == [("orphan", "dynia-api-debug")]


def test_a_dropped_folder_is_one_orphan_and_an_empty_one_is_nothing() -> None:
    folder = FileSeen(path="/opt/dynia/old", kind="dir", mode=0o755, owner="root:root")

    def empty(facts: NodeFacts) -> NodeFacts:
        return replace(facts, files=(*facts.files, folder))

    assert found(on_second(empty)) == ([], [])
    inside = worlds.dropped_in("/opt/dynia/old/a")
    steps, drift = found(on_second(lambda facts: inside(empty(facts))))
    assert steps == ["strays/remove"] and [subject for _, subject, _ in drift] == ["/opt/dynia/old"]


def test_a_path_that_drifted_and_is_pending_shows_in_both() -> None:
    world = changed(three(), services=(worlds.service(domains=("v2.example.com",)),))
    plan = make_plan(worlds.with_facts(world, worlds.node_named(world, 2), worlds.edited(HAPROXY)))
    assert [d.subject for d in plan.drift] == [HAPROXY]
    assert "haproxy.cfg" in [line.subject for line in plan.changes]


def test_a_stopped_unit_is_drift_also_where_its_config_is_pending() -> None:
    world = changed(three(), services=(worlds.service(domains=("v2.example.com",)),))

    def stopped(facts: NodeFacts) -> NodeFacts:
        dead = UnitSeen(name="haproxy.service", active="failed", enabled="enabled")
        return replace(facts, units=tuple(dead if u.name == dead.name else u for u in facts.units))

    plan = make_plan(worlds.with_facts(world, worlds.node_named(world, 2), stopped))
    assert [(d.subject, d.detail) for d in plan.drift] == [("haproxy.service", "failed")]


def test_pending_changes_alone_are_no_drift() -> None:
    assert make_plan(changed(three(), services=new_image())).drift == ()


def test_a_push_that_was_killed_before_it_was_recorded_is_no_drift_and_is_recorded() -> None:
    world = changed(three(), services=(worlds.service(domains=("v2.example.com",)),))
    name = worlds.node_named(world, 2)
    step = next(s for s in make_plan(world).steps if s.id == f"{name}/haproxy/push")
    done = apply_steps(world, (replace(step, after=()),), rendered_for(world))
    unrecorded = replace(world, observed=done.observed)
    plan = make_plan(unrecorded)
    assert plan.drift == ()
    assert f"{name}/haproxy/record" in [s.id for s in plan.steps]


def test_a_gate_that_was_not_passed_is_asked_again_even_for_the_same_release() -> None:
    world = three()
    name = worlds.node_named(world, 2)
    torn = worlds.with_facts(world, name, without_container)
    first = make_plan(torn).steps[0]
    assert first.id == f"{name}/service/api/activate"
    half = apply_steps(torn, (first,), rendered_for(torn))
    assert found(half) == (["service/api/wait"], [])


def test_an_unfinished_push_is_activated_again() -> None:
    steps, drift = found(on_second(lambda f: replace(f, unfinished=("haproxy",))))
    assert (steps, drift) == (["haproxy/activate"], [])


def test_nodes_that_wait_for_each_other_go_on_in_the_ways_that_people_are_told() -> None:
    stuck = changed(each_serves_what_the_other_lacks(), caddy_image="docker.io/caddy:9.9")
    assert [w.subject for w in make_plan(stuck).waiting][-1] == "clever-raven and hardy-lamb"
    services = (worlds.service(), worlds.service("web"))
    back = worlds.passes(changed(stuck, services=services, caddy_image=""))[1]
    assert make_plan(back).waiting == ()
    again = worlds.passes(worlds.wanting(back, stuck.desired))[1]
    assert make_plan(again).waiting == () and make_plan(again).empty

    stopped = worlds.with_facts(stuck, worlds.node_named(stuck, 1), lambda f: without(f, "dynia-api"))
    end = worlds.passes(stopped)[1]
    assert make_plan(end).waiting == () and make_plan(end).empty


def test_where_each_serves_what_another_lacks_one_takes_a_part_and_goes_on_serving_the_rest() -> None:
    """Its Caddyfile leads the service that must stay to the container that runs there."""
    stuck = each_serves_what_the_other_lacks()
    first, other = (worlds.node_named(stuck, n) for n in (1, 2))
    plan, recipes = make_plan_with_recipes(stuck)
    work = [s for s in plan.steps if not isinstance(s.action, ProvideImage)]
    assert [s.id.removeprefix(f"{first}/") for s in work] == [
        "service/web/push",
        "caddy/push",
        "service/web/wait",
    ]
    assert not any(s.disturbs for s in work)
    facts = stuck.observed.nodes[first]
    assert isinstance(facts, NodeFacts)
    (runs,) = (c.config for c in facts.containers if c.project == "dynia-api")
    page = caddyfile(recipes[first])
    assert f" api-{runs[:8]}:8080 {runs}\n" in page
    assert runs not in caddyfile(recipes[other])
    end = worlds.passes(stuck)[1]
    assert make_plan(end).empty and make_plan(end).waiting == ()


def test_what_stands_before_caddy_and_starts_again_keeps_nobody_from_taking_a_part() -> None:
    stuck = each_serves_what_the_other_lacks()
    first, other = (worlds.node_named(stuck, n) for n in (1, 2))
    for name in (first, other):
        stuck = worlds.with_facts(
            stuck, name, worlds.edited("/etc/systemd/system/haproxy.service.d/dynia.conf")
        )
    ids = [s.id.removeprefix(f"{first}/") for s in make_plan(stuck).steps if s.node == first]
    assert "service/web/push" in ids and "haproxy/push" not in ids
    end = worlds.passes(stuck)[1]
    assert make_plan(end).empty and make_plan(end).waiting == ()


def caddyfile(recipes: Mapping[str, Recipe]) -> str:
    (file,) = (f for f in recipes["caddy"].release.files if f.path.endswith("/Caddyfile"))
    return file.content.decode()


def test_a_silent_node_is_reason_enough_to_wait() -> None:
    world = worlds.silent(three(), worlds.node_named(three(), 2))
    waiting = make_plan(changed(world, services=new_image())).waiting
    assert waiting and all("must serve" in w.reason for w in waiting)
