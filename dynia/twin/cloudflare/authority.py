"""The Origin CA of the account: one root for RSA and one for ECDSA, made once and kept."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dynia.twin.cloudflare.edge import Edge
from dynia.twin.exchange import Refusal

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
TYPES = ("origin-rsa", "origin-ecc")


@dataclass(frozen=True, slots=True)
class Signed:
    """`serial` is decimal and fits the 32 characters that an id has."""

    serial: str
    pem: str
    expires: float


def root(edge: Edge, request_type: str) -> tuple[Key, x509.Certificate]:
    """The root that signs this type of request."""
    row = edge.database.one("SELECT * FROM authorities WHERE request_type = ?", request_type)
    if row is None:
        key: Key = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
            if request_type == "origin-rsa"
            else ec.generate_private_key(ec.SECP256R1())
        )
        edge.database.run(
            "INSERT INTO authorities (request_type, key, certificate) VALUES (?, ?, ?)",
            request_type,
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
            _self_signed(edge, key, request_type).public_bytes(serialization.Encoding.PEM).decode(),
        )
        return root(edge, request_type)
    loaded = serialization.load_pem_private_key(row["key"].encode(), None)
    if not isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError(f"the twin's own key is a {type(loaded).__name__}")
    return loaded, x509.load_pem_x509_certificate(row["certificate"].encode())


def sign(edge: Edge, csr_pem: str, hosts: Sequence[str], request_type: str, days: int) -> Signed:
    """A certificate for the key of the request. Of the request nothing else counts."""
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
        request.public_key()
        if not request.is_signature_valid:
            raise InvalidSignature
    except (ValueError, InvalidSignature) as error:
        raise Refusal(400, "1008", "The CSR could not be read.") from error
    public = request.public_key()
    wanted = rsa.RSAPublicKey if request_type == "origin-rsa" else ec.EllipticCurvePublicKey
    if not isinstance(public, wanted):
        raise Refusal(400, "1011", f"The key of the CSR does not fit request_type {request_type}.")
    key, issuer = root(edge, request_type)
    now = datetime.fromtimestamp(edge.clock(), UTC)
    serial = 1 + secrets.randbits(100)
    expires = now + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(_name("CloudFlare Origin Certificate"))
        .issuer_name(issuer.subject)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(expires)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    return Signed(serial=str(serial), pem=pem, expires=expires.timestamp())


def _self_signed(edge: Edge, key: Key, request_type: str) -> x509.Certificate:
    now = datetime.fromtimestamp(edge.clock(), UTC)
    name = _name(f"The twin's {request_type} authority")
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=20 * 365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )


def _name(common: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "CloudFlare, Inc. (twin)")
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common)])
