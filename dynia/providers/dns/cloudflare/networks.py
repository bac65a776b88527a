"""The networks that Cloudflare's proxy comes from, as Cloudflare publishes them."""

from __future__ import annotations

import ipaddress

from dynia.interfaces.errors import NotObservedError
from dynia.providers.dns.cloudflare.account import Account
from dynia.providers.dns.cloudflare.vendor import Vendor
from dynia.providers.pace import Patience


async def published_networks(account: Account, patience: Patience | None = None) -> tuple[str, ...]:
    """CIDR, IPv4 before IPv6. Whoever comes from elsewhere is not believed about whom it speaks for, so an
    answer that holds anything else is not taken at all."""
    vendor = Vendor(account, patience)
    async with vendor:
        told = (await vendor.ask("(none)", "ips.list"))["result"]
    try:
        four = [str(ipaddress.IPv4Network(one)) for one in told["ipv4_cidrs"]]
        six = [str(ipaddress.IPv6Network(one)) for one in told["ipv6_cidrs"]]
    except (KeyError, TypeError, ValueError) as error:
        raise NotObservedError(f"Cloudflare: its list of networks makes no sense ({error})") from error
    if not four:
        raise NotObservedError("Cloudflare: its list of networks is empty")
    return (*sorted(four), *sorted(six))
