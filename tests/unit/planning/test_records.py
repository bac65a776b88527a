"""What is decided about names: bound, changed in place, unbound, left alone; and what people are told."""

from __future__ import annotations

import msgspec
import pytest

from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.plan_effect import many_names
from dynia.interfaces.desired import CloudflareDns, EnvSource, NoDns, NoEntry, Rfc2136Dns, VipEntry
from dynia.interfaces.observed import DnsRecord, NotObserved
from dynia.services.actions import BindDns, ReleaseReservedIp, UnbindDns
from dynia.services.planning.closing import closing_changes, opening_changes
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan, Step
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import allowed_in_preview, simulate
from dynia.state.model import Dns, Name, change
from tests.plans import worlds
from tests.plans.cases import changed, settled

ADDRESS, ELSE = "198.18.7.5", "203.0.113.7"
DNS = Rfc2136Dns(zone="example.com", server="ns.example.com", key="dynia", secret=EnvSource(env="DNS_KEY"))
replace = msgspec.structs.replace


def record(
    name: str, value: str = ADDRESS, kind: str = "A", *, ours: bool = True, **more: object
) -> DnsRecord:
    name = f"{name}.example.com" if name else "example.com"
    made = DnsRecord(record_id=f"{kind} {name} {value}", name=name, type=kind, value=value, ours=ours)
    return replace(made, **more)


def world(
    *domains: str, dns: Rfc2136Dns | CloudflareDns = DNS, services: tuple[worlds.Service, ...] = ()
) -> PlanningInput:
    """A settled cluster whose names are bound."""
    whole = tuple(f"{d}.example.com" if d else "example.com" for d in domains)
    return settled(worlds.cluster(services=services or (worlds.service(domains=whole),), dns=dns))


def seeing(given: PlanningInput, *records: DnsRecord) -> PlanningInput:
    return replace(given, observed=replace(given.observed, records=records))


def names(plan: Plan) -> tuple[Step, ...]:
    steps = (*plan.steps, *plan.later)
    return tuple(s for s in steps if isinstance(s.action, BindDns | UnbindDns))


def ids(plan: Plan) -> list[str]:
    return [s.id for s in names(plan)]


def told(plan: Plan) -> dict[str, str]:
    return {w.subject: w.reason for w in plan.waiting}


def drift(plan: Plan) -> list[tuple[str, str, str]]:
    return [(d.subject, d.category, d.detail) for d in plan.drift]


def values(given: PlanningInput) -> set[tuple[str, str, str]]:
    assert not isinstance(given.observed.records, NotObserved)
    return {(r.name, r.type, r.value) for r in given.observed.records if r.ours}


def test_a_first_apply_binds_every_name_and_settles() -> None:
    given = world("api", "www")
    assert values(given) == {("api.example.com", "A", ADDRESS), ("www.example.com", "A", ADDRESS)}
    assert make_plan(given).empty


def test_the_preview_of_a_first_apply_shows_the_names_before_the_address_is_known() -> None:
    plan = make_plan(worlds.start(worlds.cluster(dns=DNS)))
    assert ids(plan) == ["dns/A/api.example.com/bind"]
    assert [line.details for line in plan.changes if line.subject == "dns A api.example.com"] == [
        (("value", "(known after apply)"),)
    ]


def test_with_cname_the_first_domain_is_a_and_the_others_follow_it() -> None:
    given = world("api", "www", "shop", dns=replace(DNS, cname=True))
    assert values(given) == {
        ("api.example.com", "A", ADDRESS),
        ("www.example.com", "CNAME", "api.example.com"),
        ("shop.example.com", "CNAME", "api.example.com"),
    }
    plan = make_plan(seeing(given))
    a = "dns/A/api.example.com/bind"
    assert {s.id: s.after for s in names(plan)} == {
        a: (), "dns/CNAME/shop.example.com/bind": (a,), "dns/CNAME/www.example.com/bind": (a,),
    }  # fmt: skip


def test_one_domain_with_cname_is_an_a_record() -> None:
    assert values(world("api", dns=replace(DNS, cname=True))) == {("api.example.com", "A", ADDRESS)}


def test_from_a_to_cname_is_a_change_in_place() -> None:
    given = changed(world("api", "www"), dns=replace(DNS, cname=True))
    plan = make_plan(given)
    assert ids(plan) == ["dns/CNAME/www.example.com/change"]
    assert plan.drift == (), "what is pending is no drift"
    assert "was A 198.18.7.5" in names(plan)[0].action.sentence()
    _, end = worlds.passes(given)
    assert values(end) == {
        ("api.example.com", "A", ADDRESS),
        ("www.example.com", "CNAME", "api.example.com"),
    }


