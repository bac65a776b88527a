"""Which records the domains of a cluster ask for, and which of them were seen right."""

from __future__ import annotations

from dynia.interfaces.desired import CloudflareDns, ClusterSpec
from dynia.interfaces.observed import DnsRecord, NotObserved
from dynia.interfaces.shape import Shape
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Waiting
from dynia.services.planning.zones import Zone, domains_of, find_zone, lies_in
from dynia.state.model import Name


class Wish(Shape):
    """One record as wanted."""

    type: str
    value: str
    proxied: bool = False

    def is_met_by(self, record: DnsRecord) -> bool:
        return (self.type, self.value, self.proxied) == (
            record.type,
            record.value.rstrip("."),
            record.proxied,
        )


def wished(spec: ClusterSpec, zone: Zone, address: str) -> tuple[dict[str, Wish], tuple[Waiting, ...]]:
    """Domain to its record: A, or with `cname` one A record and CNAMEs to it. Beside it what cannot be."""
    domains = domains_of(spec)
    inside = [d for d in domains if lies_in(zone.name, d)]
    said = [
        Waiting(subject=f"dns {d}", reason=f"outside zone {zone.name}: not bound by Dynia", final=True)
        for d in domains
        if d not in inside
    ]
    proxied = isinstance(zone.dns, CloudflareDns) and zone.dns.proxied
    first = inside[0] if inside else ""
    found: dict[str, Wish] = {}
    for domain in inside:
        if not zone.dns.cname or domain == first:
            found[domain] = Wish(type="A", value=address, proxied=proxied)
        elif domain == zone.name:
            reason = f"a zone's own name cannot be a CNAME (to {first}): list it first, or leave cname out"
            said.append(Waiting(subject=f"dns {domain}", reason=reason))
        else:
            found[domain] = Wish(type="CNAME", value=first, proxied=proxied)
    return found, tuple(said)


def names_seen(given: PlanningInput, spec: ClusterSpec) -> tuple[Name, ...] | None:
    """The wanted records that were observed right; None where nothing was observed."""
    zone, seen, home = find_zone(given), given.observed.records, given.state.cluster(given.target)
    if isinstance(seen, NotObserved) or isinstance(zone, Waiting):
        return None
    address = home.reserved_ip.address if home and home.reserved_ip else ""
    if zone is None or not zone.wanted or not address:
        return ()
    wishes, _ = wished(spec, zone, address)
    right = {r.name for r in seen if r.ours and r.name in wishes and wishes[r.name].is_met_by(r)}
    return tuple(
        Name(domain=name, type=wishes[name].type, value=wishes[name].value, proxied=wishes[name].proxied)
        for name in sorted(right)
    )
