"""Which certificate is served, when another one is got, and where it comes from."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import LETS_ENCRYPT, AcmeTls, CloudflareDns, FilesTls, NoTls, SelfSignedTls
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.observed import CertificateSeen, NodeFacts
from dynia.interfaces.pem import covers
from dynia.services.actions import ObtainCertificate, PushComponent
from dynia.services.planning.components import PEM
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.state.model import SetCertificate, change
from tests.plans import worlds
from tests.plans.cases import changed, settled, three, tls, tls_expires

DAY = 86_400
DOMAIN = "api.example.com"
FILES = FilesTls(certificate="/tls/chain.pem", key="/tls/key.pem")
replace = msgspec.structs.replace


def at(given: PlanningInput, days: int) -> PlanningInput:
    return replace(given, observed=replace(given.observed, at=days * DAY))


def with_certificate(given: PlanningInput, ordinal: int, found: CertificateSeen | None) -> PlanningInput:
    def edit(facts: NodeFacts) -> NodeFacts:
        return replace(facts, certificates={PEM: found} if found else {})

    return worlds.with_facts(given, worlds.node_named(given, ordinal), edit)


def of_files(given: PlanningInput, found: CertificateSeen | None) -> PlanningInput:
    """The file names files; `found` is what they hold."""
    assert given.desired is not None
    secrets = {**given.secrets, PEM: b"chain and key"} if found else given.secrets
    observed = replace(given.observed, certificate=found)
    return replace(given, desired=replace(given.desired, tls=FILES), observed=observed, secrets=secrets)


def ids(given: PlanningInput) -> list[str]:
    plan = make_plan(given)
    return [s.id for s in (*plan.steps, *plan.later)]


def test_a_certificate_is_got_once_and_then_left_alone() -> None:
    plans, end = worlds.passes(changed(three(), tls=SelfSignedTls()))
    assert [s.id for plan in plans for s in plan.steps].count("tls/obtain") == 1
    seen = {f.certificates[PEM].chain for f in end.observed.nodes.values() if isinstance(f, NodeFacts)}
    assert len(seen) == 1
    assert make_plan(end).empty
    kept = end.state.clusters[0].certificate
    assert kept is not None and {kept.chain} == seen and kept.names == (DOMAIN,)


def test_a_new_node_takes_the_certificate_from_one_that_has_it() -> None:
    given = changed(tls(), nodes=4)
    steps = [s for plan in worlds.passes(given)[0] for s in plan.steps]
    assert "tls/obtain" not in [s.id for s in steps]
    (push,) = [s.action for s in steps if s.id.endswith("/tls/push")]
    assert isinstance(push, PushComponent)
    assert push.keeper in {n.name for n in given.state.nodes_of("prod")} and push.keeper != push.node


@pytest.mark.parametrize(("days", "renewed"), [(59, False), (61, True), (89, True)])
def test_it_is_renewed_when_less_than_a_third_of_90_days_is_left(days: int, renewed: bool) -> None:
    assert ("tls/obtain" in ids(at(tls(), days))) is renewed


def test_a_year_long_certificate_is_renewed_30_days_before_its_end() -> None:
    year = replace(worlds.certificate(DOMAIN), not_before=0, not_after=365 * DAY)
    given = tls()
    for ordinal in (1, 2, 3):
        given = with_certificate(given, ordinal, year)
    assert "tls/obtain" not in ids(at(given, 334))
    assert "tls/obtain" in ids(at(given, 336))


def test_a_renewal_comes_after_everything_else() -> None:
    """An authority that does not answer today must not keep a deploy from being done."""
    plan = make_plan(tls_expires())
    assert "tls/obtain" not in [s.id for s in plan.steps]
    assert plan.later[0].id == "tls/obtain"


def test_a_renewal_waits_for_names_that_are_to_be_bound_too() -> None:
    given = changed(tls(), dns=CloudflareDns(zone="example.com"))
    plan = make_plan(at(given, 70))
    assert [s.id for s in plan.steps] == [f"dns/A/{DOMAIN}/bind"]
    assert plan.later[0].id == "tls/obtain"


def test_an_expired_one_is_got_first() -> None:
    plan = make_plan(at(tls(), 91))
    assert [s.id for s in plan.steps] == ["tls/obtain"]
    assert plan.steps[0].why == "because it expired"


def test_a_new_domain_means_a_new_certificate_and_one_that_goes_does_not() -> None:
    more = (worlds.service(domains=(DOMAIN, "www.example.com")),)
    (first,) = make_plan(changed(tls(), services=more)).steps
    assert isinstance(first.action, ObtainCertificate)
    assert first.action.names == (DOMAIN, "www.example.com")
    assert first.why == "because it is not for www.example.com"
    both = settled(worlds.cluster(tls=SelfSignedTls(), services=more))
    fewer = changed(both, services=(worlds.service(),))
    assert "tls/obtain" not in ids(fewer)


def test_another_kind_or_authority_means_another_certificate() -> None:
    other = AcmeTls(directory="https://acme.example/directory")
    (first,) = make_plan(changed(tls(), tls=other)).steps
    assert first.why == "because tls was self-signed and is acme-dns01 https://acme.example/directory"
    acme = settled(worlds.cluster(tls=AcmeTls()))
    recorded = acme.state.clusters[0].certificate
    assert recorded is not None and recorded.origin == f"acme-dns01 {LETS_ENCRYPT}"
    assert make_plan(changed(acme, tls=other)).steps[0].id == "tls/obtain"


def test_what_a_killed_run_left_on_a_node_is_taken_and_not_got_again() -> None:
    """The certificate is on its first node, and the state does not know it yet."""
    given = at(tls(), 70)
    given = with_certificate(given, 2, worlds.certificate(DOMAIN, days=90, at=70 * DAY))
    plans, end = worlds.passes(given)
    assert [s.id for plan in plans for s in plan.steps if s.id == "tls/obtain"] == []
    kept = end.state.clusters[0].certificate
    assert kept is not None and kept.not_after == 160 * DAY


def test_a_longer_lived_one_that_somebody_put_there_does_not_win_over_the_recorded_one() -> None:
    given = with_certificate(tls(), 2, worlds.certificate(DOMAIN, days=300))
    plan = make_plan(given)
    assert [s.id for s in plan.steps] == [f"{worlds.node_named(given, 2)}/tls/push"]
    assert [(d.subject, d.detail) for d in plan.drift] == [(PEM, "edited")]


@pytest.mark.parametrize("wrong", ["key", "origin", "names"])
def test_one_that_cannot_be_served_is_none(wrong: str) -> None:
    found = {
        "key": worlds.certificate(DOMAIN, fits=False),
        "origin": worlds.certificate(DOMAIN, origin="somebody"),
        "names": worlds.certificate("other.example.com"),
    }[wrong]
    given = tls()
    for ordinal in (1, 2, 3):
        given = with_certificate(given, ordinal, found)
    assert make_plan(given).steps[0].id == "tls/obtain"


def test_without_a_domain_there_is_nothing_to_get() -> None:
    spec = worlds.cluster(tls=SelfSignedTls(), services=(worlds.service(domains=(), default=True),))
    assert not [name for name in ids(worlds.start(spec)) if "tls" in name]


def test_without_tls_the_file_goes_and_the_state_forgets_it() -> None:
    plans, end = worlds.passes(changed(tls(), tls=NoTls()))
    assert [s.id for plan in plans for s in plan.steps if "/tls/" in s.id] == [
        f"{n.name}/tls/remove" for n in end.state.nodes_of("prod")
    ]
    assert end.state.clusters[0].certificate is None
    assert not any(PEM in {f.path for f in facts.files} for facts in end.observed.nodes.values())  # type: ignore[union-attr]


def test_files_are_pushed_and_a_renewed_one_is_a_change_with_its_reason() -> None:
    first = of_files(three(), worlds.certificate(DOMAIN, origin=""))
    plans, end = worlds.passes(first)
    assert "tls/obtain" not in [s.id for plan in plans for s in plan.steps]
    assert all(s.action.keeper == "" for p in plans for s in p.steps if isinstance(s.action, PushComponent))
    again = at(of_files(end, worlds.certificate(DOMAIN, days=90, at=60 * DAY, origin="")), 60)
    plan = make_plan(again)
    assert [s.id.partition("/")[2] for s in plan.steps] == ["tls/push"] * 3
    assert {s.why for s in plan.steps} == {"because it is renewed, and good for 90 d"}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (worlds.certificate("other.example.com"), "chain.pem is not for api.example.com"),
        (worlds.certificate(DOMAIN, fits=False), "key.pem is not the key of /tls/chain.pem"),
        (worlds.certificate(DOMAIN, days=50), "chain.pem expired 10 d ago"),
        (None, "there is no file /tls/chain.pem"),
    ],
)
def test_files_that_cannot_be_served_stop_the_plan(found: CertificateSeen | None, said: str) -> None:
    with pytest.raises(DyniaError, match=said) as caught:
        make_plan(at(of_files(three(), found), 60))
    assert "nothing was touched" in caught.value.hint


def test_where_the_files_are_not_at_hand_what_is_applied_is_still_the_one_that_is_wanted() -> None:
    _, end = worlds.passes(of_files(three(), worlds.certificate(DOMAIN, origin="")))
    away = replace(of_files(end, None), secrets=end.secrets)
    secrets = {p: c for p, c in end.secrets.items() if p != PEM}
    away = replace(away, secrets=secrets)
    assert make_plan(away).empty
    pushes = [s.action for s in worlds.passes(changed(away, nodes=4))[0][-1].steps]
    assert any(isinstance(p, PushComponent) and p.component == "tls" and p.keeper for p in pushes)


def test_a_node_that_can_have_no_certificate_gets_no_haproxy_that_needs_one() -> None:
    """Files that are not here, a state that knows them, and no node that has them."""
    given = of_files(three(), None)
    known = worlds.certificate(DOMAIN, origin="")
    from dynia.services.planning.certificates import record_of

    recorded = SetCertificate(cluster="prod", certificate=record_of(known, "files"))
    given = replace(given, state=change(given.state, recorded))
    plan = make_plan(given)
    assert not [s.id for s in plan.steps if "haproxy" in s.id or "tls" in s.id]
    assert {w.reason for w in plan.waiting} == {"its source is not here (compared at apply)"}


@pytest.mark.parametrize(
    ("names", "domain", "is_for"),
    [
        (("api.example.com",), "api.example.com", True),
        (("*.example.com",), "api.example.com", True),
        (("*.example.com",), "a.api.example.com", False),
        (("*.example.com",), "example.com", False),
        ((), "example.com", False),
    ],
)
def test_a_star_stands_for_one_label(names: tuple[str, ...], domain: str, is_for: bool) -> None:
    assert covers(names, domain) is is_for
