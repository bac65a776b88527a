"""What a zone holds, as values: its records, and which of them are whose. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import dns.name
import dns.rdata
import dns.rdatatype
import dns.zone
from dns.rdtypes.ANY.TXT import TXT

from dynia.interfaces.observed import DnsRecord
from dynia.providers.dns.rfc2136.marks import PREFIX, Claim, claim_of, marked_name
from dynia.providers.protocols import DnsMark

BOUND_TYPES = ("A", "AAAA", "CNAME")
# The server's own: they stand beside whatever is there, a CNAME too.
_OWN = frozenset(
    ("SOA", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "ZONEMD", "TYPE65534")
)


class Content:
    """A zone as it was handed out."""

    def __init__(self, zone: dns.zone.Zone) -> None:
        self._records: dict[tuple[str, str], dict[str, dns.rdata.Rdata]] = {}
        for name, _, rdata in zone.iterate_rdatas():
            kind = dns.rdatatype.to_text(rdata.rdtype)
            if kind not in _OWN:
                at = self._records.setdefault((text_of(name), kind), {})
                at[value_of(rdata)] = rdata

    def at(self, name: str, kind: str) -> dict[str, dns.rdata.Rdata]:
        """Value to rdata of every record of this type at a name."""
        return self._records.get((name, kind), {})

    def kinds_at(self, name: str) -> set[str]:
        return {kind for where, kind in self._records if where == name}

    def claims(self, name: str, owner: DnsMark) -> dict[str, Claim]:
        """The owner's marks for a name, by their text."""
        found = {text: claim_of(text) for text in self.at(PREFIX + name, "TXT")}
        return {text: claim for text, claim in found.items() if claim is not None and claim.owner == owner}

    def owned(self, name: str, owner: DnsMark) -> dict[tuple[str, str], str]:
        """(type, value) of the owner's records at a name, with the text of the mark of each.

        A value that somebody else changed is still the owner's where the mark's own is gone and there is no
        choice which one took its place: it is shown as changed by hand, and put back.
        """
        found: dict[tuple[str, str], str] = {}
        for text, claim in sorted(self.claims(name, owner).items()):
            there = self.at(name, claim.type)
            if claim.value in there:
                found[claim.type, claim.value] = text
            elif len(there) == 1:
                found.setdefault((claim.type, next(iter(there))), text)
        return found

    def records(self, owner: DnsMark) -> Iterator[DnsRecord]:
        """Every record; `ours` are the owner's. Marks are none, but for the owner's whose record is gone."""
        for (name, kind), values in sorted(self._records.items()):
            ours = self.owned(name, owner) if kind in BOUND_TYPES else {}
            for value in sorted(values):
                if kind == "TXT" and claim_of(value) is not None:
                    if self._left_over(name, value, owner):
                        yield record_of(marked_name(name), kind, value, ours=True)
                    continue
                yield record_of(name, kind, value, ours=(kind, value) in ours)

    def _left_over(self, name: str, text: str, owner: DnsMark) -> bool:
        marked = marked_name(name)
        return text in self.claims(marked, owner) and text not in self.owned(marked, owner).values()


def record_of(name: str, kind: str, value: str, *, ours: bool) -> DnsRecord:
    return DnsRecord(record_id=f"{kind} {name} {value}", name=name, type=kind, value=value, ours=ours)


def text_of(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def value_of(rdata: dns.rdata.Rdata) -> str:
    if isinstance(rdata, TXT):
        return b"".join(rdata.strings).decode("utf-8", "backslashreplace")
    text = str(rdata.to_text())
    return text.rstrip(".").lower() if rdata.rdtype == dns.rdatatype.CNAME else text
