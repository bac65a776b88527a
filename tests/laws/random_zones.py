"""Zones in which anything may stand: records of ours right and wrong, somebody else's, leftovers; and other files."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from dynia.interfaces.desired import CloudflareDns, EnvSource, NoDns, Rfc2136Dns
from dynia.interfaces.observed import DnsRecord
from dynia.services.planning.inputs import PlanningInput
from tests.laws.random_worlds import settled
from tests.plans import worlds

replace = msgspec.structs.replace
DOMAINS = (
    "example.com",
    "a.example.com",
    "b.example.com",
    "c.example.com",
    "x.dev.example.com",
    "example.org",
)
VALUES = ("198.18.7.5", "198.18.7.77", "203.0.113.7", "a.example.com", "2001:db8::1")
RFC2136 = Rfc2136Dns(zone="example.com", server="ns.example.com", key="k", secret=EnvSource(env="K"))


@st.composite
def zones(draw: st.DrawFn) -> PlanningInput:
    """A cluster of two nodes at rest, but for its names."""
    base = draw(st.sampled_from((RFC2136, CloudflareDns(zone="example.com"), CloudflareDns())))
    dns = replace(base, cname=draw(st.booleans()), adopt=draw(st.booleans()))
    given = settled(2, 2)
    spec = given.desired
    assert spec is not None
    chosen = draw(st.lists(st.sampled_from(DOMAINS), unique=True, max_size=4))
    cut = draw(st.integers(0, len(chosen)))
    services = tuple(
        replace(service, domains=tuple(domains), default=not domains and not number)
        for number, (service, domains) in enumerate(
            zip(spec.services, (chosen[:cut], chosen[cut:]), strict=True)
        )
    )
    # Names alone are looked at: what the nodes serve was settled with the same services.
    _, rest = worlds.passes(worlds.wanting(given, replace(spec, services=services)))
    if draw(st.booleans()):
        _, rest = worlds.passes(replace(_with_zones(rest), desired=replace(rest.desired, dns=base)))
    wanted = dns if draw(st.integers(0, 5)) else NoDns()
    rest = replace(_with_zones(rest), desired=replace(rest.desired, dns=wanted))
    return replace(rest, observed=replace(rest.observed, records=draw(_records())))


def _with_zones(given: PlanningInput) -> PlanningInput:
    return replace(given, observed=replace(given.observed, zones=("com", "example.com")))


@st.composite
def _records(draw: st.DrawFn) -> tuple[DnsRecord, ...]:
    found: dict[str, DnsRecord] = {}
    names = (*DOMAINS, "dev.example.com", "mail.example.com")
    for _ in range(draw(st.integers(0, 7))):
        name = draw(st.sampled_from(names))
        kind = draw(st.sampled_from(("A", "A", "A", "AAAA", "CNAME", "TXT", "MX", "NS")))
        value = draw(st.sampled_from(VALUES))
        ours = draw(st.booleans()) and kind not in ("MX", "NS")
        made = DnsRecord(
            record_id=f"{kind} {name} {value}",
            name=name,
            type=kind,
            value=value,
            ours=ours,
            proxied=draw(st.booleans()) and kind in ("A", "CNAME"),
        )
        found.setdefault(made.record_id, made)
    return tuple(found.values())
