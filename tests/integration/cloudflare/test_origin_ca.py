"""Certificates of the Origin CA: for the key of the request, once, chained to the authority, revocable."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import sqlite3
import time

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from dynia.interfaces.errors import DyniaError
from dynia.providers.dns.cloudflare.account import Account
from dynia.providers.dns.cloudflare.origin_ca import OriginCa
from tests.integration.cloudflare.requests import signing_request
from tests.twin.judged import rows
from tests.twin.judged_cloudflare import TOKEN, ZONE, cloudflare_in_a_thread

HOSTS = (f"api.{ZONE}", f"www.{ZONE}", f"*.{ZONE}")


@pytest.mark.parametrize("kind", ["origin-ecc", "origin-rsa"])
def test_a_certificate_is_for_the_hosts_and_the_key_of_the_request(tmp_path: pathlib.Path, kind: str) -> None:
    database = tmp_path / "twin.db"
    key = (
        ec.generate_private_key(ec.SECP256R1())
        if kind == "origin-ecc"
        else rsa.generate_private_key(65537, 2048)
    )
    request = signing_request(*HOSTS, key=key)
    with cloudflare_in_a_thread(database) as twin:
        authority = OriginCa(Account(TOKEN, twin.url))
        chain = asyncio.run(authority.issue(HOSTS, request))
        assert asyncio.run(authority.issue(HOSTS, request)) == chain
        roots = x509.load_pem_x509_certificates(httpx.get(f"{twin.url}/twin/origin-ca.pem").content)
    made = x509.load_pem_x509_certificate(chain.encode())
    assert made.public_key() == key.public_key()
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == list(HOSTS)
    (root,) = (one for one in roots if one.subject == made.issuer)
    made.verify_directly_issued_by(root)
    days = (made.not_valid_after_utc - made.not_valid_before_utc).days
    assert days == 5475
    (kept,) = rows(database, "SELECT * FROM certificates")
    assert (kept["request_type"], kept["validity"], kept["certificate"]) == (kind, 5475, chain)


def test_another_key_gets_another_certificate_and_both_are_listed(tmp_path: pathlib.Path) -> None:
    with cloudflare_in_a_thread(tmp_path / "twin.db") as twin:
        authority = OriginCa(Account(TOKEN, twin.url))
        chains = [asyncio.run(authority.issue(HOSTS, signing_request(*HOSTS))) for _ in range(2)]
        listed = asyncio.run(authority.issued(ZONE))
        assert {one.chain for one in listed} == set(chains)
        asyncio.run(authority.revoke(ZONE, listed[0].certificate_id))
        asyncio.run(authority.revoke(ZONE, listed[0].certificate_id))
        assert asyncio.run(authority.issued(ZONE)) == listed[1:]


def test_what_has_expired_or_cannot_be_read_is_not_offered_again(tmp_path: pathlib.Path) -> None:
    database, request = tmp_path / "twin.db", signing_request(*HOSTS)
    clock = [time.time() - 8 * 86400]
    with cloudflare_in_a_thread(database, clock=lambda: clock[0]) as twin:
        authority = OriginCa(Account(TOKEN, twin.url))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=f"{twin.url}/client/v4", headers=headers) as hand:
            body = {"csr": request, "hostnames": HOSTS, "request_type": "origin-ecc", "requested_validity": 7}
            old = hand.post("/certificates", json=body).json()["result"]["certificate"]
        clock[0] = time.time()
        made = asyncio.run(authority.issue(HOSTS, request))
        assert made != old
        with contextlib.closing(sqlite3.connect(database)) as edits:
            edits.execute("UPDATE certificates SET certificate = 'no PEM' WHERE certificate = ?", (old,))
            edits.commit()
        assert [one.chain for one in asyncio.run(authority.issued(ZONE))] == [made]


def test_the_validity_can_be_shorter(tmp_path: pathlib.Path) -> None:
    with cloudflare_in_a_thread(tmp_path / "twin.db") as twin:
        chain = asyncio.run(OriginCa(Account(TOKEN, twin.url)).issue(HOSTS, signing_request(*HOSTS), 90))
    made = x509.load_pem_x509_certificate(chain.encode())
    assert (made.not_valid_after_utc - made.not_valid_before_utc).days == 90


def test_refusals_are_in_words_and_nothing_is_issued(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    tokens = {
        "reads": {ZONE: frozenset(("Zone:Read", "DNS:Edit"))},
        TOKEN: {ZONE: frozenset(("Zone:Read", "SSL and Certificates:Edit"))},
    }
    good = signing_request(*HOSTS)
    other = ("api.other.example",)
    cases = (
        ("reads", HOSTS, good, "lacks the permission Zone / SSL and Certificates / Edit"),
        (TOKEN, other, signing_request(*other), "sees no zone that api.other.example is in"),
        (TOKEN, (*HOSTS, *other), good, "either not part of your account"),
        (TOKEN, (), good, "needs a host name"),
        (TOKEN, HOSTS, "no request", "cannot be read as PEM"),
        (
            TOKEN,
            HOSTS,
            signing_request(*HOSTS, key=ed25519.Ed25519PrivateKey.generate()),
            "signs RSA and ECDSA",
        ),
    )
    with cloudflare_in_a_thread(database, tokens=tokens) as twin:
        for token, hosts, request, words in cases:
            with pytest.raises(DyniaError) as caught:
                asyncio.run(OriginCa(Account(token, twin.url)).issue(hosts, request))
            assert words in caught.value.message
            assert token not in caught.value.message + caught.value.hint
    assert rows(database, "SELECT * FROM certificates") == []
