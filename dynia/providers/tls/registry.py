"""Which authority stands behind each kind of `tls`: imported when it is chosen."""

from __future__ import annotations

from dynia.interfaces.desired import ClusterSpec, SelfSignedTls
from dynia.providers.protocols import CertificateAuthority


def authority_for(spec: ClusterSpec | None) -> CertificateAuthority | None:
    """None where nobody has to be asked: without TLS, and with files that somebody else renews."""
    if spec is not None and isinstance(spec.tls, SelfSignedTls):
        from dynia.providers.tls.self_signed import SelfSigned

        return SelfSigned()
    return None
