"""DNS: the domains of the services point at the reserved IP, and records of ours that no route wants go.

A record without this cluster's mark is never changed or deleted, unless the file says `adopt` (law 10).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import DnsRecord, NotObserved
from dynia.services.actions import BindDns, UnbindDns
from dynia.services.actions.dns import NAME_TYPES
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Drift, Line, Step, Waiting
from dynia.services.planning.wished_records import Wish, wished
from dynia.services.planning.zones import Zone, find_zone
from dynia.state.model import Name

GONE = "because its route is gone"
DESTROYED = "because the cluster is destroyed"
BY_HAND = "because somebody changed it"


def decide_records(given: PlanningInput, spec: ClusterSpec) -> Part:
    """Bind what is missing, change what is ours and wrong, unbind what no route wants."""
    zone = find_zone(given)
    if zone is None:
        return Part()
    if isinstance(zone, Waiting):
        return Part(waiting=(zone,))
    seen, home = given.observed.records, given.state.cluster(given.target)
    if isinstance(seen, NotObserved):
        return Part(waiting=(_unseen(zone.name, seen),))
    address = home.reserved_ip.address if home and home.reserved_ip else ""
    if zone.wanted and not address:
        return Part()
    wishes, refused = wished(spec, zone, address) if zone.wanted else ({}, ())
    bound = {name.domain: name for name in home.names} if home else {}
    work = _Work(zone=zone, waiting=list(refused), later=[])
    by_name = _by_name(seen)
    for name in sorted({*by_name, *wishes}, key=lambda n: (n in wishes and wishes[n].type == "CNAME", n)):
        there = by_name.get(name, [])
        wish = wishes.get(name)
        if wish is None:
            work.unwanted(name, there, name in bound)
        else:
            delegation = _delegation(by_name, zone.name, name)
            work.wanted(name, there, wish, bound.get(name), delegation)
    return work.part()


def forget_records(given: PlanningInput) -> Part:
    """Every record of ours, for a cluster that is destroyed."""
    zone, seen = find_zone(given), given.observed.records
    if not isinstance(zone, Zone):
        return Part()
    if given.leave_names:
        home = given.state.cluster(given.target)
        names = ", ".join(name.domain for name in home.names) if home else ""
        reason = f"left as they are, and lead to an address that others may get: {names or 'records of ours'}"
        return Part(waiting=(Waiting(subject=f"dns {zone.name}", reason=reason, final=True),))
    if isinstance(seen, NotObserved):
        return Part(waiting=(_unseen(zone.name, seen),))
    work = _Work(zone=zone, waiting=[], later=[])
    for name, there in sorted(_by_name(seen).items()):
        for number, record in enumerate(r for r in there if r.ours):
            work.later.append(_unbind(zone.name, record, DESTROYED, number))
            if record.type in NAME_TYPES:
                work.lines.append(_removed(name, record, DESTROYED))
    return work.part()


def takes_ours(action: object) -> bool:
    """Whether an action changes or removes a record of ours."""
    if isinstance(action, UnbindDns):
        return action.found.type in NAME_TYPES
    return isinstance(action, BindDns) and any(
        r.ours and r.record_id == action.replaces for r in action.found
    )


def ours_there(given: PlanningInput) -> int:
    seen = given.observed.records
    return 0 if isinstance(seen, NotObserved) else sum(r.ours and r.type in NAME_TYPES for r in seen)


@dataclass(slots=True)
class _Work:
    """What is found name by name. `later` comes after every bind: a CNAME may still lead to what it takes."""

    zone: Zone
    waiting: list[Waiting]
    later: list[Step]
    steps: list[Step] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)

    def part(self) -> Part:
        binds = tuple(s.id for s in self.steps if isinstance(s.action, BindDns))
        last = tuple(Step(id=s.id, action=s.action, why=s.why, after=binds) for s in self.later)
        return Part(
            steps=(*self.steps, *last),
            lines=tuple(self.lines),
            waiting=tuple(self.waiting),
            drift=tuple(self.drift),
        )

    def unwanted(self, name: str, there: list[DnsRecord], bound: bool) -> None:
        for number, record in enumerate(r for r in there if r.ours):
            named = record.type in NAME_TYPES
            self.later.append(_unbind(self.zone.name, record, GONE, number))
            if bound and named:
                self.lines.append(_removed(name, record, GONE))
            else:
                detail = f"{record.type} {record.value}" if named else "a mark whose record is gone"
                self._drifted(name, "orphan", f"{detail}: no route wants it", "will be removed")

    def wanted(
        self, name: str, there: list[DnsRecord], wish: Wish, bound: Name | None, delegation: str
    ) -> None:
        named = [r for r in there if r.type in NAME_TYPES]
        ours, foreign = [r for r in named if r.ours], [r for r in named if not r.ours]
        right = [r for r in ours if wish.is_met_by(r)][:1]
        if right:
            self._extra(name, [r for r in there if r.ours and r not in right])
            if foreign:
                reason = f"{_shown(foreign)} is there too, and is not ours: some visitors go there"
                self.waiting.append(Waiting(subject=f"dns {name}", reason=reason, final=True))
            return
        applied = Wish(type=bound.type, value=bound.value, proxied=bound.proxied) if bound else None
        blocked = self._blocked(name, there, wish, delegation)
        touched = applied is not None and not any(applied.is_met_by(r) for r in ours)
        if touched and applied is not None:
            self._tampered(name, ours or foreign, applied, wish, blocked)
        if blocked:
            self.waiting.append(Waiting(subject=f"dns {name}", reason=blocked))
            return
        instead = next(iter(sorted(ours, key=lambda r: r.type != wish.type)), None)
        if instead is not None:
            self._extra(name, [r for r in ours if r is not instead])
        elif foreign:
            instead = foreign[0]
        told = touched and applied == wish and (instead is None or instead.ours)
        self._bind(name, wish, named, instead, silent=told)

    def _blocked(self, name: str, there: list[DnsRecord], wish: Wish, delegation: str) -> str:
        """Why the name cannot be bound, or empty."""
        if delegation:
            return f"{delegation} is delegated to other servers, and this name with it"
        ours = [r for r in there if r.ours and r.type in NAME_TYPES]
        in_the_way = [r for r in there if not r.ours and r.type in NAME_TYPES]
        beside = [r for r in there if not r.ours and r.type not in NAME_TYPES]
        if wish.type == "CNAME" and beside:
            how = "nothing can stand beside a CNAME: remove it, or leave cname out"
            return f"{_shown(beside)} is there, and {how}"
        if not in_the_way or (ours and wish.type != "CNAME"):
            return ""
        if self.zone.dns.adopt and len(in_the_way) == 1 and not ours:
            return ""
        how = "remove it by hand, or say dns: {adopt: true}"
        if self.zone.dns.adopt or len(in_the_way) > 1:
            how = "remove them by hand: only one that stands alone can be taken over"
        return f"{_shown(in_the_way)} is in the way and is not ours; {how}"

    def _extra(self, name: str, records: list[DnsRecord]) -> None:
        """More of ours than one name needs: taken away first, as they stand in the way."""
        for number, record in enumerate(records):
            why = f"because {name} needs one record"
            self.steps.append(_unbind(self.zone.name, record, why, number))
            named = record.type in NAME_TYPES
            detail = f"{record.type} {record.value} as well" if named else "a mark whose record is gone"
            self._drifted(name, "orphan", detail, "will be removed")

    def _bind(
        self, name: str, wish: Wish, named: list[DnsRecord], instead: DnsRecord | None, *, silent: bool
    ) -> None:
        """`silent`: the list of drift says it already."""
        first = f"dns/A/{wish.value}/"
        before = [s.id for s in self.steps if isinstance(s.action, UnbindDns) and s.action.domain == name]
        before += [s.id for s in self.steps if wish.type == "CNAME" and s.id.startswith(first)]
        gone = {s.action.found.record_id for s in self.steps if isinstance(s.action, UnbindDns)}
        deed = "bind" if instead is None else "change" if instead.ours else "adopt"
        why = _why(name, wish, instead) if not silent else BY_HAND
        action = BindDns(
            zone=self.zone.name,
            domain=name,
            record=wish.type,
            value=wish.value,
            proxied=wish.proxied,
            found=tuple(r for r in named if r.record_id not in gone),
            replaces=instead.record_id if instead else "",
        )
        self.steps.append(
            Step(id=f"dns/{wish.type}/{name}/{deed}", action=action, why=why, after=tuple(before))
        )
        if silent:
            return
        details = [("value", f"{_was(instead, wish)}{wish.value}")]
        if instead is not None and not instead.ours:
            details.append(("taken over", f"was {instead.type} {instead.value}"))
        if wish.proxied or (instead is not None and instead.proxied):
            details.append(("proxied", "yes" if wish.proxied else "no"))
        if self.zone.chosen:
            details.append(("zone", f"{self.zone.name}, the longest that the token sees"))
        sign = "~" if instead else "+"
        self.lines.append(
            Line(sign=sign, subject=f"dns {wish.type} {name}", details=tuple(details), why=why)  # type: ignore[arg-type]
        )

    def _tampered(self, name: str, there: list[DnsRecord], applied: Wish, wish: Wish, blocked: str) -> None:
        if not there or not there[0].ours:
            detail = "gone"
        elif (there[0].type, there[0].value) == (applied.type, applied.value):
            detail = "proxied" if there[0].proxied else "no longer proxied"
        else:
            detail = f"{applied.type} {applied.value} → {there[0].type} {there[0].value}"
        remedy = "left as it is" if blocked else "will be bound again"
        if not blocked and applied != wish:
            remedy = "will be replaced by the pending change"
        self._drifted(name, "tampered", detail, remedy)

    def _drifted(self, name: str, category: str, detail: str, remedy: str) -> None:
        self.drift.append(
            Drift(
                node="",
                kind="record",
                subject=name,
                category=category,  # type: ignore[arg-type]
                detail=detail,
                remedy=remedy,
            )
        )


def _by_name(seen: Iterable[DnsRecord]) -> dict[str, list[DnsRecord]]:
    found: dict[str, list[DnsRecord]] = {}
    for record in sorted(seen, key=lambda r: (r.name, r.type, r.value, r.record_id)):
        found.setdefault(record.name.rstrip("."), []).append(record)
    return found


def _delegation(by_name: dict[str, list[DnsRecord]], zone: str, name: str) -> str:
    """The part of the zone, at or above the name, that other servers answer for; empty: none."""
    while name != zone and name:
        if any(r.type == "NS" for r in by_name.get(name, ())):
            return name
        name = name.partition(".")[2]
    return ""


def _unbind(zone: str, record: DnsRecord, why: str, number: int) -> Step:
    name = record.name.rstrip(".")
    once = f"/{number + 1}" if number else ""
    return Step(
        id=f"dns/{record.type}/{name}/unbind{once}",
        action=UnbindDns(zone=zone, domain=name, found=record),
        why=why,
    )


def _removed(name: str, record: DnsRecord, why: str) -> Line:
    return Line(sign="-", subject=f"dns {record.type} {name}", details=(("value", record.value),), why=why)


def _why(name: str, wish: Wish, instead: DnsRecord | None) -> str:
    if instead is None or not instead.ours:
        return f"because {name} is routed here"
    if instead.type != wish.type:
        return f"because it becomes {'a CNAME' if wish.type == 'CNAME' else 'an A record'}"
    if instead.value == wish.value:
        return "because dns.proxied changed"
    return "because the reserved IP changed" if wish.type == "A" else "because the first domain changed"


def _was(instead: DnsRecord | None, wish: Wish) -> str:
    if instead is None or not instead.ours or (instead.type, instead.value) == (wish.type, wish.value):
        return ""
    return f"{instead.value} → "


def _shown(records: list[DnsRecord]) -> str:
    words = [f"{r.type} {r.value}" for r in records[:3]]
    more = f" and {len(records) - 3} more" if len(records) > 3 else ""
    return ", ".join(words) + more


def _unseen(zone: str, seen: NotObserved) -> Waiting:
    return Waiting(subject=f"dns {zone}".strip(), reason=f"records not observed ({seen.reason})")
