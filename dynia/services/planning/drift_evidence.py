"""What was seen of a thing that drifted: who wrote it and when, since when it runs, who says what. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from dynia.interfaces.observed import EntryAnswer, NodeFacts, NotObserved
from dynia.interfaces.shape import Shape
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Drift
from dynia.services.planning.serving import provider_owner

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)")


class Evidence(Shape):
    """`what` was looked at (``file``, ``unit``, ``container``, ``address``, ``machine``, ``record``), what
    it said, and the moment that it tells, 0 where it tells none."""

    what: str
    text: str
    at: int = 0


def evidence_of(drift: Drift, given: PlanningInput) -> tuple[Evidence, ...]:
    """Nothing where nothing is there any more."""
    facts = given.observed.nodes.get(drift.node)
    match drift.kind:
        case "reserved_ip":
            return _of_address(drift, given)
        case "node":
            return _of_machine(drift, given)
        case "record":
            return _of_record(drift, given)
        case "file" if isinstance(facts, NodeFacts):
            return tuple(
                Evidence(what="file", text=f"last written; owner {f.owner}, mode {f.mode:o}", at=f.mtime)
                for f in facts.files
                if f.path == drift.subject
            )
        case "unit" if isinstance(facts, NodeFacts):
            return tuple(
                Evidence(what="unit", text=f"last started; {u.active}, {u.enabled or 'unknown'}", at=u.since)
                for u in facts.units
                if u.name == drift.subject
            )
        case "container" if isinstance(facts, NodeFacts):
            return tuple(
                Evidence(
                    what="container",
                    text=f"last started; {c.state}, image {_short(c.image)}, {c.restarts} restarts",
                    at=moment(c.started),
                )
                for c in facts.containers
                if c.name == drift.subject
            )
        case _:
            return ()


def moment(said: str) -> int:
    """Docker's words for a time; 0 where it is none."""
    found = _MOMENT.fullmatch(said)
    try:
        at = datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp() if found else 0
    except ValueError:
        return 0
    return max(int(at), 0)


def _short(image: str) -> str:
    """Twelve digits of a digest are enough to tell it from another."""
    return image.removeprefix("sha256:")[:12]


def _of_address(drift: Drift, given: PlanningInput) -> tuple[Evidence, ...]:
    nodes = given.state.nodes_of(given.target)
    seen = [(n.name, f) for n in nodes if isinstance(f := given.observed.nodes.get(n.name), NodeFacts)]
    said = [
        f"the kernel of {_names(name for name, f in seen if drift.subject in f.addresses)} has it",
        f"VRRP's MASTER is {_names(name for name, f in seen if f.vrrp == 'MASTER')}",
    ]
    owner = provider_owner(given)
    if owner:
        said.append(f"its provider gives it to {_names(n.name for n in nodes if n.provider_id == owner)}")
    entry = given.observed.entry
    if isinstance(entry, EntryAnswer):
        said.append(f"{entry.node} answers through it")
    elif isinstance(entry, NotObserved):
        said.append(f"through it nobody answers ({entry.reason})")
    return tuple(Evidence(what="address", text=text) for text in said)


def _of_machine(drift: Drift, given: PlanningInput) -> tuple[Evidence, ...]:
    machines = given.observed.provider_nodes
    if isinstance(machines, NotObserved):
        return ()
    return tuple(
        Evidence(what="machine", text=f"its provider: {m.status}, id {m.provider_id}")
        for m in machines
        if m.name == drift.subject
    )


def _of_record(drift: Drift, given: PlanningInput) -> tuple[Evidence, ...]:
    records = given.observed.records
    if isinstance(records, NotObserved):
        return ()
    return tuple(
        Evidence(
            what="record", text=f"there is {r.type} {r.value}, {'with' if r.ours else 'without'} our mark"
        )
        for r in records
        if r.name.rstrip(".") == drift.subject
    )


def _names(found: Iterable[str]) -> str:
    return " and ".join(found) or "no node"
