"""Which implementation stands behind each `dns: {kind: ...}`: imported when it is chosen."""

from __future__ import annotations

from collections.abc import Mapping

from dynia.interfaces.desired import CloudflareDns, ZoneDns
from dynia.providers.guard import FREE, Guard
from dynia.providers.protocols import DnsProvider


def dns_for(dns: ZoneDns, environment: Mapping[str, str], guard: Guard = FREE) -> DnsProvider:
    """The vendor of a cluster's names. Secrets come from `environment`; nothing is asked yet."""
    if isinstance(dns, CloudflareDns):
        from dynia.providers.dns.cloudflare.account import account
        from dynia.providers.dns.cloudflare.provider import CloudflareDnsProvider

        return CloudflareDnsProvider(account(environment, guard))
    from dynia.providers.dns.rfc2136.provider import Rfc2136DnsProvider
    from dynia.providers.dns.rfc2136.server import server_for

    return Rfc2136DnsProvider(server_for(dns, environment, guard))
