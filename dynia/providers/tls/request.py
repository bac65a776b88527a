"""A fresh key, and what every certificate that is asked for it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynia.interfaces.pem import ORIGIN, Pem, PemError, read_pem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey


def new_key() -> EllipticCurvePrivateKey:
    """P-256: what every browser of the last ten years takes, and the cheapest to serve."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def key_text(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signing_request(key: EllipticCurvePrivateKey, names: tuple[str, ...]) -> bytes:
    """A CSR (PEM) for these names."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    listed = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.add_extension(listed, critical=True).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def kept(origin: str, chain: bytes, key: bytes) -> Pem:
    """The file that nodes keep; its first line says where the certificate came from."""
    try:
        return read_pem(f"{ORIGIN}{origin}\n".encode() + chain, key)
    except PemError as error:
        from dynia.interfaces.errors import ApplyFailed

        raise ApplyFailed(f"what {origin} gave {error}") from error
