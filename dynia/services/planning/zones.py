"""Which zone a cluster's names are in, and whose: what the file says, else what the state remembers."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dynia.interfaces.desired import CloudflareDns, ClusterSpec, EnvSource, NoEntry, Rfc2136Dns, ZoneDns
from dynia.interfaces.observed import NotObserved
from dynia.interfaces.shape import Shape
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Waiting
from dynia.state.model import Cluster, Dns


class Zone(Shape):
    """`dns` are the settings in force; `wanted`: the file asks for names in it. `chosen`: it does not say
    which, so it is the longest that the token sees."""

    name: str
    dns: ZoneDns
    wanted: bool
    chosen: bool = False


def dns_in_force(spec: ClusterSpec | None, home: Cluster | None) -> ZoneDns | None:
    """Whose records are looked at. Where the file has none (any more), what the state remembers: names that
    were bound there are still to be unbound. None as well where the two speak of different zones."""
    known = home.dns if home else None
    asked = spec.dns if spec is not None and isinstance(spec.dns, ZoneDns) else None
    if asked is None or isinstance(spec and spec.entry, NoEntry):
        return as_settings(known) if known else None
    if known is None:
        return asked
    if _kind(asked) != known.kind or asked.zone not in ("", known.zone):
        return None
    return asked if asked.zone else msgspec.structs.replace(asked, zone=known.zone)


def find_zone(given: PlanningInput) -> Zone | Waiting | None:
    """The zone that `observed.records` are of; `Waiting` where a person must say more; None: no names."""
    spec, home = given.desired, given.state.cluster(given.target)
    asked = spec.dns if spec is not None and isinstance(spec.dns, ZoneDns) else None
    dns = dns_in_force(spec, home)
    if dns is None:
        return _moved(asked, home.dns) if asked and home and home.dns else None
    if dns.zone:
        return Zone(name=dns.zone, dns=dns, wanted=asked is not None)
    if isinstance(given.observed.records, NotObserved):
        return Zone(name="", dns=dns, wanted=True)
    domains = domains_of(spec)
    found = longest(given.observed.zones, domains)
    if found:
        return Zone(name=found, dns=dns, wanted=True, chosen=True)
    if not domains:
        return None
    seen = ", ".join(sorted(given.observed.zones)[:5]) or "none"
    all_of = ", ".join(domains[:5])
    reason = f"no zone holds all of {all_of} (the token sees: {seen}); name one: dns: {{zone}}"
    return Waiting(subject="dns", reason=reason)


def longest(zones: Iterable[str], domains: tuple[str, ...]) -> str:
    """The longest zone that all domains lie in, or empty."""
    fitting = [zone for zone in zones if domains and all(lies_in(zone, domain) for domain in domains)]
    return max(fitting, key=lambda zone: (len(zone), zone), default="")


def lies_in(zone: str, domain: str) -> bool:
    return domain == zone or domain.endswith(f".{zone}")


def domains_of(spec: ClusterSpec | None) -> tuple[str, ...]:
    """Services by name, and of each its domains as the file has them: the first is the one that others are
    CNAMEs of."""
    services = sorted(spec.services, key=lambda s: s.name) if spec else []
    return tuple(domain for service in services for domain in service.domains)


def remembered(given: PlanningInput) -> Dns | None:
    """What the state is to remember, so that the names can be unbound without a file."""
    home = given.state.cluster(given.target)
    known = home.dns if home else None
    zone = find_zone(given)
    if not isinstance(zone, Zone) or not zone.wanted or isinstance(given.observed.records, NotObserved):
        return known
    dns = zone.dns
    if isinstance(dns, CloudflareDns):
        return Dns(kind="cloudflare", zone=zone.name)
    return Dns(
        kind="rfc2136",
        zone=zone.name,
        server=dns.server,
        port=dns.port,
        key=dns.key,
        algorithm=dns.algorithm,
        secret_env=dns.secret.env,
    )


def as_settings(known: Dns) -> ZoneDns:
    if known.kind == "cloudflare":
        return CloudflareDns(zone=known.zone)
    return Rfc2136Dns(
        zone=known.zone,
        server=known.server,
        port=known.port,
        key=known.key,
        algorithm=known.algorithm,
        secret=EnvSource(env=known.secret_env),
    )


def _moved(asked: ZoneDns, known: Dns) -> Waiting:
    to = f"{_kind(asked)} {asked.zone}".strip()
    return Waiting(
        subject=f"dns {asked.zone}".strip(),
        reason=f"the names are bound at {known.kind} {known.zone}, and the file says {to}: first apply "
        f"`dns: {{kind: none}}`, which unbinds them there",
    )


def _kind(dns: ZoneDns) -> str:
    return str(type(dns).__struct_config__.tag)
