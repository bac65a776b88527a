"""The serving matrix: what is asked, of whom, and when an apply has not succeeded."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.desired import (
    ApiEntry,
    ClusterSpec,
    Entry,
    NoEntry,
    NoTls,
    SelfSignedTls,
    Service,
    Tls,
    VipEntry,
)
from dynia.interfaces.node_requests import ServiceAnswer
from dynia.interfaces.observed import NodeFacts
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.matrix import Cell, to_ask, unserved
from dynia.services.planning.plan import Waiting
from dynia.services.planning.serving import find_holder
from tests.examples import examples
from tests.plans import worlds

replace = msgspec.structs.replace
OFFERED = (
    worlds.service(domains=("api.example.com", "v2.example.com")),
    worlds.service("web"),
    replace(worlds.service("site", domains=()), default=True),
    worlds.worker(),
)
NO_TLS = NoTls()
ENTRIES: tuple[Entry, ...] = (VipEntry(), ApiEntry(), NoEntry())
OTHER = "0badc0ffee12a3b4"
# "right" stands for the release that runs.
WELL = ServiceAnswer(status=200, release="right")
ODD = (
    *(ServiceAnswer(status=status, release="right") for status in (204, 302, 404, 503)),
    *(ServiceAnswer(status=200, release=release) for release in ("", OTHER, OTHER)),
    ServiceAnswer(status=404, release=OTHER),
    ServiceAnswer(status=421),
    ServiceAnswer(status=502),
    ServiceAnswer(),
    ServiceAnswer(said="can't connect"),
    ServiceAnswer(said="no answer in time", silent=True),
)
ANSWERS = st.one_of(st.just(WELL), st.sampled_from(ODD))


def settled(
    nodes: int, services: tuple[Service, ...], entry: Entry = ENTRIES[0], tls: Tls = NO_TLS
) -> PlanningInput:
    return worlds.settled(worlds.cluster(nodes, services, entry=entry, tls=tls))


@st.composite
def seen(draw: st.DrawFn) -> tuple[PlanningInput, set[str]]:
    """A cluster as it was applied, and which of its nodes answer."""
    count = draw(st.integers(1, 3))
    services = tuple(draw(st.lists(st.sampled_from(OFFERED), unique_by=lambda s: s.name, min_size=1)))
    found = settled(count, services, draw(st.sampled_from(ENTRIES)))
    quiet = draw(st.sets(st.sampled_from(sorted(found.observed.nodes))))
    for name in quiet:
        found = worlds.silent(found, name)
    return found, set(found.observed.nodes) - quiet


def runs(given_: PlanningInput, service: str) -> str:
    """What the routed containers of a settled world say of themselves: not what the state says."""
    found = {
        container.config
        for facts in given_.observed.nodes.values()
        if isinstance(facts, NodeFacts)
        for container in facts.containers
        if (container.project, container.service) == (f"dynia-{service}", "web")
    }
    (release,) = found
    return release


@settings(max_examples=examples(60), deadline=None)
@given(seen())
def test_each_domain_is_asked_for_once_through_each_node_and_once_through_the_address(
    world: tuple[PlanningInput, set[str]],
) -> None:
    given_, up = world
    spec = given_.desired
    assert spec is not None
    domains = [(s.name, d) for s in spec.services if s.target for d in s.domains or ("",)]
    asked = to_ask(given_)
    own = [one for one in asked if one.cell.node]
    assert sorted((one.cell.service, one.cell.domain, one.cell.node) for one in own) == sorted(
        (service, domain, node) for service, domain in domains for node in up
    )
    assert all(one.on == one.cell.node and one.question.port == 8080 for one in own)
    through = [one for one in asked if not one.cell.node]
    there = bool(up) and not isinstance(spec.entry, NoEntry)
    assert sorted((o.cell.service, o.cell.domain) for o in through) == (sorted(domains) if there else [])
    assert len({one.on for one in through}) <= 1 and {one.on for one in asked} <= up
    assert to_ask(given_, applied=True) == asked


@settings(max_examples=examples(100), deadline=None)
@given(seen(), st.data())
def test_an_apply_has_succeeded_where_every_cell_shows_the_release_that_runs(
    world: tuple[PlanningInput, set[str]], data: st.DataObject
) -> None:
    given_, _ = world
    cells, bad = [], []
    for one in to_ask(given_):
        right = runs(given_, one.cell.service)
        drawn = data.draw(ANSWERS)
        heard = replace(drawn, release=right if drawn.release == "right" else drawn.release)
        unseen = data.draw(st.sampled_from(("", "", "", "the connection broke")))
        cells.append(replace(one.cell, answer=ServiceAnswer() if unseen else heard, unseen=unseen))
        asked_as_haproxy_does = one.cell.domain != "v2.example.com"
        well = 200 <= heard.status < 400 or (400 <= heard.status < 500 and not asked_as_haproxy_does)
        if unseen or heard.release != right or not well:
            bad.append(cells[-1])
    told = unserved(cells)
    assert bool(told) == bool(bad)
    for cell in bad:
        (line,) = [one for one in told if _is_told(cell, one)]
        assert not line.final
    assert all(any(_is_told(cell, one) for cell in bad) for one in told)


def _is_told(cell: Cell, line: Waiting) -> bool:
    """Whether a line is about this cell: its service, what is wrong, and where."""
    named = line.subject.split(" and ")[0]
    return (
        named in (cell.service, *(d for s in OFFERED if s.name == cell.service for d in s.domains))
        and line.reason.startswith(f"{cell.fault} through ")
        and line.unseen == cell.unknown
        and (cell.node or "the reserved IP") in line.reason.split(", where ")[0]
    )


def test_whoever_asks_for_the_address_is_let_in_and_takes_a_visitor_s_way_where_there_is_one() -> None:
    """The kernel's owner of a VIP passes its own firewall. With an API the way is the cloud's: another node takes it."""
    for entry in (VipEntry(), ApiEntry()):
        given_ = settled(3, OFFERED, entry)
        (asker,) = {one.on for one in to_ask(given_) if not one.cell.node}
        assert (asker == find_holder(given_)) == isinstance(entry, VipEntry)
    alone = settled(1, OFFERED, ApiEntry())
    assert {one.on for one in to_ask(alone)} == {find_holder(alone)}


def test_domains_are_asked_for_over_tls_where_the_cluster_ends_it() -> None:
    given_ = settled(2, OFFERED, tls=SelfSignedTls())
    ports = {(one.cell.domain, one.question.port) for one in to_ask(given_) if not one.cell.node}
    assert ports == {
        ("api.example.com", 443),
        ("v2.example.com", 443),
        ("web.example.com", 443),
        ("", 80),
    }
    spec = given_.desired
    assert spec is not None
    later = replace(given_, desired=replace(spec, tls=NoTls()))
    assert {o.question.port for o in to_ask(later) if not o.cell.node} == {80}
    assert {o.question.port for o in to_ask(later, applied=True) if not o.cell.node} == {80, 443}


def test_a_node_that_is_behind_may_answer_through_the_address_and_not_through_another_node() -> None:
    old = settled(2, (worlds.service(),))
    was = runs(old, "api")
    spec = worlds.cluster(2, (worlds.service(image="registry.example/api:1.9"),))
    new = worlds.settled(spec)
    home, before = new.state.cluster("prod"), old.state.cluster("prod")
    assert home and before
    second = new.state.nodes_of("prod")[1]
    behind = replace(second, components=old.state.nodes_of("prod")[1].components)
    state = replace(
        new.state,
        nodes=tuple(behind if n.name == second.name else n for n in new.state.nodes),
        clusters=(replace(home, releases=(*home.releases, *before.releases)),),
    )
    mixed = worlds.silent(replace(new, state=state), second.name)
    heard = ServiceAnswer(status=200, release=was)
    told = unserved(replace(one.cell, answer=heard) for one in to_ask(mixed))
    assert [one.reason.split(":")[0] for one in told] == [
        f"other release ({was[:8]}) through {new.state.nodes_of('prod')[0].name}, "
        f"where release {runs(new, 'api')[:8]} must answer"
    ]


@pytest.mark.parametrize("nodes", [1, 2, 5])
def test_equal_cells_are_one_line_however_many_there_are(nodes: int) -> None:
    cells = [
        Cell(
            service="api",
            domain=f"{d}.example.com",
            node=f"n-{n}",
            wanted=("ab01cd23ef",),
            answer=ServiceAnswer(status=502),
        )
        for d in "abc"
        for n in range(nodes)
    ]
    (one,) = unserved(cells)
    names = ", ".join(f"n-{n}" for n in range(min(nodes, 3))) + (" and 2 more" if nodes > 3 else "")
    assert one.subject == "a.example.com and 2 more"
    assert one.reason == (
        f"HTTP 502 through {names}, where release ab01cd23 must answer: `dynia logs api --node n-0`"
    )


def test_of_a_service_whose_release_nobody_recorded_nothing_is_judged() -> None:
    spec: ClusterSpec = worlds.cluster(1, (worlds.service(),))
    given_ = worlds.settled(spec)
    more = replace(given_, desired=replace(spec, services=(*spec.services, worlds.service("new"))))
    cells = [
        replace(one.cell, answer=ServiceAnswer(status=421))
        for one in to_ask(more)
        if one.cell.service == "new"
    ]
    assert cells and not unserved(cells)


@pytest.mark.parametrize(
    ("domain", "status", "fault"),
    [
        ("api.example.com", 404, "HTTP 404"),
        ("v2.example.com", 404, ""),
        ("v2.example.com", 503, "HTTP 503"),
        ("v2.example.com", 302, ""),
    ],
)
def test_a_name_that_haproxy_does_not_ask_for_may_have_nothing_at_the_health_path(
    domain: str, status: int, fault: str
) -> None:
    given_ = settled(1, OFFERED[:1])
    answer = ServiceAnswer(status=status, release=runs(given_, "api"))
    cells = [replace(one.cell, answer=answer) for one in to_ask(given_) if one.cell.domain == domain]
    assert [cell.fault for cell in cells] == [fault, fault]
