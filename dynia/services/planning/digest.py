"""The name of a plan: equal where the same would be done for the same reasons to the same world."""

from __future__ import annotations

import hashlib

import msgspec

from dynia.services.planning.plan import Drift, FileDiff, Line, Plan, Step

replace = msgspec.structs.replace


def sealed(plan: Plan) -> Plan:
    """With its digest, ``sha256:<hex>``."""
    raw = msgspec.json.encode(essence(plan), order="deterministic")
    return replace(plan, digest="sha256:" + hashlib.sha256(raw).hexdigest())


def essence(plan: Plan) -> Plan:
    """What is approved with a plan: its steps, what they rest on, what they cost.

    Without what may read otherwise at the next look although nothing has changed: sentences that count
    seconds or days or repeat what somebody said who did not answer, times of files, how long it may take, and
    what files were read to say before (one node is asked, and it may be silent). Without what is not done,
    too: a plan is made where no secret is, and applied where they are; what can be done then and could not
    before is a step.
    """
    return replace(
        plan,
        steps=tuple(_step(step) for step in plan.steps),
        later=tuple(_step(step) for step in plan.later),
        drift=tuple(_drift(drift) for drift in plan.drift),
        changes=tuple(_line(line) for line in plan.changes),
        diffs=tuple(_diff(diff) for diff in plan.diffs),
        effect=replace(plan.effect, about_s=None),
        waiting=(),
        images=(),
        protect="",
        losses=(),
        not_observed=tuple((name, "") for name, _ in plan.not_observed),
        digest="",
    )


def _step(step: Step) -> Step:
    return replace(step, why="")


def _drift(drift: Drift) -> Drift:
    return replace(drift, since=0)


def _line(line: Line) -> Line:
    """How many lines of a file change is counted with what it said before."""
    return replace(line, why="", details=tuple(pair for pair in line.details if pair[0] != "file"))


def _diff(diff: FileDiff) -> FileDiff:
    return replace(diff, before=None)
