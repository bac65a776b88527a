"""A row of the table: what became of all the requests that were sent during one change (pure)."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence

from dynia.interfaces.shape import Shape
from tests.availability.client import Asked
from tests.availability.sessions import Session
from tests.availability.wire import Outcome

# Who sends later than this may miss what is looked for.
LATE_S = 0.25
LEAST_SHARE = 0.1


class Row(Shape):
    """All that was sent under one name. `planned` is how many requests the time that it took asks for."""

    name: str
    planned: int
    asked: tuple[Asked, ...]
    sessions: tuple[Session, ...] = ()

    @property
    def sent(self) -> int:
        return len(self.asked)

    @property
    def good(self) -> tuple[Asked, ...]:
        return tuple(one for one in self.asked if one.good)

    @property
    def failed(self) -> tuple[Asked, ...]:
        return tuple(one for one in self.asked if not one.good)

    @property
    def outcomes(self) -> Counter[Outcome]:
        return Counter(one.outcome for one in self.asked)

    @property
    def retried(self) -> int:
        return sum(one.retried for one in self.asked)

    @property
    def slowest(self) -> float:
        """Seconds beyond the service's own time, of the good answers."""
        return max((one.seconds for one in self.good), default=0.0)

    @property
    def most(self) -> float:
        """99.9 % took no longer, of the good answers."""
        took = sorted(one.seconds for one in self.good)
        return took[math.ceil(len(took) * 0.999) - 1] if took else 0.0

    @property
    def gap(self) -> float:
        """The longest time between two good answers that follow each other."""
        ends = sorted(one.end for one in self.good)
        return max((later - earlier for earlier, later in itertools.pairwise(ends)), default=0.0)

    @property
    def late(self) -> float:
        """How late the latest request was sent."""
        return max((one.late for one in self.asked), default=0.0)

    @property
    def incomplete(self) -> str:
        """Why not even what failed is told by it; empty: it is."""
        if self.sent != self.planned:
            return f"{self.planned} requests were planned and {self.sent} sent"
        return "" if self.good else "nothing was answered at all"

    @property
    def invalid(self) -> str:
        """Why it tells nothing, whatever became of its requests; empty: it does tell."""
        if self.incomplete:
            return self.incomplete
        if self.late > LATE_S:
            return f"the schedule was not kept: a request was sent {self.late:.2f} s late, at most {LATE_S} s"
        return ""

    def shares(self) -> dict[str, float]:
        """Node -> its part of the good answers."""
        answered = Counter(one.node for one in self.good)
        return {node: count / answered.total() for node, count in sorted(answered.items())}

    def idle(self, nodes: Sequence[str]) -> list[str]:
        """Those of the nodes that answered too little to have been looked at."""
        return [node for node in nodes if self.shares().get(node, 0.0) < LEAST_SHARE]

    def broken(self, kind: str) -> list[Session]:
        return [one for one in self.sessions if one.kind == kind and one.outcome is not Outcome.OK]

    def why(self) -> str:
        """The failures in words: counted, and the first few."""
        counted = ", ".join(
            f"{count} {outcome}" for outcome, count in self.outcomes.items() if outcome != "ok"
        )
        began = min((one.begin for one in self.asked), default=0.0)
        first = [
            f"  {one.begin - began:.2f} s  {one.kind.method} {'fresh' if one.kind.fresh else 'kept'}"
            f"  after {one.end - one.begin:.2f} s  {one.why}"
            for one in self.failed[:10]
        ]
        return "\n".join((f"{self.name}: {len(self.failed)} of {self.sent} failed: {counted}", *first))


HEAD = (
    f"{'row':26} {'planned':>7} {'sent':>7} {'failed':>6} {'again':>5} {'slowest':>7} {'99.9 %':>6} {'gap':>5}"
    f" {'late':>5} {'sockets':>7} {'loads':>7}  share of each node, %"
)


def table(rows: Sequence[Row]) -> list[str]:
    """The rows as people read them, and their sum. Seconds everywhere; a row that tells nothing says so."""
    lines = [HEAD]
    for row in rows:
        whole = {kind: sum(one.kind == kind for one in row.sessions) for kind in ("socket", "download")}
        ended = {kind: f"{whole[kind] - len(row.broken(kind))}/{whole[kind]}" for kind in whole}
        shares = " ".join(f"{share:.0%}".rstrip("%") for share in row.shares().values())
        lines.append(
            f"{row.name:26} {row.planned:7} {row.sent:7} {len(row.failed):6} {row.retried:5} {row.slowest:7.3f}"
            f" {row.most:6.3f} {row.gap:5.2f} {row.late:5.2f} {ended['socket']:>7} {ended['download']:>7}  {shares}"
            + (f"  NOT VALID: {row.invalid}" if row.invalid else "")
        )
    broken = sum(len(row.broken(kind)) for row in rows for kind in ("socket", "download"))
    lines.append(
        f"sum: {len(rows)} rows, {sum(row.sent for row in rows)} requests sent of {sum(row.planned for row in rows)}"
        f" planned, {sum(len(row.failed) for row in rows)} failed, {sum(row.retried for row in rows)} sent again,"
        f" {broken} of {sum(len(row.sessions) for row in rows)} sessions cut,"
        f" {sum(bool(row.invalid) for row in rows)} rows not valid"
    )
    return lines
