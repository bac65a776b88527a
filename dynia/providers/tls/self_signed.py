"""Certificates that Dynia signs with their own key: nobody trusts them who was not told to."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from dynia.providers.protocols import CertificateOrder, Certified
from dynia.providers.tls.request import kept, key_text, new_key

ORIGIN = "self-signed"
_DAYS = 365
# A node's clock may be a little behind this machine's.
_EARLIER = datetime.timedelta(hours=1)


class SelfSigned:
    """Keeps the protocol `CertificateAuthority`."""

    async def obtain(self, order: CertificateOrder, say: Callable[[str], None]) -> Certified:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

        key = new_key()
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Dynia, self-signed")])
        began = datetime.datetime.now(datetime.UTC) - _EARLIER
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(began)
            .not_valid_after(began + datetime.timedelta(days=_DAYS))
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(one) for one in order.names]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(key, hashes.SHA256())
        )
        return Certified(pem=kept(ORIGIN, made.public_bytes(Encoding.PEM), key_text(key)))
