"""The drift report as one value: what differs, with evidence and answers; who was silent; what is near its
end. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from dynia.interfaces.observed import NodeFacts
from dynia.interfaces.shape import Shape
from dynia.services.planning.certificates import DAY, days_left
from dynia.services.planning.components import PEM
from dynia.services.planning.drift_answers import (
    SEVERITIES,
    Severity,
    commands_for,
    commands_for_silent,
    severity_of,
)
from dynia.services.planning.drift_evidence import Evidence, evidence_of
from dynia.services.planning.drift_items import item, what_drifted
from dynia.services.planning.drift_runs import Run, Sighting
from dynia.services.planning.ignoring import NOTHING, Silenced
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Drift, DriftClass, Line, Plan, Waiting

CERTIFICATE_DAYS = 21
DISK_PERCENT = 85


class Finding(Shape):
    """One entry of drift. `item` is its name (`drift adopt|revert|ignore`), `what` the same without the node.
    `since` is when the thing itself says that it was changed, `first_seen` the report that saw it first, 0
    where unknown; `runs`: in so many reports on end. `why` is the reason for `severity`, `remedy` what the
    next apply does. `diff`: of a text file, from what was applied to what is there."""

    item: str
    what: str
    node: str
    kind: str
    category: DriftClass
    severity: Severity
    why: str
    detail: str
    since: int = 0
    first_seen: int = 0
    runs: int = 1
    remedy: str = ""
    commands: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    diff: str = ""


class Silent(Shape):
    """Who did not answer: nothing is claimed about it."""

    node: str
    reason: str
    commands: tuple[str, ...] = ()


class Left(Shape):
    """What differs, alike on these nodes, and is no finding until a day is over, for a reason in the file."""

    what: str
    nodes: tuple[str, ...]
    detail: str
    until: str
    because: str


class Concern(Shape):
    """No drift, and soon a trouble. `left` is how many days a certificate is good, `used` how full a disk
    is, in percent."""

    kind: Literal["certificate", "disk"]
    node: str
    severity: Severity
    detail: str
    command: str
    left: int | None = None
    used: int | None = None


class DriftReport(Shape):
    """`findings` have the gravest first; `changes` are pending and no drift. `notes` are of entries in the
    file that ignore nothing any more. `runs` are the reports until now, the oldest first, this one the last.
    """

    cluster: str
    generation: int
    at: int
    exit_code: int
    node_count: int
    findings: tuple[Finding, ...] = ()
    silent: tuple[Silent, ...] = ()
    concerns: tuple[Concern, ...] = ()
    ignored: tuple[Left, ...] = ()
    notes: tuple[str, ...] = ()
    changes: tuple[Line, ...] = ()
    paused: tuple[Waiting, ...] = ()
    runs: tuple[Run, ...] = ()


class Folded(Shape):
    """Equal entries of several nodes: `first` stands for all of them."""

    first: Finding
    all: tuple[Finding, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(one.node for one in self.all if one.node)

    @property
    def since(self) -> int:
        return min((one.since for one in self.all if one.since), default=0)

    @property
    def first_seen(self) -> int:
        return min((one.first_seen for one in self.all if one.first_seen), default=0)

    @property
    def runs(self) -> int:
        return max(one.runs for one in self.all)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Equal words once, with the earliest moment."""
        said: dict[tuple[str, str], int] = {}
        for one in (e for finding in self.all for e in finding.evidence):
            known = said.get((one.what, one.text), 0)
            said[one.what, one.text] = min(known or one.at, one.at or known)
        return tuple(Evidence(what=what, text=text, at=at) for (what, text), at in said.items())


