"""Records of a zone: looked at, made once, taken over in place, deleted if they are ours."""

from __future__ import annotations

from dynia.interfaces.errors import Refused, Stale
from dynia.interfaces.observed import DnsRecord
from dynia.providers.dns.cloudflare.account import DNS_EDIT
from dynia.providers.dns.cloudflare.marks import CHALLENGE, comment
from dynia.providers.dns.cloudflare.vendor import Taken, Vendor
from dynia.providers.protocols import DnsMark, DnsWish
from dynia.providers.vendor_calls import Gone, Json, Lacking, Pending, Settled

BOUND_TYPES = ("A", "AAAA", "CNAME")
A_PAGE = 500
AUTOMATIC, CHALLENGE_TTL = 1, 60
Seen = Settled[DnsRecord] | Pending | Lacking


class Records:
    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    async def find(self, zone: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        id = await self._vendor.zone_id(zone)
        found = await self._vendor.pages(DNS_EDIT, "dns.records.list", A_PAGE, zone_id=id)
        return tuple(_as_record(one, mark) for one in _sorted(found))

    async def at(self, zone: str, name: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        id = await self._vendor.zone_id(zone)
        return tuple(_as_record(one, mark) for one in await self._at(id, name))

    async def create(self, zone: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        id = await self._vendor.zone_id(zone)
        body = _body(wish, mark)

        async def look() -> Seen:
            bound = _bound(await self._at(id, wish.name))
            for one in bound:
                if _is(one, wish, mark):
                    return Settled(_as_record(one, mark))
            for one in bound:
                raise Refused(f"dns {wish.name}: {one['type']} {_value(one)} is in the way")
            return Lacking("create", lambda: self._make(id, body))

        return await self._vendor.settle(f"dns {wish.name}", look)

    async def adopt(self, zone: str, record_id: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        id = await self._vendor.zone_id(zone)
        body = _body(wish, mark)

        async def look() -> Seen:
            one = await self._get(id, record_id)
            others = [other for other in await self._at(id, wish.name) if other["id"] != record_id]
            if one is not None and _is(one, wish, mark):
                return Settled(_as_record(one, mark))
            for other in _bound(others):
                if _is(other, wish, mark):
                    return Settled(_as_record(other, mark))
            if one is None:
                raise Stale(f"dns {wish.name}: the record is gone", hint="plan again and look")
            if _name(one) != wish.name:
                raise Refused(f"dns {wish.name}: {record_id} is another name's record ({_name(one)})")
            _room_for(others, wish)
            verb = "edit" if one["type"] == wish.type else "update"
            return Lacking("change", lambda: self._change(verb, id, record_id, body))

        return await self._vendor.settle(f"dns {wish.name}", look)

    async def delete(self, zone: str, record_id: str, mark: DnsMark) -> None:
        id = await self._vendor.zone_id(zone)

        async def look() -> Settled[None] | Lacking:
            one = await self._get(id, record_id)
            if one is None:
                return Settled(None)
            if not _ours(one, mark):
                raise Refused(
                    f"dns {_name(one)}: {one['type']} {_value(one)} is not this cluster's",
                    hint="it was made by somebody else, or its comment was changed: nothing was done to it",
                )
            return Lacking("delete", lambda: self._delete(id, record_id))

        await self._vendor.settle(f"dns record {record_id}", look)

    async def put_text(self, zone: str, name: str, text: str) -> None:
        id = await self._vendor.zone_id(zone)
        body = {
            "type": "TXT",
            "name": name,
            "content": f'"{text}"',
            "ttl": CHALLENGE_TTL,
            "comment": CHALLENGE,
        }

        async def look() -> Settled[None] | Lacking:
            if _texts(await self._at(id, name), text):
                return Settled(None)
            return Lacking("create", make)

        async def make() -> None:
            try:
                await self._make(id, body)
            except Taken as error:
                if not error.identical:
                    raise Refused(error.message) from error
                raise

        await self._vendor.settle(f"dns TXT {name}", look)

    async def drop_text(self, zone: str, name: str, text: str) -> None:
        """Only what `put_text` made: the same text of somebody else's stays."""
        id = await self._vendor.zone_id(zone)

        async def look() -> Settled[None] | Lacking:
            found = _texts(await self._at(id, name), text)
            mine = next((str(one["id"]) for one in found if one.get("comment") == CHALLENGE), None)
            if mine is None:
                return Settled(None)
            return Lacking(f"delete {mine}", lambda: self._delete(id, mine))

        await self._vendor.settle(f"dns TXT {name}", look)

    async def _at(self, zone_id: str, name: str) -> list[Json]:
        """The records at a name. Newer versions of the API call the filter otherwise, so the answer is
        filtered once more."""
        found = await self._vendor.pages(
            DNS_EDIT, "dns.records.list", A_PAGE, zone_id=zone_id, extra_query={"name": name}
        )
        return [one for one in _sorted(found) if _name(one) == name]

    async def _get(self, zone_id: str, record_id: str) -> Json | None:
        try:
            got = await self._vendor.ask(
                DNS_EDIT, "dns.records.get", zone_id=zone_id, dns_record_id=record_id
            )
        except Gone:
            return None
        one: Json = got["result"]
        return one

    async def _make(self, zone_id: str, body: Json) -> None:
        await self._vendor.ask(DNS_EDIT, "dns.records.create", repeatable=False, zone_id=zone_id, **body)

    async def _change(self, verb: str, zone_id: str, record_id: str, body: Json) -> None:
        """Gone meanwhile: the next look says so."""
        try:
            await self._vendor.ask(
                DNS_EDIT, f"dns.records.{verb}", zone_id=zone_id, dns_record_id=record_id, **body
            )
        except Gone:
            return

    async def _delete(self, zone_id: str, record_id: str) -> None:
        try:
            await self._vendor.ask(DNS_EDIT, "dns.records.delete", zone_id=zone_id, dns_record_id=record_id)
        except Gone:
            return  # an answer was lost, and the call made again


def _body(wish: DnsWish, mark: DnsMark) -> Json:
    return {
        "type": wish.type,
        "name": wish.name,
        "content": wish.value,
        "ttl": AUTOMATIC,
        "proxied": wish.proxied,
        "comment": comment(mark),
    }


def _room_for(others: list[Json], wish: DnsWish) -> None:
    """Beside what else has the name. Cloudflare refuses the same, in fewer words."""
    for other in _bound(others):
        if (other["type"], _value(other)) == (wish.type, wish.value):
            raise Refused(f"dns {wish.name}: somebody else has {wish.type} {wish.value} there as well")
        if "CNAME" in (other["type"], wish.type):
            raise Refused(f"dns {wish.name}: {wish.type} cannot stand beside {other['type']}")


def _is(one: Json, wish: DnsWish, mark: DnsMark) -> bool:
    """Exactly what is wished, with our mark."""
    same = (one["type"], _value(one), bool(one.get("proxied"))) == (wish.type, wish.value, wish.proxied)
    return same and _name(one) == wish.name and _ours(one, mark)


def _ours(one: Json, mark: DnsMark) -> bool:
    return one.get("comment") == comment(mark)


def _bound(found: list[Json]) -> list[Json]:
    return [one for one in found if one["type"] in BOUND_TYPES]


def _texts(found: list[Json], text: str) -> list[Json]:
    return [one for one in found if one["type"] == "TXT" and _value(one) == text]


def _sorted(found: list[Json]) -> list[Json]:
    return sorted(found, key=lambda one: (_name(one), str(one["type"]), _value(one)))


def _name(one: Json) -> str:
    return str(one["name"]).lower().rstrip(".")


def _value(one: Json) -> str:
    """Of a TXT its text: Cloudflare keeps the quotes or the lack of them as they were sent."""
    content = str(one.get("content") or "")
    if one["type"] == "TXT" and len(content) > 1 and content[0] == content[-1] == '"':
        return content[1:-1].replace('" "', "")
    return content.lower().rstrip(".") if one["type"] == "CNAME" else content


def _as_record(one: Json, mark: DnsMark) -> DnsRecord:
    return DnsRecord(
        record_id=str(one["id"]),
        name=_name(one),
        type=str(one["type"]),
        value=_value(one),
        ours=_ours(one, mark),
        proxied=bool(one.get("proxied")),
    )
