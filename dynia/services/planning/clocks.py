"""Nodes whose clock shows another time than the runner's: said, since no step sets a clock."""

from __future__ import annotations

from dynia.interfaces.durations import span
from dynia.interfaces.observed import NodeFacts, Observed
from dynia.services.planning.plan import Waiting

# What NTP keeps is far below; what a slow answer may look like is too.
MOST_MS = 30_000


def wrong_clocks(observed: Observed) -> tuple[Waiting, ...]:
    """One line a node. Nothing of Dynia's goes by it there; apt does, and whatever looks at certificates."""
    return tuple(
        Waiting(subject=name, reason=_reason(facts.clock_skew_ms), final=True)
        for name, facts in sorted(observed.nodes.items())
        if isinstance(facts, NodeFacts) and abs(facts.clock_skew_ms) > MOST_MS
    )


def _reason(skew_ms: int) -> str:
    way = "ahead of" if skew_ms > 0 else "behind"
    return (
        f"its clock is {span(abs(skew_ms) / 1000)} {way} this machine's: `timedatectl` on both says which "
        "is wrong (packages, and certificates of registries and APIs, are judged by it)"
    )
