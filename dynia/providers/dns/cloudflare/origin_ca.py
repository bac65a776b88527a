"""Certificates of Cloudflare's Origin CA: issued for a request, listed, revoked.

Cloudflare's proxy trusts them, and nobody else does. What is listed after a lost answer is known by its key,
so that no second one is issued for the same request.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.shape import Shape
from dynia.providers.answers import MOST_ITEMS
from dynia.providers.dns.cloudflare.account import SSL_EDIT, TOKEN_NAME, ZONE_READ, Account
from dynia.providers.dns.cloudflare.vendor import Vendor
from dynia.providers.pace import Patience
from dynia.providers.vendor_calls import Gone, Json, Lacking, Settled

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

# Fifteen years: Cloudflare's own default.
DAYS = 5475


class OriginCertificate(Shape):
    """One that was issued and not revoked. `chain` is PEM; the root is not in it."""

    certificate_id: str
    hosts: tuple[str, ...]
    chain: str


class OriginCa:
    """The authority, as one token may use it."""

    def __init__(self, account: Account, patience: Patience | None = None) -> None:
        self._vendor = Vendor(account, patience)

    async def issue(self, hosts: Sequence[str], csr_pem: str, days: int = DAYS) -> str:
        """A certificate (PEM) for these hosts and the key of the request; if there is one already, that."""
        async with self._vendor:
            zone = await self._zone_of(hosts)
            kind, wanted = _request(csr_pem)
            body = {
                "csr": csr_pem,
                "hostnames": list(hosts),
                "request_type": kind,
                "requested_validity": days,
            }

            async def look() -> Settled[str] | Lacking:
                for one in await self._list(zone):
                    if set(one.hosts) == set(hosts) and _key_of(one.chain) == wanted:
                        return Settled(one.chain)
                return Lacking("issue", lambda: self._create(body))

            return await self._vendor.settle(f"origin certificate for {', '.join(hosts)}", look)

    async def issued(self, zone: str) -> tuple[OriginCertificate, ...]:
        """Those of a zone that were not revoked and have not expired."""
        async with self._vendor:
            return tuple(await self._list(zone))

    async def revoke(self, zone: str, certificate_id: str) -> None:
        """Revoked already is not an error."""
        async with self._vendor:

            async def look() -> Settled[None] | Lacking:
                if all(one.certificate_id != certificate_id for one in await self._list(zone)):
                    return Settled(None)
                return Lacking("revoke", lambda: self._revoke(certificate_id))

            await self._vendor.settle(f"origin certificate {certificate_id}", look)

    async def _zone_of(self, hosts: Sequence[str]) -> str:
        """The zone of the first host: what is issued is listed there. All hosts must be in zones of the
        token's, or Cloudflare refuses."""
        if not hosts:
            raise DyniaError("an origin certificate needs a host name")
        bare = hosts[0].removeprefix("*.")
        zones = [zone for zone in await self._vendor.zones() if bare == zone or bare.endswith(f".{zone}")]
        if not zones:
            raise DyniaError(
                f"Cloudflare: the token in {TOKEN_NAME} sees no zone that {bare} is in",
                hint=f"add the zone to the account, or give the token {ZONE_READ} for it",
            )
        return max(zones, key=len)

    async def _list(self, zone: str) -> list[OriginCertificate]:
        id = await self._vendor.zone_id(zone)
        found: dict[str, Json] = {}
        more: Json = {}
        while True:
            got = await self._vendor.ask(SSL_EDIT, "origin_ca_certificates.list", zone_id=id, **more)
            before = len(found)
            found |= {str(one["id"]): one for one in got["result"] or ()}
            total = int((got.get("result_info") or {}).get("total_count") or 0)
            if len(found) >= total or len(found) == before or len(found) > MOST_ITEMS:
                break
            more = {"page": more.get("page", 1) + 1}
        return [_as_certificate(one) for one in found.values() if _is_valid(str(one.get("certificate")))]

    async def _create(self, body: Json) -> None:
        await self._vendor.ask(SSL_EDIT, "origin_ca_certificates.create", repeatable=False, **body)

    async def _revoke(self, certificate_id: str) -> None:
        try:
            await self._vendor.ask(SSL_EDIT, "origin_ca_certificates.delete", certificate_id=certificate_id)
        except Gone:
            return  # an answer was lost, and the call made again


def _as_certificate(one: Json) -> OriginCertificate:
    hosts = tuple(sorted(str(host) for host in one.get("hostnames") or ()))
    return OriginCertificate(certificate_id=str(one["id"]), hosts=hosts, chain=str(one["certificate"]))


def _request(csr_pem: str) -> tuple[str, bytes]:
    """How Cloudflare calls a request for a key of this kind, and the key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        public = x509.load_pem_x509_csr(csr_pem.encode()).public_key()
    except ValueError as error:
        raise DyniaError("the certificate request cannot be read as PEM") from error
    if isinstance(public, rsa.RSAPublicKey):
        return "origin-rsa", _der(public)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return "origin-ecc", _der(public)
    raise DyniaError("Cloudflare's Origin CA signs RSA and ECDSA keys, and this is another one")


def _key_of(chain: str) -> bytes:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return _der(x509.load_pem_x509_certificate(chain.encode()).public_key())
    except (ValueError, UnsupportedAlgorithm):
        return b""  # of a key that no request of ours has


def _der(public: CertificatePublicKeyTypes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _is_valid(chain: str) -> bool:
    """It can be read, and has not expired."""
    from cryptography import x509

    try:
        ends = x509.load_pem_x509_certificate(chain.encode()).not_valid_after_utc
    except ValueError:
        return False
    return ends > datetime.datetime.now(datetime.UTC)
