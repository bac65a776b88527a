"""Bind a domain to the reserved IP, or take away a record of ours."""

from __future__ import annotations

from dynia.interfaces.errors import DyniaError
from dynia.providers.protocols import DnsMark, DnsProvider, DnsWish
from dynia.services.actions.base import Action, Tools
from dynia.state.model import Change


class BindDns(Action, tag="bind_dns"):
    zone: str
    domain: str
    record: str
    value: str

    def sentence(self) -> str:
        return f"dns {self.record} {self.domain} → {self.value}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await _vendor(tools).create_record(
            self.zone, DnsWish(name=self.domain, type=self.record, value=self.value), _mark(tools)
        )
        return ()


class UnbindDns(Action, tag="unbind_dns"):
    zone: str
    domain: str
    record_id: str

    def sentence(self) -> str:
        return f"dns remove {self.domain}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await _vendor(tools).delete_record(self.zone, self.record_id, _mark(tools))
        return ()


def _vendor(tools: Tools) -> DnsProvider:
    if tools.dns is None:
        raise DyniaError("this cluster has no DNS provider")
    return tools.dns


def _mark(tools: Tools) -> DnsMark:
    return DnsMark(lineage=tools.lineage, cluster=tools.cluster)
