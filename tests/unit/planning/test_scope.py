"""A plan of a part of the file: what was named and what has to come along, and nothing else."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from dynia.commands.screens.plan import plan_text
from dynia.interfaces.desired import Health
from dynia.interfaces.errors import Refused
from dynia.services.actions import DeleteNode, ProvisionNode, PushComponent, RemoveComponent
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan, Step
from dynia.services.planning.planner import make_plan
from dynia.services.planning.scope import WHOLE, Scope, scope_of
from dynia.services.planning.simulate import simulate
from tests.examples import examples
from tests.plans import worlds
from tests.plans.cases import changed, first_deploy, new_and_removed_service, scale_down, scale_up, settled

replace = msgspec.structs.replace


def part(given: PlanningInput, *targets: str, excludes: tuple[str, ...] = ()) -> PlanningInput:
    return replace(given, scope=scope_of(given.desired, given.state, "prod", targets, excludes))


def both(**more: object) -> PlanningInput:
    """Two services whose images are others by now."""
    services = (worlds.service(), worlds.service("site", image="registry.example/site:1"))
    given = settled(worlds.cluster(services=services))
    new = (
        worlds.service(image="registry.example/api:1.9"),
        worlds.service("site", image="registry.example/site:2", **more),
    )
    return changed(given, services=new)


def pushed(plan: Plan) -> set[tuple[str, str]]:
    steps = (*plan.steps, *plan.later)
    return {(s.node, s.action.component) for s in steps if isinstance(s.action, PushComponent)}


def played(given: PlanningInput) -> tuple[list[Step], PlanningInput]:
    """Pass by pass until nothing is left of it."""
    done: list[Step] = []
    for _ in range(9):
        plan = make_plan(given)
        if not plan.steps:
            return done, given
        done += plan.steps
        given = worlds.real(simulate(given, plan))
    raise AssertionError("it does not settle")


def left(plan: Plan) -> set[str]:
    return {w.subject for w in plan.waiting if w.reason.startswith("left out")}


NODES = ("clever-raven", "hardy-lamb", "polar-falcon")


def test_a_service_comes_with_what_leads_to_it_and_without_the_others() -> None:
    plan = make_plan(part(both(), "api"))
    assert pushed(plan) == {(n, c) for n in NODES for c in ("service/api", "caddy")}
    assert left(plan) == {"service site"}
    assert {s.service: s.least for s in plan.effect.serving} == {"api": 2, "site": 3}
    assert {line.subject for line in plan.changes} == {"service api", "Caddyfile"}


def test_caddy_goes_on_leading_to_what_runs_of_the_others() -> None:
    _, after = played(part(both(), "api"))
    whole = replace(after, scope=WHOLE)
    assert {c for _, c in pushed(make_plan(whole))} == {"service/site", "caddy"}
    assert make_plan(whole).drift == ()


def test_a_node_is_done_alone_and_an_excluded_service_stays() -> None:
    plan = make_plan(part(both(), "hardy-lamb"))
    assert {node for node, _ in pushed(plan)} == {"hardy-lamb"}
    assert {c for _, c in pushed(make_plan(part(both(), excludes=("site",))))} == {"service/api", "caddy"}
    assert {n for n, _ in pushed(make_plan(part(both(), "api", excludes=("hardy-lamb",))))} == {
        "clever-raven",
        "polar-falcon",
    }


def test_without_caddy_no_release_comes_that_nobody_would_be_led_to() -> None:
    assert pushed(make_plan(part(both(), excludes=("caddy",)))) == set()


def test_a_node_that_comes_is_made_and_all_others_are_told_of_it() -> None:
    (new,) = make_plan(scale_up()).joining
    done, after = played(part(scale_up(), new))
    assert [s.node for s in done if isinstance(s.action, ProvisionNode)] == [new]
    told = {(s.node, s.action.component) for s in done if isinstance(s.action, PushComponent)}
    assert {(n, c) for n in NODES for c in ("haproxy", "keepalived")} <= told
    assert len(after.state.nodes_of("prod")) == 4


def test_a_machine_that_was_not_named_neither_comes_nor_goes() -> None:
    new = (worlds.service(image="registry.example/api:1.9"),)
    for world in (scale_up(), scale_down()):
        plan = make_plan(part(changed(world, services=new), "api"))
        assert not [s for s in (*plan.steps, *plan.later) if isinstance(s.action, ProvisionNode | DeleteNode)]
        assert {c for _, c in pushed(plan)} <= {"service/api", "caddy"}
        assert any(subject.startswith("node ") for subject in left(plan))
        assert not any(line.subject.startswith("node ") for line in plan.changes)


@pytest.mark.parametrize("exclude", ["clever-raven", "haproxy", "keepalived"])
def test_nobody_comes_or_goes_where_somebody_would_not_be_told(exclude: str) -> None:
    for world in (scale_up(), scale_down()):
        plan = make_plan(part(world, excludes=(exclude,)))
        assert not [s for s in (*plan.steps, *plan.later) if isinstance(s.action, ProvisionNode | DeleteNode)]


def test_one_of_two_that_leave_goes_and_the_configs_name_the_other_still() -> None:
    given = scale_down()
    gone, stays = worlds.node_named(given, 4), worlds.node_named(given, 3)
    done, after = played(part(given, gone))
    assert [s.node for s in done if isinstance(s.action, DeleteNode)] == [gone]
    assert stays in {node.name for node in after.state.nodes_of("prod")}


def test_a_service_that_left_the_file_goes_once_nothing_leads_there() -> None:
    done, _ = played(part(new_and_removed_service(), "old"))
    ids = [s.id for s in done]
    removed = [s.id for s in done if isinstance(s.action, RemoveComponent)]
    assert {s.split("/", 1)[1] for s in removed} == {"service/old/remove"} and len(removed) == 3
    assert max(ids.index(f"{n}/haproxy/push") for n in NODES) < min(ids.index(one) for one in removed)
    assert "hardy-lamb/service/mailer/push" not in ids


def test_nothing_goes_while_what_leads_there_is_left_out() -> None:
    plan = make_plan(part(new_and_removed_service(), excludes=("haproxy",)))
    assert not [s for s in (*plan.steps, *plan.later) if isinstance(s.action, RemoveComponent)]
    assert {"service old", "haproxy"} <= left(plan)


def test_a_first_deploy_of_one_service_makes_the_machines() -> None:
    given = changed(first_deploy(), services=(worlds.service(), worlds.service("site")))
    done, after = played(part(given, "api"))
    assert len(after.state.nodes_of("prod")) == 3
    assert not [s for s in done if "service/site" in s.id]


def test_haproxy_is_not_told_how_a_release_is_asked_that_is_left_out() -> None:
    given = both(health=Health(path="/new"))
    with pytest.raises(Refused, match=r"also says how site is asked") as caught:
        make_plan(part(given, "api"))
    assert "--target site" in caught.value.hint
    assert make_plan(part(given, "api", "site")).steps


def test_the_rest_is_said_and_the_digest_is_another_one() -> None:
    plan = make_plan(part(both(), "api"))
    screen = plan_text(plan, width=80)
    assert "Partial: --target service/api." in screen and "service site  left out" in screen
    assert plan.digest not in {make_plan(both()).digest, make_plan(part(both(), excludes=("site",))).digest}


@pytest.mark.parametrize(
    ("word", "said"),
    [("hardy-lamp", "did you mean hardy-lamb"), ("nothing-like-it", "known: "), ("haproxy", "which")],
)
def test_a_name_that_names_nothing_or_two_things_is_refused(word: str, said: str) -> None:
    given = settled(worlds.cluster(services=(worlds.service("haproxy"),)))
    with pytest.raises(Refused) as caught:
        part(given, word)
    assert said in caught.value.hint
    assert scope_of(given.desired, given.state, "prod", ["component/haproxy"], []) == Scope(
        targets=("haproxy",)
    )
    assert part(given, "service/haproxy").scope.targets == ("service/haproxy",)


WORLDS = {"both": both, "up": scale_up, "down": scale_down, "removed": new_and_removed_service}
NAMES = ("api", "site", "old", "mailer", "haproxy", "caddy", "keepalived", "firewall", *NODES)


@settings(max_examples=examples(120), deadline=None)
@drawn(
    world=st.sampled_from(sorted(WORLDS)),
    targets=st.sets(st.sampled_from(NAMES), max_size=3),
    excludes=st.sets(st.sampled_from(NAMES), max_size=2),
)
def test_after_any_part_of_it_the_rest_comes_to_the_same_end(
    world: str, targets: set[str], excludes: set[str]
) -> None:
    given = WORLDS[world]()
    known = {name for name in NAMES if _known(given, name)}
    scoped = part(given, *sorted(targets & known), excludes=tuple(sorted(excludes & known)))
    done, after = played(scoped)
    if not scoped.scope.whole:
        assert all(not scoped.scope.leaves(s.node) for s in done if isinstance(s.action, PushComponent))
    _, end = worlds.passes(replace(after, scope=WHOLE), 9)
    _, direct = worlds.passes(given, 9)
    assert {n.name: n.components for n in end.state.nodes} == {
        n.name: n.components for n in direct.state.nodes
    }


def _known(given: PlanningInput, name: str) -> bool:
    try:
        part(given, name)
    except Refused:
        return False
    return True
