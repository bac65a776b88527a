"""Which exit code a finding has; where several apply, one wins (the order is in docs/operating.md)."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.services.planning.plan import Plan

DONE, ERROR, CHANGES, DRIFT, NOT_OBSERVED = 0, 1, 2, 3, 4
WINS = (130, 9, 8, 7, 6, 5, 1, 4, 10, 3, 2, 0)


def worst(codes: Iterable[int]) -> int:
    """The one that wins."""
    found = set(codes) | {DONE}
    return next(code for code in WINS if code in found)


def plan_code(plan: Plan, *, detailed: bool) -> int:
    """Changes are 2 only where asked for; a silent node is 4 in any case."""
    silent = NOT_OBSERVED if plan.not_observed else DONE
    return worst((silent, CHANGES if detailed and not plan.empty else DONE))


def drift_code(plan: Plan) -> int:
    """Pending changes are no drift."""
    return worst((NOT_OBSERVED if plan.not_observed else DONE, DRIFT if plan.drift else DONE))
