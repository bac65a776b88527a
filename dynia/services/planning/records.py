"""DNS: the domains of the services point at the reserved IP, and records of ours that do not are removed."""

from __future__ import annotations

from dynia.interfaces.desired import ClusterSpec, NoEntry, ZoneDns
from dynia.interfaces.observed import DnsRecord, NotObserved
from dynia.services.actions import BindDns, UnbindDns
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Drift, Line, Step, Waiting

_NAME_TYPES = ("A", "AAAA", "CNAME")
Wanted = dict[str, tuple[str, str]]


def decide_records(given: PlanningInput, spec: ClusterSpec, address: str) -> Part:
    """Bind what is missing, unbind what is ours and wrong; a record without our mark is never touched."""
    if not isinstance(spec.dns, ZoneDns) or isinstance(spec.entry, NoEntry):
        return Part()
    seen = given.observed.records
    if isinstance(seen, NotObserved):
        reason = f"records not observed ({seen.reason})"
        return Part(waiting=(Waiting(subject=f"dns {spec.dns.zone}", reason=reason),))
    wanted = _wanted(spec, spec.dns, address)
    steps: list[Step] = []
    lines: list[Line] = []
    waiting: list[Waiting] = []
    drift: list[Drift] = []
    by_name: dict[str, list[DnsRecord]] = {}
    for record in sorted(seen, key=lambda r: (r.name, r.type, r.value, r.record_id)):
        if record.type in _NAME_TYPES:
            by_name.setdefault(record.name.rstrip("."), []).append(record)
    bound = {r.domain for r in given.state.routes if r.cluster == spec.name}
    mine = {*bound, *wanted}
    for name in sorted({*by_name, *wanted}):
        there = by_name.get(name, [])
        want = wanted.get(name)
        # Another cluster may keep records with our mark in the same zone: those are not this one's to judge.
        ours = [r for r in there if r.ours and (name in mine or r.value == address)]
        right = [r for r in ours if want == (r.type, r.value.rstrip("."))]
        wrong = [r for r in ours if r not in right[:1]]
        why = "because its route is gone" if want is None else f"because {name} → {want[1]}"
        undone = tuple(_unbind(spec.dns.zone, name, r, why) for r in wrong)
        steps += undone
        if want is None:
            lines += [
                Line(sign="-", subject=f"dns {r.type} {name}", details=(("value", r.value),), why=why)
                for r in wrong
            ]
            continue
        foreign = [r for r in there if not r.ours]
        if foreign and not right:
            found = f"{foreign[0].type} {foreign[0].value}"
            waiting.append(
                Waiting(
                    subject=f"dns {name}", reason=f"{found} is in the way and is not ours; remove it by hand"
                )
            )
            continue
        if right:
            continue
        steps.append(_bind(spec.dns.zone, name, want, tuple(s.id for s in undone), _why_bind(name, wrong)))
        lines.append(
            Line(
                sign="~" if wrong else "+",
                subject=f"dns {want[0]} {name}",
                details=(("value", f"{wrong[0].value} → {want[1]}" if wrong else want[1]),),
                why=_why_bind(name, wrong),
            )
        )
        if not wrong and name in bound:
            drift.append(_gone(name))
    return Part(steps=tuple(steps), lines=tuple(lines), waiting=tuple(waiting), drift=tuple(drift))


def forget_records(given: PlanningInput) -> Part:
    """Every record of ours, for a cluster that is destroyed."""
    zone, seen = given.zone, given.observed.records
    if isinstance(seen, NotObserved):
        return Part(waiting=(Waiting(subject=f"dns {zone}", reason=f"records not observed ({seen.reason})"),))
    why = "because the cluster is destroyed"
    home = given.state.cluster(given.target)
    address = home.reserved_ip.address if home and home.reserved_ip else ""
    bound = {r.domain for r in given.state.routes if r.cluster == given.target}
    mine = (r for r in seen if r.ours and (r.name.rstrip(".") in bound or r.value == address))
    ours = sorted(mine, key=lambda r: (r.name, r.type, r.record_id))
    return Part(steps=tuple(_unbind(zone, r.name.rstrip("."), r, why) for r in ours))


def _wanted(spec: ClusterSpec, dns: ZoneDns, address: str) -> Wanted:
    """Domain to (type, value): A records, or with `cname` one A record and CNAMEs to it."""
    services = sorted(spec.services, key=lambda s: s.name)
    domains = [d for service in services for d in service.domains]
    inside = [d for d in domains if d == dns.zone or d.endswith(f".{dns.zone}")]
    if not dns.cname:
        return dict.fromkeys(inside, ("A", address))
    first = inside[:1]
    return {d: ("A", address) if d in first else ("CNAME", first[0]) for d in inside}


def _bind(zone: str, name: str, want: tuple[str, str], after: tuple[str, ...], why: str) -> Step:
    kind, value = want
    return Step(
        id=f"dns/{kind}/{name}/bind",
        action=BindDns(zone=zone, domain=name, record=kind, value=value),
        why=why,
        after=after,
    )


def _unbind(zone: str, name: str, record: DnsRecord, why: str) -> Step:
    return Step(
        id=f"dns/{record.type}/{name}/unbind/{record.record_id}",
        action=UnbindDns(zone=zone, domain=name, record_id=record.record_id),
        why=why,
    )


def _why_bind(name: str, wrong: list[DnsRecord]) -> str:
    return "because the reserved IP changed" if wrong else f"because {name} is routed here"


def _gone(name: str) -> Drift:
    return Drift(
        node="", kind="record", subject=name, category="tampered", detail="gone", remedy="will be bound again"
    )
