"""Certificates of the Origin CA, over Cloudflare's own SDK, from the twin."""

from __future__ import annotations

import asyncio
import pathlib

import httpx
import pytest
from cryptography import x509

from dynia.interfaces.errors import DyniaError
from dynia.providers.protocols import CertificateOrder, Certified
from dynia.providers.tls.cloudflare_origin import CloudflareOrigin
from tests.twin.judged_cloudflare import TOKEN, ZONE, cloudflare_in_a_thread

NAMES = (f"api.{ZONE}", f"www.{ZONE}")


def obtain(environment: dict[str, str]) -> Certified:
    return asyncio.run(CloudflareOrigin(environment).obtain(CertificateOrder(names=NAMES), lambda _: None))


def test_a_certificate_for_all_names_with_its_key_signed_by_the_origin_ca(tmp_path: pathlib.Path) -> None:
    with cloudflare_in_a_thread(tmp_path / "twin.db") as twin:
        got = obtain({"CLOUDFLARE_API_TOKEN": TOKEN, "DYNIA_CLOUDFLARE_URL": twin.url})
        roots = x509.load_pem_x509_certificates(httpx.get(f"{twin.url}/twin/origin-ca.pem").content)
    assert got.pem.seen.names == NAMES and got.pem.seen.fits
    assert got.pem.seen.origin == "cloudflare-origin"
    made = x509.load_pem_x509_certificate(got.pem.content)
    (root,) = (one for one in roots if one.subject == made.issuer)
    made.verify_directly_issued_by(root)


def test_each_has_a_key_of_its_own(tmp_path: pathlib.Path) -> None:
    with cloudflare_in_a_thread(tmp_path / "twin.db") as twin:
        environment = {"CLOUDFLARE_API_TOKEN": TOKEN, "DYNIA_CLOUDFLARE_URL": twin.url}
        first, second = obtain(environment), obtain(environment)
    assert first.pem.content.split(b"PRIVATE KEY")[1] != second.pem.content.split(b"PRIVATE KEY")[1]


def test_without_a_token_the_message_says_which_one() -> None:
    with pytest.raises(DyniaError, match="CLOUDFLARE_API_TOKEN is not set") as caught:
        obtain({})
    assert "SSL and Certificates" in caught.value.hint
