"""The plan as it read where not every secret was: what is compared at apply is filled in (law 4). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import combinations

import msgspec

from dynia.interfaces.observed import NodeFacts
from dynia.services.planning.components.service_secrets import is_service_secret
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan_with_recipes

# Of so many that changed, any may have been away from whoever planned; of more, all or none.
MOST_TRIED = 4
replace = msgspec.structs.replace


def as_reviewed(digest: str, plan: Plan, given: PlanningInput, *, sync: bool) -> Plan:
    """The plan of the same world that has this digest, where sources that were not there then are all that
    tells it from `plan`; else `plan`. Only those of what nodes have, and what changed, make a difference."""
    if plan.digest == digest:
        return plan
    for hidden in _hidden(_changed(given)):
        then, _ = make_plan_with_recipes(_without(given, hidden), sync=sync)
        if then.digest == digest:
            return then
    return plan


def _changed(given: PlanningInput) -> tuple[str, ...]:
    found = set()
    for facts in given.observed.nodes.values():
        if isinstance(facts, NodeFacts):
            there = ((f.path, f.digest) for f in facts.files if is_service_secret(f.path))
            found |= {path for path, digest in there if facts.secrets.get(path, digest) != digest}
    return tuple(sorted(found & given.secrets.keys()))


def _hidden(changed: tuple[str, ...]) -> Iterator[Set[str]]:
    if len(changed) > MOST_TRIED:
        yield set(changed)
        return
    for number in range(len(changed), 0, -1):
        for some in combinations(changed, number):
            yield set(some)


def _without(given: PlanningInput, hidden: Set[str]) -> PlanningInput:
    nodes = {
        name: replace(facts, secrets={p: d for p, d in facts.secrets.items() if p not in hidden})
        if isinstance(facts, NodeFacts)
        else facts
        for name, facts in given.observed.nodes.items()
    }
    return replace(
        given,
        secrets={p: content for p, content in given.secrets.items() if p not in hidden},
        observed=replace(given.observed, nodes=nodes),
    )