def test_a_domain_that_left_the_file_is_unbound() -> None:
    given = changed(world("api", "www"), services=(worlds.service(domains=("api.example.com",)),))
    plan = make_plan(given)
    assert ids(plan) == ["dns/A/www.example.com/unbind"]
    assert ("-", "dns A www.example.com") in [(line.sign, line.subject) for line in plan.changes]
    assert [d for d in plan.drift if d.kind == "record"] == []
    _, end = worlds.passes(given)
    assert values(end) == {("api.example.com", "A", ADDRESS)}


def test_the_record_that_others_lead_to_goes_after_they_were_changed() -> None:
    dns = replace(DNS, cname=True)
    given = changed(world("api", "www", dns=dns), services=(worlds.service(domains=("www.example.com",)),))
    steps = {s.id: s.after for s in names(make_plan(given))}
    change_ = "dns/A/www.example.com/change"
    assert steps == {change_: (), "dns/A/api.example.com/unbind": (change_,)}


def test_a_changed_reserved_ip_is_changed_in_place() -> None:
    given = changed(world("api"), entry=VipEntry(address="198.18.7.77"))
    plan = make_plan(given)
    assert ids(plan) == ["dns/A/api.example.com/change"]
    assert [d for d in plan.drift if d.kind == "record"] == []
    _, end = worlds.passes(given)
    assert values(end) == {("api.example.com", "A", "198.18.7.77")}


@pytest.mark.parametrize(
    ("kind", "value"), [("A", ELSE), ("AAAA", "2001:db8::7"), ("CNAME", "else.example.net")]
)
def test_a_record_of_somebody_else_stays_and_is_named(kind: str, value: str) -> None:
    theirs = record("api", value, kind, ours=False)
    plan = make_plan(seeing(world("api"), theirs))
    assert names(plan) == ()
    said = told(plan)["dns api.example.com"]
    assert f"{kind} {value} is in the way and is not ours" in said
    assert "adopt: true" in said


def test_with_adopt_it_is_taken_over_and_the_plan_shows_what_it_was() -> None:
    given = seeing(world("api", dns=replace(DNS, adopt=True)), record("api", ELSE, ours=False))
    fresh = replace(given, state=forgotten(given))
    plan = make_plan(fresh)
    assert ids(plan) == ["dns/A/api.example.com/adopt"]
    (line,) = [line for line in plan.changes if line.subject == "dns A api.example.com"]
    assert (line.sign, line.details[1]) == ("~", ("taken over", f"was A {ELSE}"))
    assert f"taken over  was A {ELSE}" in plan_text(plan, width=100)
    _, end = worlds.passes(fresh)
    assert values(end) == {("api.example.com", "A", ADDRESS)}


def forgotten(given: PlanningInput) -> worlds.State:
    """As if no name had ever been seen right."""
    clusters = tuple(replace(c, names=()) for c in given.state.clusters)
    return replace(given.state, clusters=clusters)


def test_several_records_of_somebody_else_are_never_taken_over() -> None:
    given = world("api", dns=replace(DNS, adopt=True))
    plan = make_plan(seeing(given, record("api", ELSE, ours=False), record("api", "203.0.113.8", ours=False)))
    assert names(plan) == ()
    assert "remove them by hand" in told(plan)["dns api.example.com"]


def test_a_second_record_beside_ours_is_told_and_holds_nothing_up() -> None:
    plan = make_plan(seeing(world("api"), record("api"), record("api", ELSE, ours=False)))
    assert plan.empty
    assert [w.final for w in plan.waiting] == [True]
    first, second = plan_text(plan, width=100).splitlines()
    assert first.startswith("prod: nothing to do")
    assert f"A {ELSE} is there too" in second


def test_what_cannot_stand_beside_a_cname_is_named() -> None:
    dns = replace(DNS, cname=True)
    texts = record("www", '"v=spf1 -all"', "TXT", ours=False)
    plan = make_plan(seeing(world("api", "www", dns=dns), record("api"), texts))
    assert names(plan) == ()
    assert "nothing can stand beside a CNAME" in told(plan)["dns www.example.com"]


def test_a_name_in_a_part_that_other_servers_answer_for_is_not_bound() -> None:
    given = seeing(world("api.dev"), record("dev", "ns.else.example", "NS", ours=False))
    plan = make_plan(given)
    assert names(plan) == ()
    assert "dev.example.com is delegated" in told(plan)["dns api.dev.example.com"]


