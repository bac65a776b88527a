"""Names at a server that takes dynamic updates.

An update goes through only if what it changes is as it was read: its prerequisites say so (RFC 2136, section
2.4), so that nothing of somebody else's is written over, in a race either.
"""

from __future__ import annotations

import asyncio

import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.update

from dynia.interfaces.errors import DyniaError, Refused, Stale
from dynia.interfaces.observed import DnsRecord
from dynia.providers.dns.rfc2136.content import BOUND_TYPES, Content, record_of
from dynia.providers.dns.rfc2136.marks import PREFIX, claim_text
from dynia.providers.dns.rfc2136.server import Server
from dynia.providers.protocols import DnsMark, DnsWish

TTL, TEXT_TTL = 300, 60


class Rfc2136DnsProvider:
    """One call at a time: servers hand out a zone to few at once."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._turn = asyncio.Lock()

    async def zones(self) -> tuple[str, ...]:
        """A server does not tell: the file names the zone."""
        return ()

    async def list_records(self, zone: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        async with self._turn:
            return tuple((await self._content(zone)).records(mark))

    async def look_up(self, zone: str, name: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        found = await self.list_records(zone, mark)
        return tuple(r for r in found if r.name == name)

    async def create_record(self, zone: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        async with self._turn:
            content = await self._content(zone)
            if _is_there(content, wish, mark):
                return _made(wish)
            for kind in BOUND_TYPES:
                for value in content.at(wish.name, kind):
                    raise Refused(f"dns {wish.name}: {kind} {value} is in the way")
            _room_for(content, wish, ())
            await self._change(zone, content, wish.name, mark, add=wish)
            return _made(wish)

    async def adopt_record(self, zone: str, record_id: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        async with self._turn:
            content = await self._content(zone)
            kind, value = _meant(record_id, wish.name)
            if (wish.type, wish.value) != (kind, value) and _is_there(content, wish, mark):
                return _made(wish)
            if value not in content.at(wish.name, kind):
                raise Stale(f"dns {wish.name}: {kind} {value} is gone", hint="plan again and look")
            _room_for(content, wish, (kind, value))
            if _is_there(content, wish, mark):
                return _made(wish)
            await self._change(zone, content, wish.name, mark, add=wish, drop=(kind, value))
            return _made(wish)

    async def delete_record(self, zone: str, record_id: str, mark: DnsMark) -> None:
        async with self._turn:
            content = await self._content(zone)
            kind, _, rest = record_id.partition(" ")
            name, _, value = rest.partition(" ")
            if kind == "TXT":
                # What is left of a mark. Other texts are nobody's business here.
                if value in content.claims(name, mark):
                    await self._change(zone, content, name, mark)
                elif value in content.at(PREFIX + name, kind) or value in content.at(name, kind):
                    raise Refused(f"dns {name}: that TXT record is not this cluster's")
                return
            if value not in content.at(name, kind):
                return
            if (kind, value) not in content.owned(name, mark):
                raise Refused(f"dns {name}: {kind} {value} is not this cluster's")
            await self._change(zone, content, name, mark, drop=(kind, value))

    async def put_text(self, zone: str, name: str, text: str) -> None:
        async with self._turn:
            if text in (await self._content(zone)).at(name, "TXT"):
                return
            update = dns.update.UpdateMessage(zone)
            update.add(f"{name}.", TEXT_TTL, _txt(text))
            await self._server.update(zone, update)
            if text not in (await self._content(zone)).at(name, "TXT"):
                raise DyniaError(f"dns {name}: the server took a TXT record and does not have it")

    async def drop_text(self, zone: str, name: str, text: str) -> None:
        async with self._turn:
            update = dns.update.UpdateMessage(zone)
            update.delete(f"{name}.", _txt(text))
            await self._server.update(zone, update)

    async def _content(self, zone: str) -> Content:
        return Content(await self._server.transfer(zone))

    async def _change(
        self,
        zone: str,
        content: Content,
        name: str,
        mark: DnsMark,
        *,
        add: DnsWish | None = None,
        drop: tuple[str, str] | None = None,
    ) -> None:
        """One update: the record that goes, the one that comes, and the marks that say whose it is."""
        update = dns.update.UpdateMessage(zone)
        for where, kind in (*((name, kind) for kind in BOUND_TYPES), (PREFIX + name, "TXT")):
            there = tuple(content.at(where, kind).values())
            if there:
                update.present(f"{where}.", dns.rdataset.from_rdata(0, *there))
            else:
                update.absent(f"{where}.", kind)
        owned = content.owned(name, mark)
        if drop is not None:
            update.delete(f"{name}.", content.at(name, drop[0])[drop[1]])
        for text in content.claims(name, mark):
            # Also what is left of a mark whose record is gone.
            if text not in owned.values() or (drop is not None and owned.get(drop) == text):
                update.delete(f"{PREFIX}{name}.", _txt(text))
        if add is not None:
            value = f"{add.value}." if add.type == "CNAME" else add.value
            update.add(f"{name}.", TTL, dns.rdata.from_text(dns.rdataclass.IN, add.type, value))
            update.add(f"{PREFIX}{name}.", TTL, _txt(claim_text(add, mark)))
        await self._server.update(zone, update)


def _is_there(content: Content, wish: DnsWish, mark: DnsMark) -> bool:
    """Exactly what is wished, and marked as such: a changed value carries the mark of the old one."""
    return content.owned(wish.name, mark).get((wish.type, wish.value)) == claim_text(wish, mark)


def _room_for(content: Content, wish: DnsWish, instead_of: tuple[str, str] | tuple[()]) -> None:
    """Nothing may stand beside a CNAME; a server drops what breaks that, without a word."""
    others = {
        kind for kind in content.kinds_at(wish.name) if (kind, *content.at(wish.name, kind)) != instead_of
    }
    clash = others if wish.type == "CNAME" else others & {"CNAME"}
    if clash:
        kinds = " and ".join(sorted(clash))
        raise Refused(f"dns {wish.name}: {wish.type} cannot stand beside {kinds}")


def _meant(record_id: str, name: str) -> tuple[str, str]:
    kind, _, rest = record_id.partition(" ")
    where, _, value = rest.partition(" ")
    if where != name:
        raise Refused(f"dns {name}: {record_id} is another name's record")
    return kind, value


def _made(wish: DnsWish) -> DnsRecord:
    return record_of(wish.name, wish.type, wish.value, ours=True)


def _txt(text: str) -> dns.rdata.Rdata:
    """A TXT record holds strings of at most 255 bytes each."""
    raw = text.encode()
    pieces = [raw[at : at + 255] for at in range(0, len(raw), 255)] or [b""]
    quoted = " ".join('"' + "".join(f"\\{byte:03d}" for byte in piece) + '"' for piece in pieces)
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, quoted)
