"""Which authority stands behind each kind of `tls`: imported when it is chosen."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from dynia.interfaces.desired import AcmeTls, CloudflareOriginTls, ClusterSpec, SelfSignedTls, ZoneDns
from dynia.interfaces.errors import DyniaError
from dynia.providers.guard import FREE, Guard
from dynia.providers.protocols import CertificateAuthority, CertificateOrder, Certified


def authority_for(
    spec: ClusterSpec | None, environment: Mapping[str, str] = os.environ, guard: Guard = FREE
) -> CertificateAuthority | None:
    """None where nobody has to be asked: without TLS, and with files that somebody else renews."""
    if spec is None:
        return None
    match spec.tls:
        case SelfSignedTls():
            from dynia.providers.tls.self_signed import SelfSigned

            return SelfSigned()
        case CloudflareOriginTls():
            from dynia.providers.tls.cloudflare_origin import CloudflareOrigin

            return CloudflareOrigin(environment, guard)
        case AcmeTls() as tls:
            return AcmeWhenAsked(tls, spec, environment, guard)
        case _:
            return None


class AcmeWhenAsked:
    """ACME, with its library and the zone's secret looked for when a certificate is to be got, and not for
    every look at a cluster."""

    def __init__(self, tls: AcmeTls, spec: ClusterSpec, environment: Mapping[str, str], guard: Guard) -> None:
        self._tls, self._spec, self._environment, self._guard = tls, spec, environment, guard

    async def obtain(self, order: CertificateOrder, say: Callable[[str], None]) -> Certified:
        from dynia.providers.dns.registry import dns_for
        from dynia.providers.dns.visible import servers_for
        from dynia.providers.tls.acme import Acme

        dns = self._spec.dns
        if not isinstance(dns, ZoneDns):
            raise DyniaError(f"cluster {self._spec.name}: acme-dns01 needs a zone to prove the names in")
        servers = servers_for(dns, self._environment)
        one = Acme(self._tls, dns.zone, dns_for(dns, self._environment, self._guard), servers, self._guard)
        return await one.obtain(order, say)