def test_a_record_edited_by_hand_is_drift_and_put_back() -> None:
    plan = make_plan(seeing(world("api"), record("api", ELSE)))
    assert drift(plan) == [("api.example.com", "tampered", f"A {ADDRESS} → A {ELSE}")]
    assert ids(plan) == ["dns/A/api.example.com/change"]
    assert plan.changes == ()


def test_a_record_deleted_by_hand_is_drift_and_bound_again() -> None:
    plan = make_plan(seeing(world("api")))
    assert drift(plan) == [("api.example.com", "tampered", "gone")]
    assert ids(plan) == ["dns/A/api.example.com/bind"]


def test_a_name_that_was_never_bound_is_no_drift() -> None:
    given = seeing(changed(settled(worlds.cluster()), dns=DNS))
    plan = make_plan(given)
    assert plan.drift == ()
    assert ids(plan) == ["dns/A/api.example.com/bind"]


def test_a_record_of_ours_that_no_route_wants_is_an_orphan() -> None:
    plan = make_plan(seeing(world("api"), record("api"), record("old")))
    assert [(s, c) for s, c, _ in drift(plan)] == [("old.example.com", "orphan")]
    assert ids(plan) == ["dns/A/old.example.com/unbind"]


def test_what_is_left_of_a_mark_is_removed() -> None:
    left = record("old", "heritage=dynia,...", "TXT")
    plan = make_plan(seeing(world("api"), record("api"), left))
    assert [(s, c) for s, c, _ in drift(plan)] == [("old.example.com", "orphan")]
    assert [s.action.sentence() for s in names(plan)] == ["dns remove mark old.example.com"]
    assert plan.effect.names == 0


def test_what_is_left_of_a_mark_at_a_name_that_is_right_is_removed_too() -> None:
    plan = make_plan(seeing(world("api"), record("api"), record("api", "heritage=dynia,...", "TXT")))
    assert ids(plan) == ["dns/TXT/api.example.com/unbind"]


def test_two_records_of_ours_at_one_name_become_one() -> None:
    plan = make_plan(seeing(world("api"), record("api"), record("api", ELSE)))
    assert ids(plan) == ["dns/A/api.example.com/unbind"]
    assert isinstance(names(plan)[0].action, UnbindDns)
    assert names(plan)[0].action.found.value == ELSE


def test_domains_outside_the_zone_are_named_and_hold_nothing_up() -> None:
    services = (worlds.service(domains=("api.example.com", "api.example.org", "notexample.com")),)
    given = world(services=services)
    assert values(given) == {("api.example.com", "A", ADDRESS)}
    plan = make_plan(given)
    assert plan.empty
    assert told(plan).keys() == {"dns api.example.org", "dns notexample.com"}
    assert all(w.final for w in plan.waiting)
    home = given.state.cluster("prod")
    assert home is not None
    assert home.generation == 1


def test_no_name_is_bound_to_anything_but_the_reserved_ip() -> None:
    given = world("api", "www")
    own = {n.address for n in given.state.nodes_of("prod")} | {
        n.private_ip for n in given.state.nodes_of("prod")
    }
    assert {value for _, _, value in values(given)} == {ADDRESS}
    assert ADDRESS not in own


# the zone that the token sees
def test_the_longest_zone_that_holds_all_domains_is_taken_and_said() -> None:
    given = worlds.start(worlds.cluster(dns=CloudflareDns()))
    seen = replace(given.observed, zones=("com", "example.com", "api.example.org"))
    plan = make_plan(replace(given, observed=seen))
    assert [s.action.zone for s in names(plan) if isinstance(s.action, BindDns)] == ["example.com"]
    line = next(line for line in plan.changes if line.subject.startswith("dns "))
    assert ("zone", "example.com, the longest that the token sees") in line.details


def test_where_no_zone_holds_all_domains_a_person_must_say() -> None:
    services = (worlds.service(domains=("api.example.com", "api.example.org")),)
    given = worlds.start(worlds.cluster(services=services, dns=CloudflareDns()))
    plan = make_plan(replace(given, observed=replace(given.observed, zones=("example.com", "example.org"))))
    assert names(plan) == ()
    assert "no zone holds all of api.example.com, api.example.org" in told(plan)["dns"]


# proxied
def test_proxied_is_a_change_in_place_and_by_hand_it_is_drift() -> None:
    plain, proxied = CloudflareDns(zone="example.com"), CloudflareDns(zone="example.com", proxied=True)
    plan = make_plan(changed(world("api", dns=plain), dns=proxied))
    assert [s.why for s in names(plan)] == ["because dns.proxied changed"]
    plan = make_plan(seeing(world("api", dns=plain), record("api", proxied=True)))
    assert drift(plan) == [("api.example.com", "tampered", "proxied")]


