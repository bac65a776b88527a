"""Certificate requests, as a runner makes them."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding


def signing_request(*hosts: str, key: Any = None) -> str:
    """PEM, for a fresh P-256 key unless another one is given."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.add_extension(names, critical=True).sign(key, digest).public_bytes(Encoding.PEM).decode()
