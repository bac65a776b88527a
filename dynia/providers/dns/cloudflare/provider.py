"""Cloudflare as a `DnsProvider`: a record's id is Cloudflare's own."""

from __future__ import annotations

from dynia.interfaces.observed import DnsRecord
from dynia.providers.dns.cloudflare.account import Account
from dynia.providers.dns.cloudflare.records import Records
from dynia.providers.dns.cloudflare.vendor import Vendor
from dynia.providers.pace import Patience
from dynia.providers.protocols import DnsMark, DnsWish


class CloudflareDnsProvider:
    """Zones that one token may change. Every call looks first and believes only what it sees afterwards."""

    def __init__(self, account: Account, patience: Patience | None = None) -> None:
        self._vendor = Vendor(account, patience)
        self._records = Records(self._vendor)

    async def zones(self) -> tuple[str, ...]:
        async with self._vendor:
            return tuple(sorted(await self._vendor.zones()))

    async def list_records(self, zone: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        async with self._vendor:
            return await self._records.find(zone, mark)

    async def look_up(self, zone: str, name: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        async with self._vendor:
            return await self._records.at(zone, name, mark)

    async def create_record(self, zone: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        async with self._vendor:
            return await self._records.create(zone, wish, mark)

    async def adopt_record(self, zone: str, record_id: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        async with self._vendor:
            return await self._records.adopt(zone, record_id, wish, mark)

    async def delete_record(self, zone: str, record_id: str, mark: DnsMark) -> None:
        async with self._vendor:
            await self._records.delete(zone, record_id, mark)

    async def put_text(self, zone: str, name: str, text: str) -> None:
        async with self._vendor:
            await self._records.put_text(zone, name, text)

    async def drop_text(self, zone: str, name: str, text: str) -> None:
        async with self._vendor:
            await self._records.drop_text(zone, name, text)
