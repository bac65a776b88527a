"""Bind a domain to the reserved IP, or take away a record of ours.

Vendors' calls take no condition, so what the plan saw is read again just before, and what was done just after
(law 4).
"""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.errors import DyniaError, Stale
from dynia.interfaces.observed import DnsRecord
from dynia.providers.protocols import DnsMark, DnsProvider, DnsWish
from dynia.services.actions.base import Action, Tools
from dynia.state.model import Change

NAME_TYPES = ("A", "AAAA", "CNAME")


class BindDns(Action, tag="bind_dns"):
    """`found` are the A, AAAA and CNAME records that the name has before; `replaces` is the id of the one of
    them that becomes what is wished (empty: a new one is made)."""

    zone: str
    domain: str
    record: str
    value: str
    proxied: bool = False
    found: tuple[DnsRecord, ...] = ()
    replaces: str = ""

    def sentence(self) -> str:
        said = f"dns {self.record} {self.domain} → {self.value}"
        was = next((r for r in self.found if r.record_id == self.replaces), None)
        if was is None:
            return said
        return f"{said} ({'' if was.ours else 'taken over, '}was {was.type} {was.value})"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        vendor, mark, wish = _vendor(tools), _mark(tools), self._wish()
        now = _names(await vendor.look_up(self.zone, self.domain, mark))
        if not any(_is(record, wish) for record in now):
            if _ids(now) != _ids(self.found):
                raise _changed(self.domain, self.found, now)
            if self.replaces:
                await vendor.adopt_record(self.zone, self.replaces, wish, mark)
            else:
                await vendor.create_record(self.zone, wish, mark)
            after = _names(await vendor.look_up(self.zone, self.domain, mark))
            if not any(_is(record, wish) for record in after):
                raise DyniaError(
                    f"dns {self.domain}: the vendor took {wish.type} {wish.value} and has {_shown(after)}",
                    hint="look at the zone, then apply again",
                )
        return ()

    def _wish(self) -> DnsWish:
        return DnsWish(name=self.domain, type=self.record, value=self.value, proxied=self.proxied)


class UnbindDns(Action, tag="unbind_dns"):
    """`found` is the record of ours that goes, as it was seen."""

    zone: str
    domain: str
    found: DnsRecord

    def sentence(self) -> str:
        what = f"{self.found.type} {self.domain}" if self.found.type in NAME_TYPES else f"mark {self.domain}"
        return f"dns remove {what}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        vendor, mark = _vendor(tools), _mark(tools)
        now = await vendor.look_up(self.zone, self.domain, mark)
        there = [r for r in now if r.record_id == self.found.record_id]
        others = [r for r in now if r.ours and r.type == self.found.type]
        if not there and not others:
            return ()  # already gone
        if _ids(there) != _ids((self.found,)):
            raise _changed(self.domain, (self.found,), there or others)
        await vendor.delete_record(self.zone, self.found.record_id, mark)
        after = await vendor.look_up(self.zone, self.domain, mark)
        if any(r.record_id == self.found.record_id for r in after):
            raise DyniaError(
                f"dns {self.domain}: the vendor took the removal and still has {_shown(after)}",
                hint="look at the zone, then apply again",
            )
        return ()


def _changed(domain: str, before: Iterable[DnsRecord], now: Iterable[DnsRecord]) -> Stale:
    return Stale(
        f"dns {domain} changed since plan: was {_shown(before)}, is {_shown(now)}",
        hint="plan again and look",
    )


def _names(records: Iterable[DnsRecord]) -> tuple[DnsRecord, ...]:
    return tuple(r for r in records if r.type in NAME_TYPES)


def _ids(records: Iterable[DnsRecord]) -> set[tuple[str, str, str, bool]]:
    return {(r.record_id, r.type, r.value, r.ours) for r in records}


def _is(record: DnsRecord, wish: DnsWish) -> bool:
    same = (record.type, record.value.rstrip("."), record.proxied) == (wish.type, wish.value, wish.proxied)
    return record.ours and same


def _shown(records: Iterable[DnsRecord]) -> str:
    return ", ".join(sorted(f"{r.type} {r.value}" for r in records)) or "nothing"


def _vendor(tools: Tools) -> DnsProvider:
    if tools.dns is None:
        raise DyniaError("this cluster has no DNS provider")
    return tools.dns


def _mark(tools: Tools) -> DnsMark:
    return DnsMark(lineage=tools.lineage, cluster=tools.cluster)
