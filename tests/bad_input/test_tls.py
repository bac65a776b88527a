"""Certificate files that cannot be served are mistakes of clusters.yaml, at the key that names them (law 12)."""

from __future__ import annotations

import pathlib

import pytest

from tests.bad_input.cases import Case, check, mistakes_of, write
from tests.bad_input.desired_cases import GOOD
from tests.fakes.certificates import authority

DOMAINS = ("api.example.com", "www.example.com")
ONE = authority().sign(*DOMAINS)
OTHER = authority().sign(*DOMAINS)
LOCKED = """-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi9HPyv
-----END ENCRYPTED PRIVATE KEY-----
"""


def case(name: str, rule: str, key: str, chain: str = ONE.chain, private: str = ONE.key) -> Case:
    marked = {"certificate": "tls/chain.pem", "key": "tls/key.pem"}
    marked[key] = f"«{marked[key]}»"
    tls = f"    tls: {{kind: files, certificate: {marked['certificate']}, key: {marked['key']}}}\n"
    return Case(
        name,
        rule,
        f"clusters.prod.tls.{key}",
        {"clusters.yaml": ("    provider: {kind: docker}\n", f"    provider: {{kind: docker}}\n{tls}")},
        {"tls/chain.pem": chain, "tls/key.pem": private},
    )


CASES = (
    case("a key of another certificate", "key-of-another-certificate", "key", private=OTHER.key),
    case("a key that is none", "bad-certificate", "key", private="not a key"),
    case("a key behind a passphrase", "bad-certificate", "key", private=LOCKED),
    case("a certificate that is none", "bad-certificate", "certificate", chain="not a certificate"),
    case(
        "a certificate that cannot be read",
        "bad-certificate",
        "certificate",
        chain="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ),
    case(
        "a certificate for other names",
        "certificate-lacks-domain",
        "certificate",
        *(lambda p: (p.chain, p.key))(authority().sign("other.example.com")),
    ),
    case(
        "a certificate without names",
        "certificate-lacks-domain",
        "certificate",
        *(lambda p: (p.chain, p.key))(authority().sign()),
    ),
)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_mistake_in_certificate_files_is_found_at_the_key(
    one: Case, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check(one, GOOD, tmp_path)


@pytest.mark.parametrize("left_out", ["", "tls/chain.pem", "tls/key.pem"])
def test_a_pair_is_good_and_so_is_one_that_is_on_another_machine(
    left_out: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(case("good", "", "key"), GOOD, tmp_path)
    if left_out:
        (tmp_path / left_out).unlink()
    assert mistakes_of(tmp_path) == ()


ACME = """    tls: {{kind: {kind}{more}}}
"""
ZONE = "    dns: {kind: rfc2136, zone: example.com, server: 198.18.0.1, key: k, secret: {env: S}}\n"


def acme(name: str, rule: str, key: str, more: str = "", kind: str = "acme-dns01", zone: str = ZONE) -> Case:
    old = "    provider: {kind: docker}\n"
    new = f"{old}{zone}{ACME.format(kind=kind, more=more)}"
    return Case(name, rule, f"clusters.prod.{key}", {"clusters.yaml": (old, new)})


@pytest.mark.parametrize(
    "one",
    [
        acme("no zone", "acme-without-zone", "tls.kind", kind="«acme-dns01»", zone=""),
        acme("no https", "bad-url", "tls.directory", ", directory: «'http://a.example/dir'»"),
        acme("no address", "bad-email", "tls.email", ", email: «nobody»"),
        acme("no such file", "missing-file", "tls.ca", ", ca: «./ca.pem»"),
    ],
    ids=str,
)
def test_mistake_about_acme_is_found_at_its_key(
    one: Case, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check(one, GOOD, tmp_path)


def test_a_name_outside_of_the_zone_cannot_be_proven(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = ZONE.replace("zone: example.com", "zone: www.example.com")
    one = acme("outside", "", "tls.kind", kind="«acme-dns01»", zone=elsewhere)
    write(one, GOOD, tmp_path)
    assert {(m.rule, m.key) for m in mistakes_of(tmp_path)} == {
        ("domain-outside-zone", "clusters.prod.services.api.domains[0]")
    }
