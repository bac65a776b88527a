"""What changed files say now: which texts a plan needs to show its diffs, and the plan with them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import msgspec

from dynia.interfaces.observed import NodeFacts, Observed
from dynia.services.planning.lines import title
from dynia.services.planning.plan import FileDiff, Line, Plan
from dynia.services.planning.reasons import short

Wanted = dict[str, tuple[str, ...]]


def missing_texts(plan: Plan, observed: Observed) -> Wanted:
    """Node -> paths to read there, one node for each text. Only what was seen to be as it was applied: what
    somebody edited by hand is not what the change is made from."""
    found: dict[str, list[str]] = {}
    asked: set[str] = set()
    for diff in plan.diffs:
        if diff.before is not None or not diff.was or diff.was in asked:
            continue
        for name in diff.nodes:
            facts = observed.nodes.get(name)
            seen = facts.files if isinstance(facts, NodeFacts) else ()
            if any(f.path == diff.path and f.digest == diff.was for f in seen):
                found.setdefault(name, []).append(diff.path)
                asked.add(diff.was)
                break
    return {name: tuple(paths) for name, paths in sorted(found.items())}


def with_texts(plan: Plan, texts: Mapping[str, str]) -> Plan:
    """`texts` by digest. Every diff whose former text is known has it, and its line says how much changes."""
    diffs = tuple(
        msgspec.structs.replace(d, before=texts[d.was]) if d.before is None and d.was in texts else d
        for d in plan.diffs
    )
    counted = {(title(d.component), short(d.component, d.path)): _lines(d) for d in reversed(diffs)}
    return msgspec.structs.replace(
        plan, diffs=diffs, changes=tuple(_counted(line, counted) for line in plan.changes)
    )


def _counted(line: Line, counted: Mapping[tuple[str, str], int]) -> Line:
    details = []
    for label, text in line.details:
        number = counted.get((line.subject, text), 0) if label == "file" else 0
        details.append((label, f"{text}, {number} line{'s'[: number > 1]}" if number else text))
    return msgspec.structs.replace(line, details=tuple(details))


def _lines(diff: FileDiff) -> int:
    """Lines that come or go, a changed one counted once; 0 where it is not known."""
    if diff.before is None or diff.after is None:
        return 0
    before, after = diff.before.splitlines(), diff.after.splitlines()
    changes = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    return sum(max(a1 - a0, b1 - b0) for tag, a0, a1, b0, b1 in changes if tag != "equal")