# what the state remembers
def test_the_state_remembers_where_names_are_bound_and_no_secret() -> None:
    home = world("api").state.cluster("prod")
    assert home is not None
    assert home.dns == Dns(
        kind="rfc2136", zone="example.com", server="ns.example.com", key="dynia",
        algorithm="hmac-sha256", secret_env="DNS_KEY",
    )  # fmt: skip
    assert home.names == (Name(domain="api.example.com", type="A", value=ADDRESS),)


def test_a_server_that_did_not_answer_is_not_remembered() -> None:
    given = worlds.start(worlds.cluster(dns=DNS))
    silent = replace(given, observed=replace(given.observed, records=NotObserved(reason="refused")))
    (opened,) = opening_changes(silent)
    assert opened.cluster.dns is None  # type: ignore[union-attr]


def test_without_dns_in_the_file_the_names_are_unbound_and_then_forgotten() -> None:
    given = changed(world("api"), dns=NoDns())
    plan = make_plan(given)
    assert ids(plan) == ["dns/A/api.example.com/unbind"]
    _, end = worlds.passes(given)
    home = end.state.cluster("prod")
    assert home is not None
    assert (values(end), home.dns, home.names) == (set(), None, ())


def test_without_an_entry_the_names_go_before_the_address_is_given_back() -> None:
    given = changed(world("api"), dns=NoDns(), entry=NoEntry())
    plan = make_plan(given)
    (release,) = (s for s in (*plan.steps, *plan.later) if s.id == "reserved-ip/release")
    assert "dns/A/api.example.com/unbind" in release.after


def test_while_the_names_are_not_observed_the_address_is_kept() -> None:
    """A name that says it still would lead to whoever gets it next."""
    given = changed(world("api"), dns=NoDns(), entry=NoEntry())
    silent = replace(given, observed=replace(given.observed, records=NotObserved(reason="refused")))
    plan = make_plan(silent)
    assert "reserved-ip/release" not in [s.id for s in (*plan.steps, *plan.later)]
    reason = "is given back when the names that may lead to it are observed"
    assert told(plan)[f"reserved IP {ADDRESS}"] == reason


def test_the_former_address_is_given_back_after_the_names_lead_to_the_new_one() -> None:
    given = changed(world("api"), entry=VipEntry(address="198.18.7.99"))
    plan = make_plan(given)
    (release,) = (s for s in (*plan.steps, *plan.later) if s.id == "reserved-ip/address-1/release")
    assert "dns/A/api.example.com/change" in release.after


def test_another_zone_waits_until_the_names_are_unbound_in_the_first() -> None:
    given = changed(world("api"), dns=replace(DNS, zone="example.org"))
    plan = make_plan(seeing(given))
    assert names(plan) == ()
    assert "first apply `dns: {kind: none}`" in told(plan)["dns example.org"]


def test_another_server_of_the_same_zone_is_only_another_way_to_it() -> None:
    given = changed(world("api"), dns=replace(DNS, server="ns2.example.com"))
    assert make_plan(given).empty
    closing = closing_changes(given, at=1, by="test", commit="", worked=False, whole=True)
    state = given.state
    for each in closing:
        state = change(state, each)
    home = state.cluster("prod")
    assert home is not None
    assert home.dns is not None
    assert (home.dns.server, home.generation) == ("ns2.example.com", 1)


def test_a_record_that_a_dead_apply_made_is_noted_by_the_next_one() -> None:
    given = world("api")
    dead = worlds.kept(replace(given, state=forgotten(given)))
    assert make_plan(dead).empty
    closing = closing_changes(dead, at=1, by="test", commit="", worked=False, whole=True)
    assert [c.cluster.names for c in closing] == [  # type: ignore[union-attr]
        (Name(domain="api.example.com", type="A", value=ADDRESS),)
    ]


# not observed
def test_records_that_were_not_observed_make_no_step_and_are_said() -> None:
    given = changed(world("api", "www"), services=(worlds.service(domains=("api.example.com",)),))
    silent = replace(given, observed=replace(given.observed, records=NotObserved(reason="no answer")))
    plan = make_plan(silent)
    assert names(plan) == ()
    assert ("dns", "no answer") in plan.not_observed