def drift_report(
    given: PlanningInput,
    plan: Plan,
    *,
    exit_code: int,
    seen: Mapping[str, Sighting],
    runs: tuple[Run, ...],
    diffs: Mapping[str, str],
    silenced: Silenced = NOTHING,
) -> DriftReport:
    """`seen` and `diffs` are by the entry's name. `plan` is without what is `silenced`."""
    findings = [
        _finding(one, given, plan, seen.get(item(one)), diffs.get(item(one), "")) for one in plan.drift
    ]
    return DriftReport(
        cluster=plan.cluster,
        generation=plan.generation,
        at=given.observed.at,
        exit_code=exit_code,
        node_count=plan.node_count,
        findings=tuple(sorted(findings, key=lambda one: SEVERITIES.index(one.severity))),
        silent=tuple(
            Silent(node=node, reason=reason, commands=_for_silent(given, node, reason))
            for node, reason in plan.not_observed
        ),
        concerns=_concerns(given),
        ignored=_left(silenced),
        notes=silenced.notes,
        changes=plan.changes,
        paused=plan.paused,
        runs=runs,
    )


def folded(findings: Sequence[Finding]) -> tuple[Folded, ...]:
    """Equal entries as one, in the order of the first of each."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        key = (one.kind, one.what, one.category, one.severity, one.detail, one.remedy, one.diff)
        groups.setdefault(key, []).append(one)
    return tuple(Folded(first=group[0], all=tuple(group)) for group in groups.values())


def _left(silenced: Silenced) -> tuple[Left, ...]:
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for one in silenced.ignored:
        key = (what_drifted(one.drift), one.drift.detail, one.until, one.because)
        alike.setdefault(key, []).append(one.drift.node)
    return tuple(
        Left(what=what, nodes=tuple(filter(None, nodes)), detail=detail, until=until, because=because)
        for (what, detail, until, because), nodes in alike.items()
    )


def _finding(drift: Drift, given: PlanningInput, plan: Plan, seen: Sighting | None, diff: str) -> Finding:
    severity, why = severity_of(drift)
    # A file's time says when its content came, and nothing about its mode or owner.
    tells = drift.category == "orphan" or "edited" in drift.detail
    return Finding(
        item=item(drift),
        what=what_drifted(drift),
        node=drift.node,
        kind=drift.kind,
        category=drift.category,
        severity=severity,
        why=why,
        detail=drift.detail,
        since=drift.since if tells else 0,
        first_seen=seen.first if seen else given.observed.at,
        runs=seen.runs if seen else 1,
        remedy=drift.remedy,
        commands=commands_for(drift, plan.cluster),
        evidence=evidence_of(drift, given),
        diff=diff,
    )


def _for_silent(given: PlanningInput, node: str, reason: str) -> tuple[str, ...]:
    """A vendor may be silent too: no node takes its place."""
    if not any(one.name == node for one in given.state.nodes_of(given.target)):
        return (f"dynia status --cluster {given.target}",)
    return commands_for_silent(node, reason, given.target)


def _concerns(given: PlanningInput) -> tuple[Concern, ...]:
    found: list[Concern] = []
    for node in given.state.nodes_of(given.target):
        facts = given.observed.nodes.get(node.name)
        if isinstance(facts, NodeFacts):
            found += [
                one for one in (_certificate(given, node.name, facts), _disk(given, node.name, facts)) if one
            ]
    return tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity)))


def _certificate(given: PlanningInput, node: str, facts: NodeFacts) -> Concern | None:
    """One that lives for days only is near its end when a third of that is left."""
    there = facts.certificates.get(PEM)
    if there is None:
        return None
    left, at = days_left(there, given.observed.at), given.observed.at
    if there.not_after - at >= min(CERTIFICATE_DAYS * DAY, (there.not_after - there.not_before) // 3):
        return None
    expired = at >= there.not_after
    severity: Severity = "critical" if expired else "high" if left < 7 else "medium" if left < 14 else "low"
    return Concern(
        kind="certificate",
        node=node,
        severity=severity,
        detail="it has expired" if expired else f"it is good for {left} d",
        command=f"dynia apply --cluster {given.target}",
        left=left,
    )


def _disk(given: PlanningInput, node: str, facts: NodeFacts) -> Concern | None:
    used = facts.disk_used_percent
    if used < DISK_PERCENT:
        return None
    return Concern(
        kind="disk",
        node=node,
        severity="high" if used >= 95 else "medium",
        detail=f"it is {used} % full",
        command=f"dynia node ssh {node} --cluster {given.target}",
        used=used,
    )
