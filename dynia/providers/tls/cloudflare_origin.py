"""Certificates of Cloudflare's Origin CA: trusted by Cloudflare's proxy, and by nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from dynia.providers.guard import FREE, Guard
from dynia.providers.protocols import CertificateOrder, Certified
from dynia.providers.tls.request import kept, key_text, new_key, signing_request

ORIGIN = "cloudflare-origin"


class CloudflareOrigin:
    """Keeps the protocol `CertificateAuthority`."""

    def __init__(self, environment: Mapping[str, str] = os.environ, guard: Guard = FREE) -> None:
        self._environment, self._guard = environment, guard

    async def obtain(self, order: CertificateOrder, say: Callable[[str], None]) -> Certified:
        from dynia.providers.dns.cloudflare.account import account
        from dynia.providers.dns.cloudflare.origin_ca import OriginCa

        authority = OriginCa(account(self._environment, self._guard))
        key = new_key()
        say("asking Cloudflare's Origin CA")
        chain = await authority.issue(order.names, signing_request(key, order.names).decode())
        return Certified(pem=kept(ORIGIN, chain.encode(), key_text(key)))