# destroy
def test_destroy_takes_ours_first_and_leaves_the_rest() -> None:
    given = seeing(
        world("api"), record("api"), record("old"), record("old", "heritage=dynia,...", "TXT"),
        record("mail", ELSE, ours=False),
    )  # fmt: skip
    plan = make_plan(worlds.wanting(given, None))
    assert ids(plan) == [
        "dns/A/api.example.com/unbind", "dns/A/old.example.com/unbind", "dns/TXT/old.example.com/unbind/2",
    ]  # fmt: skip
    release = next(s for s in plan.steps if isinstance(s.action, ReleaseReservedIp))
    order = [s.id for s in plan.steps]
    assert order.index(release.id) > order.index("dns/A/api.example.com/unbind")
    assert ("-", "dns A api.example.com") in [(line.sign, line.subject) for line in plan.changes]


def test_destroy_keeps_the_address_while_a_name_may_still_lead_to_it() -> None:
    given = worlds.wanting(world("api"), None)
    silent = replace(given, observed=replace(given.observed, records=NotObserved(reason="no answer")))
    plan = make_plan(silent)
    assert not [s for s in plan.steps if isinstance(s.action, ReleaseReservedIp)]
    assert closing_changes(silent, at=1, by="test", commit="", worked=True, whole=False) == ()


def test_destroy_leaves_names_where_that_was_said_and_names_them() -> None:
    """A DNS server that never comes back must not hold machines and address for ever."""
    given = replace(worlds.wanting(world("api"), None), leave_names=True)
    given = replace(given, observed=replace(given.observed, records=()))
    plan = make_plan(given)
    assert names(plan) == () and plan.not_observed == ()
    assert [s for s in plan.steps if isinstance(s.action, ReleaseReservedIp)]
    assert "api.example.com" in told(plan)["dns example.com"]
    closed = simulate(given, plan)
    assert make_plan(closed).empty
    assert all(w.final for w in make_plan(closed).waiting)


# many at once
@pytest.mark.parametrize(("gone", "asked"), [(2, False), (3, False), (4, True)])
def test_more_than_a_third_and_at_least_three_is_asked_about(gone: int, asked: bool) -> None:
    all_of = [f"w{n}" for n in range(9)]
    left = tuple(f"{d}.example.com" for d in all_of[gone:])
    plan = make_plan(changed(world(*all_of), services=(worlds.service(domains=left),)))
    assert (plan.effect.names, plan.effect.names_there) == (gone, 9)
    assert many_names(plan) is asked
    assert ("CHANGES OR REMOVES" in plan_text(plan, width=120)) is asked


@pytest.mark.parametrize("there", [2, 3])
def test_two_names_are_never_many(there: int) -> None:
    left = tuple(f"w{n}.example.com" for n in range(2, there))
    services = (worlds.service(domains=left, default=not left),)
    plan = make_plan(changed(world(*(f"w{n}" for n in range(there))), services=services))
    assert plan.effect.names == 2
    assert not many_names(plan)


def test_new_names_are_not_counted() -> None:
    more = tuple(f"w{n}.example.com" for n in range(9))
    plan = make_plan(changed(world("w0"), services=(worlds.service(domains=more),)))
    assert plan.effect.names == 0


# law 4: what was approved
def test_a_record_that_came_since_was_not_approved_to_be_taken_over() -> None:
    """The file says adopt; the approved plan showed a new record, and now somebody else's stands there."""
    dns = replace(DNS, adopt=True)
    empty = worlds.start(worlds.cluster(dns=dns))
    approved = make_plan(empty)
    later = worlds.real(simulate(empty, approved))
    while not names(plan := make_plan(later)):
        later = worlds.real(simulate(later, plan))
    assert all(allowed_in_preview(s, approved) for s in names(make_plan(later)))
    came = make_plan(seeing(later, record("api", ELSE, ours=False)))
    assert ids(came) == ["dns/A/api.example.com/adopt"]
    assert not any(allowed_in_preview(s, approved) for s in names(came))


def test_another_record_than_the_one_that_was_shown_may_not_be_taken_over() -> None:
    dns = replace(DNS, adopt=True)
    given = world("api", dns=dns)
    given = replace(given, state=forgotten(given))
    approved = make_plan(seeing(given, record("api", ELSE, ours=False)))
    other = make_plan(seeing(given, record("api", "203.0.113.8", ours=False)))
    assert ids(approved) == ids(other)
    assert not any(allowed_in_preview(s, approved) for s in names(other))


def test_sync_touches_no_name_and_says_what_it_leaves() -> None:
    plan = make_plan(seeing(world("api"), record("old")), sync=True)
    assert plan.empty
    assert plan.drift == ()
    assert {w.reason for w in plan.waiting} == {
        f"dns A api.example.com → {ADDRESS}: needs apply", "dns remove A old.example.com: needs apply",
    }  # fmt: skip
