"""Certificates for tests: an authority of their own, and what it signs."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """Chain and key, PEM."""

    chain: str
    key: str


@dataclass(frozen=True)
class TestAuthority:
    """Its own certificate, PEM, and what signs with it."""

    __test__ = False
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def sign(
        self,
        *names: str,
        days: int = 90,
        began_days_ago: int = 0,
        addresses: tuple[str, ...] = (),
        at: int | None = None,
    ) -> Pair:
        """For these names and addresses, good for `days` from now on, or from `at` (seconds of the epoch)."""
        key = ec.generate_private_key(ec.SECP256R1())
        built = _builder(
            key, _name(names[0] if names else "nobody"), self.certificate.subject, days, began_days_ago, at
        )
        if names:
            listed = x509.SubjectAlternativeName(
                [
                    *(x509.DNSName(name) for name in names),
                    *(x509.IPAddress(ipaddress.ip_address(one)) for one in addresses),
                ]
            )
            built = built.add_extension(listed, critical=False)
        made = built.sign(self.key, hashes.SHA256())
        return Pair(chain=made.public_bytes(Encoding.PEM).decode(), key=_text(key))


@cache
def authority() -> TestAuthority:
    """One for the whole run."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Dynia's tests")
    built = _builder(key, name, name, 365, 1).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return TestAuthority(certificate=built.sign(key, hashes.SHA256()), key=key)


def _builder(
    key: ec.EllipticCurvePrivateKey,
    subject: x509.Name,
    issuer: x509.Name,
    days: int,
    began_days_ago: int,
    at: int | None = None,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    now = now if at is None else datetime.datetime.fromtimestamp(at, datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=began_days_ago, minutes=5))
        .not_valid_after(now + datetime.timedelta(days=days, hours=1))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _text(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
