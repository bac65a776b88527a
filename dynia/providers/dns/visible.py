"""Whether every server of a zone already tells a record: asked at each of them, past all caches."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from dynia.interfaces.desired import Rfc2136Dns, ZoneDns
from dynia.interfaces.errors import NotObservedError
from dynia.interfaces.shape import Shape

_ANSWER_S = 3.0
_AGAIN_S = 1.0
_TOLD_S = 300.0
_TRIES = 3
# A zone has two to eight; each that is silent costs an answer's time.
_MOST_SERVERS = 20


class ZoneServers(Shape):
    """Who is asked which servers a zone has: an address and a port, or this machine's own resolver."""

    address: str = ""
    port: int = 53


def servers_for(dns: ZoneDns, environment: Mapping[str, str] = os.environ) -> ZoneServers:
    """The server that takes updates knows; else ``DYNIA_RESOLVER`` (address, or address:port)."""
    if isinstance(dns, Rfc2136Dns):
        return ZoneServers(address=dns.server, port=dns.port)
    address, _, port = environment.get("DYNIA_RESOLVER", "").partition(":")
    return ZoneServers(address=address, port=int(port) if port.isdigit() else 53)


async def wait_until_told(zone: str, texts: Mapping[str, str], asked: ZoneServers) -> None:
    """Until each server of the zone tells these TXT records. One that says nothing again and again is left
    out, as long as another one answers: whoever looks will not be told anything by it either."""
    servers = await _servers(zone, asked)
    quiet = dict.fromkeys(servers, 0)
    until = asyncio.get_running_loop().time() + _TOLD_S
    while True:
        told = dict(zip(servers, await asyncio.gather(*(_tells(s, texts) for s in servers)), strict=True))
        quiet = {server: quiet[server] + 1 if told[server] is None else 0 for server in servers}
        behind = [s for s in servers if told[s] is False or 0 < quiet[s] < _TRIES]
        if any(told.values()) and not behind:
            return
        if asyncio.get_running_loop().time() > until:
            names = ", ".join(address for address, _ in behind or servers)
            raise NotObservedError(
                f"zone {zone}: not told within {_TOLD_S:g} s by {names}",
                hint="look whether these servers follow the zone's primary",
            )
        await asyncio.sleep(_AGAIN_S)


async def _servers(zone: str, asked: ZoneServers) -> tuple[tuple[str, int], ...]:
    """(address, port) of each. One at the address of who was asked is asked at the same port."""
    import dns.exception

    first = await _address(asked.address) if asked.address else ""
    found: dict[tuple[str, int], None] = {(first, asked.port): None} if first else {}
    try:
        names = await _look_up(zone, "NS", first, asked.port)
        for name in names[:_MOST_SERVERS]:
            for address in await _look_up(name, "A", first, asked.port) or await _by_system(name):
                found[address, asked.port if address == first else 53] = None
    except (dns.exception.DNSException, OSError, EOFError, UnicodeError) as error:
        # An answer over TCP that breaks off; a name that no resolver takes.
        raise NotObservedError(f"zone {zone}: its servers cannot be found ({error})") from error
    if not found:
        raise NotObservedError(f"zone {zone}: it has no server that could be asked")
    return tuple(found)


async def _look_up(name: str, kind: str, address: str, port: int) -> list[str]:
    import dns.asyncquery
    import dns.asyncresolver
    import dns.message
    import dns.name
    import dns.rdatatype
    import dns.resolver

    if not address:
        try:
            answer = await dns.asyncresolver.resolve(name, kind)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return []
        return [rdata.to_text() for rdata in answer]
    query = dns.message.make_query(name, kind)
    said, _ = await dns.asyncquery.udp_with_fallback(query, address, port=port, timeout=_ANSWER_S)
    wanted = dns.name.from_text(name), dns.rdatatype.from_text(kind)
    return [r.to_text() for rrset in said.answer if (rrset.name, rrset.rdtype) == wanted for r in rrset]


async def _tells(server: tuple[str, int], texts: Mapping[str, str]) -> bool | None:
    """Whether it tells all of them. None: it does not answer."""
    found = await asyncio.gather(*(_texts(server, name) for name in texts))
    if any(one is None for one in found):
        return None
    return all(text in (one or ()) for text, one in zip(texts.values(), found, strict=True))


async def _texts(server: tuple[str, int], name: str) -> list[str] | None:
    import dns.asyncquery
    import dns.exception
    import dns.flags
    import dns.message
    from dns.rdtypes.ANY.TXT import TXT

    query = dns.message.make_query(name, "TXT")
    query.flags &= ~dns.flags.RD
    try:
        said, _ = await dns.asyncquery.udp_with_fallback(query, server[0], port=server[1], timeout=_ANSWER_S)
    except (dns.exception.DNSException, OSError, EOFError):
        return None
    found = [r for rrset in said.answer for r in rrset if isinstance(r, TXT)]
    return [b"".join(r.strings).decode("ascii", "replace") for r in found]


async def _by_system(name: str) -> list[str]:
    return [await _address(name.rstrip("."))]


async def _address(host: str) -> str:
    import socket

    found = await asyncio.get_running_loop().getaddrinfo(host, 53, family=socket.AF_INET)
    return str(found[0][4][0])
