"""Certificates as text (PEM): what the public parts of a file say, and whether a key is theirs."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from dynia.interfaces.observed import CertificateSeen
from dynia.interfaces.shape import Shape

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# The first line of a file that Dynia made: where it had the certificate from.
ORIGIN = "# dynia "
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s.*?-----END (?:[A-Z]+ )?PRIVATE KEY-----", re.DOTALL
)
_MOST_CERTIFICATES = 10


class Pem(Shape):
    """A certificate file: `content` is chain and key as HAProxy reads them, `seen` what is public of it."""

    content: bytes
    seen: CertificateSeen

    def __repr__(self) -> str:
        return f"Pem({self.seen.fingerprint[:12]}, [redacted])"


class PemError(Exception):
    """What is wrong with a certificate file or a key, in words."""


def covers(names: tuple[str, ...], domain: str) -> bool:
    """Whether one of a certificate's names is for this domain: the same, or ``*`` for its first label."""
    return any(name in (domain, f"*.{domain.partition('.')[2]}") for name in names)


def read_chain(raw: bytes, *, key_hash: str) -> CertificateSeen:
    """The certificates of a file, the leaf first. `key_hash` is the sha256 of the public key (DER) that
    belongs to the key beside them. Raises PemError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    blocks = _CERTIFICATE.findall(raw)[:_MOST_CERTIFICATES]
    if not blocks:
        raise PemError("holds no certificate (PEM, `-----BEGIN CERTIFICATE-----`)")
    chain = [_parsed(block) for block in blocks]
    ders = [one.public_bytes(Encoding.DER) for one in chain]
    leaf = chain[0]
    try:
        # What is inside of a certificate is read only when it is asked for.
        public = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        issuer = leaf.issuer.rfc4514_string()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PemError("holds a certificate that cannot be read") from error
    return CertificateSeen(
        fingerprint=hashlib.sha256(ders[0]).hexdigest(),
        chain=hashlib.sha256(b"".join(ders)).hexdigest(),
        names=_names(leaf),
        not_before=int(begins.timestamp()),
        not_after=int(ends.timestamp()),
        issuer=_shown(issuer),
        origin=_origin(raw),
        fits=hashlib.sha256(public).hexdigest() == key_hash,
    )


def read_pem(chain: bytes, key: bytes) -> Pem:
    """A chain and a key as one file. Raises PemError; that they are no pair is told by `seen.fits`."""
    found = _KEY.search(key)
    if found is None:
        locked = b"ENCRYPTED PRIVATE KEY" in key
        raise PemError("is locked with a passphrase" if locked else "holds no private key (PEM)")
    seen = read_chain(chain, key_hash=_public_hash(found.group()))
    mark = f"{ORIGIN}{seen.origin}\n".encode() if seen.origin else b""
    blocks = b"\n".join(_CERTIFICATE.findall(chain)[:_MOST_CERTIFICATES])
    return Pem(content=mark + blocks + b"\n" + found.group() + b"\n", seen=seen)


def _parsed(block: bytes) -> Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(block)
    except (ValueError, x509.InvalidVersion) as error:
        raise PemError("holds a certificate that cannot be read") from error


def _public_hash(key: bytes) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    try:
        private = load_pem_private_key(key, password=None)
    except TypeError as error:
        raise PemError("is locked with a passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PemError("holds a key that cannot be read") from error
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()


def _names(leaf: Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        named = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        ValueError,
    ):
        return ()
    return tuple(sorted({_shown(name.lower()) for name in named.get_values_for_type(x509.DNSName)}))


def _origin(raw: bytes) -> str:
    first = raw.lstrip().split(b"\n", 1)[0].decode("ascii", "replace")
    return _shown(first.removeprefix(ORIGIN).strip()) if first.startswith(ORIGIN) else ""


def _shown(text: str) -> str:
    """What comes from a certificate is shown to people: one line of harmless characters."""
    return "".join(c for c in text if c.isprintable())[:300]
