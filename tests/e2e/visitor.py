"""Somebody who asks an address again and again, each time on a new connection, while something is done to the cluster."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from types import TracebackType

from tests.availability.client import Kind
from tests.availability.load import Load
from tests.availability.row import Row
from tests.availability.wire import Target
from tests.e2e.moves import Move, moves
from tests.e2e.scratch import Scratch

# A request that was under way this near to a move of the address may have been lost with it.
NEAR_S = 1.5


# May not be sent again by anybody in between, and is at work for a while.
GET, POST = Kind(), Kind(method="POST", path="/cgi-bin/index.cgi")


def visits(
    target: Target, kind: Kind = GET, *, rate: int = 20, timeout_s: float = 3.0, around_s: float = 0.0
) -> Load:
    """A light load: for as long as its block lasts, and `around_s` before and after."""
    return Load(
        target.address, target, rate=rate, around_s=around_s, timeout_s=timeout_s,
        mix=(kind,), waits=(0.2 if kind is POST else 0.0,), sessions=(),
    )  # fmt: skip


class Visitors:
    """One visitor at the reserved IP, one at the HAProxy of each of some nodes, whoever has the address.

    A machine that is short of processors lets keepalived lose its adverts, and then the address moves although
    nobody asked for it. What that costs is measured elsewhere; here it must not hide what a rollout costs.
    """

    def __init__(self, cluster: Scratch, *nodes: str, kind: Kind = GET, rate: int = 20) -> None:
        self._cluster = cluster
        self._began = time.time()
        addresses = (cluster.entry(), *(cluster.address(node) for node in nodes))
        self._visits = [visits(Target(address=address), kind, rate=rate) for address in addresses]
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Visitors:
        for one in self._visits:
            self._open.enter_context(one)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def failed(self) -> int:
        return sum(len(one.row.failed) for one in self._visits)

    def check(self) -> None:
        """Every request was answered with 200; those around a move that keepalived made by itself are left out."""
        at_entry, *at_nodes = (one.row for one in self._visits)
        for row in at_nodes:
            check(row)
        check(at_entry, moved=moves(self._cluster, self._began))


def check(row: Row, *, moved: Sequence[Move] = ()) -> None:
    epoch = time.time() - time.monotonic()
    lost = [
        one
        for one in row.failed
        if not any(one.begin - NEAR_S < move.at - epoch < one.end + NEAR_S for move in moved)
    ]
    print(
        f"{row.name}: {row.sent} requests, {len(lost)} lost, {len(moved)} moves of the address, "
        f"slowest {row.slowest * 1000:.0f} ms"
    )
    assert row.sent > 10
    assert lost == [], f"{len(lost)} of {row.sent} at {row.name}, the first one: {lost[0]}"
