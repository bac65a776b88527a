"""`dynia status` claims what was seen, and nothing about what was not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from dynia.commands.screens.status import status_text
from dynia.commands.screens.status_view import CellView, StatusView, status_view
from dynia.interfaces.desired import ApiEntry
from dynia.interfaces.node_requests import WHOLE_NODE, ServiceAnswer
from dynia.interfaces.observed import EntryAnswer, NodeFacts, NotObserved, ProviderAddress
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.matrix import Cell, to_ask
from dynia.services.planning.planner import make_plan
from tests.plans import worlds

SPEC = worlds.cluster(3, (worlds.service(), worlds.worker()))
SETTLED = worlds.settled(SPEC)
FIRST = worlds.node_named(SETTLED, 1)


def release() -> str:
    home = SETTLED.state.cluster("prod")
    assert home is not None
    return next(r for r in home.releases if r.component == "service/api").containers["web"]


def cells(given: PlanningInput, **changed: ServiceAnswer) -> tuple[Cell, ...]:
    """Everywhere the release of the state answers 200; `changed` by node, "entry" for the reserved IP."""
    well = ServiceAnswer(status=200, release=release())
    return tuple(
        replace(one.cell, answer=changed.get(one.cell.node.replace("-", "_") or "entry", well))
        for one in to_ask(given)
    )


def view(given: PlanningInput, **changed: ServiceAnswer) -> StatusView:
    return status_view(given, make_plan(given), cells(given, **changed))


def on(status: StatusView, service: str, node: str = FIRST) -> str:
    return next(s for s in status.services if s.name == service).on[node]


def edit(change: Callable[[NodeFacts], NodeFacts]) -> PlanningInput:
    return worlds.with_facts(SETTLED, FIRST, change)


def test_a_settled_cluster_is_ok_everywhere() -> None:
    status = view(SETTLED)
    assert {state for s in status.services for state in s.on.values()} == {"ok"}
    assert {state for node in status.nodes for state in node.parts.values()} == {"ok"}
    assert status.drift == status.pending == 0
    assert [node.holds_address for node in status.nodes].count(True) == 1
    assert (status.generation, status.split) == (1, "")


def test_a_node_that_somebody_drained_is_told_with_what_ends_it() -> None:
    status = view(edit(lambda f: replace(f, drained=(WHOLE_NODE,))))
    assert on(status, "api") == "drained" and on(status, "mailer") == "ok"
    assert [node.drained for node in status.nodes] == [node.name == FIRST for node in status.nodes]
    said = f"{FIRST}: drained by hand (until `dynia node undrain {FIRST}`)"
    assert said in status_text(status, width=100)
    assert "drained" not in status_text(view(SETTLED), width=100)


def test_a_service_that_is_kept_from_visitors_is_told() -> None:
    drained = edit(lambda facts: replace(facts, drained=("api",)))
    assert on(view(drained), "api") == "drained"
    assert on(view(drained), "mailer") == "ok"
    silent = ServiceAnswer()
    assert on(view(drained, **{FIRST.replace("-", "_"): silent}), "api") == "no answer, drained"


def test_nothing_is_claimed_about_a_node_that_did_not_answer() -> None:
    status = view(worlds.silent(SETTLED, FIRST, "connection refused"))
    node = next(node for node in status.nodes if node.name == FIRST)
    assert (node.reason, node.role, node.parts, node.holds_address) == ("connection refused", "", {}, False)
    assert {on(status, "api"), on(status, "mailer")} == {"not observed"}
    shown = status_text(status, width=80)
    assert "Not observed" in shown
    assert f"{FIRST}  connection refused" in shown


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ServiceAnswer(), "no answer"),
        (ServiceAnswer(said="can't connect"), "can't connect"),
        (ServiceAnswer(status=502), "HTTP 502"),
        (ServiceAnswer(status=404, release=release()), "HTTP 404"),
        (ServiceAnswer(status=200, release="0badc0ffee12"), "other release (0badc0ff)"),
        (ServiceAnswer(status=200), "other release (none)"),
        (ServiceAnswer(status=302, release=release()), "ok"),
    ],
)
def test_a_service_is_ok_where_its_own_release_answered(answer: ServiceAnswer, said: str) -> None:
    status = view(SETTLED, **{FIRST.replace("-", "_"): answer})
    assert on(status, "api") == said
    others = [name for name in SETTLED.observed.nodes if name != FIRST]
    assert {on(status, "api", name) for name in others} == {"ok"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": "exited", "exit_code": 137}, "exited (137)"),
        ({"state": "restarting"}, "restarting"),
        ({"health": "unhealthy"}, "unhealthy"),
        ({"health": "starting"}, "starting"),
        ({"state": "exited", "exit_code": 0}, "ok"),
    ],
)
def test_a_worker_is_what_its_containers_are(change: dict[str, object], said: str) -> None:
    def changed(facts: NodeFacts) -> NodeFacts:
        mine = tuple(replace(c, **change) if c.project == "dynia-mailer" else c for c in facts.containers)
        assert mine != facts.containers
        return replace(facts, containers=mine)

    assert on(view(edit(changed)), "mailer") == said


def test_a_container_that_is_gone_is_named() -> None:
    def gone(facts: NodeFacts) -> NodeFacts:
        return replace(facts, containers=tuple(c for c in facts.containers if c.project == "dynia-caddy"))

    status = view(edit(gone), **{FIRST.replace("-", "_"): ServiceAnswer(status=502)})
    assert on(status, "mailer") == "absent"
    assert on(status, "api") == "HTTP 502, absent"


def test_one_of_two_containers_that_is_gone_is_named() -> None:
    mailer = worlds.worker()
    twice = replace(mailer, containers=(*mailer.containers, replace(mailer.containers[0], name="queue")))
    given = worlds.settled(worlds.cluster(1, (twice,)))
    name = worlds.node_named(given, 1)

    def gone(facts: NodeFacts) -> NodeFacts:
        return replace(facts, containers=tuple(c for c in facts.containers if c.service != "queue"))

    seen = worlds.with_facts(given, name, gone)
    assert on(status_view(given, make_plan(given), ()), "mailer", name) == "ok"
    assert on(status_view(seen, make_plan(seen), ()), "mailer", name) == "queue gone"


@pytest.mark.parametrize(
    ("active", "enabled", "said"),
    [
        ("inactive", "disabled", "stopped"),
        ("failed", "enabled", "failed"),
        ("active", "disabled", "not enabled"),
        ("", "", "absent"),
        ("active", "enabled", "ok"),
    ],
)
def test_a_unit_is_what_systemd_says(active: str, enabled: str, said: str) -> None:
    def changed(facts: NodeFacts) -> NodeFacts:
        units = tuple(
            replace(unit, active=active, enabled=enabled) if unit.name.startswith("keepalived") else unit
            for unit in facts.units
        )
        return replace(facts, units=units)

    status = view(edit(changed))
    assert next(n for n in status.nodes if n.name == FIRST).parts["keepalived"] == said


def test_two_masters_are_said_in_the_head() -> None:
    def master(facts: NodeFacts) -> NodeFacts:
        home = SETTLED.state.cluster("prod")
        assert home is not None and home.reserved_ip is not None
        return replace(facts, vrrp="MASTER", addresses=(*facts.addresses, home.reserved_ip.address))

    holder = make_plan(SETTLED).holder
    other = next(name for name in SETTLED.observed.nodes if name != holder)
    status = view(worlds.with_facts(SETTLED, other, master))
    assert holder in status.split and other in status.split
    assert "VRRP and address agree" not in status_text(status, width=120)


def test_whoever_answers_at_the_address_is_one_of_those_who_must_agree() -> None:
    holder = make_plan(SETTLED).holder
    other = next(name for name in SETTLED.observed.nodes if name != holder)

    def shown(answer: EntryAnswer | NotObserved) -> tuple[StatusView, str]:
        seen = view(replace(SETTLED, observed=replace(SETTLED.observed, entry=answer)))
        return seen, " ".join(status_text(seen, width=200).split())

    right, text = shown(EntryAnswer(node=holder))
    assert right.split == "" and f"on {holder} (VRRP, address and probe agree)" in text
    wrong, text = shown(EntryAnswer(node=other))
    assert wrong.split == f"{holder} has it, {other} answers through it" and "agree" not in text
    mute, text = shown(NotObserved(reason="no answer within 2 s"))
    assert mute.split == "" and "(VRRP and address agree)" in text
    assert "asked from here: no answer within 2 s" in text


def test_with_entry_api_the_provider_is_one_of_those_who_must_agree() -> None:
    given = worlds.settled(worlds.cluster(3, (worlds.service(),), entry=ApiEntry()))
    first, second, _ = (n.name for n in given.state.nodes_of("prod"))

    def shown(owner: str) -> tuple[StatusView, str]:
        address = ProviderAddress(provider_id="address-1", address="198.18.7.5", owner=owner)
        observed = replace(given.observed, addresses=(address,), entry=EntryAnswer(node=first))
        seen = replace(given, observed=observed)
        found = status_view(seen, make_plan(seen), ())
        return found, " ".join(status_text(found, width=200).split())

    right, text = shown("box-1")
    assert f"on {first} (VRRP, provider and probe agree)" in text
    assert [node.name for node in right.nodes if node.holds_address] == [first]
    assert (right.entry.provider, right.entry.kernels, right.split) == (first, (), "")
    wrong, text = shown("box-2")
    assert wrong.split == f"{second} has it, {first} is MASTER" and "agree" not in text
    nobody, _ = shown("")
    assert nobody.split == "no node has it" and nobody.entry.provider == ""
    stranger, _ = shown("droplet of somebody else")
    assert stranger.split == "no node has it" and not any(n.holds_address for n in stranger.nodes)


def test_the_reserved_ip_is_a_place_of_its_own() -> None:
    shown = " ".join(status_text(view(SETTLED), width=120).split())
    assert f"api (api.example.com) ok {release()[:8]} on all 3 nodes and through the reserved IP" in shown
    old = view(SETTLED, entry=ServiceAnswer(status=200, release="0badc0ffee12"))
    (row,) = next(s for s in old.services if s.name == "api").rows
    assert row.entry == CellView(state="other release (0badc0ff)", release="0badc0ffee12")
    assert {on(old, "api", name) for name in SETTLED.observed.nodes} == {"ok"}
    mute = view(SETTLED, entry=ServiceAnswer(said="no answer in time", silent=True))
    assert "? not observed (no answer in time) through the reserved IP" in " ".join(
        status_text(mute, width=120).split()
    )


def test_what_was_not_applied_yet_is_not_asked_for() -> None:
    """A domain or a service that is only in the file would answer nothing, and that is no trouble."""
    more = replace(SPEC.services[0], domains=("api.example.com", "v2.example.com"))
    new = worlds.service("site")
    given = replace(SETTLED, desired=replace(SPEC, services=(more, *SPEC.services[1:], new)))
    assert {one.cell.domain for one in to_ask(given, applied=True)} == {"api.example.com"}
    assert {one.cell.domain for one in to_ask(given)} == {
        "api.example.com",
        "v2.example.com",
        "site.example.com",
    }


def test_a_node_that_is_lost_between_the_look_and_the_question_is_not_observed() -> None:
    lost = tuple(
        replace(one.cell, unseen="the connection broke")
        if one.cell.node == FIRST
        else replace(one.cell, answer=ServiceAnswer(status=200, release=release()))
        for one in to_ask(SETTLED)
    )
    status = status_view(SETTLED, make_plan(SETTLED), lost)
    assert on(status, "api") == "not observed (the connection broke)" and not status.observed
    assert view(SETTLED).observed and not view(worlds.silent(SETTLED, FIRST)).observed
