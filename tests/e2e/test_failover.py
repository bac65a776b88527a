"""The holder dies, or its HAProxy does: how long the entry address is silent, and what dynia says and does then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.availability.wire import Target
from tests.e2e.faults import (
    Deed,
    freeze_haproxy,
    kill_haproxy,
    kill_node,
    settled,
    stop_haproxy,
    thaw_haproxy,
    until,
)
from tests.e2e.remains import check_nothing_is_left, machines
from tests.e2e.scratch import Scratch
from tests.e2e.visitor import visits

pytestmark = pytest.mark.lab

# Requests a second, and seconds.
RATE, TIMEOUT_S, WATCH_S = 50, 0.1, 3.0
ROUNDS = 5

# Kind: what is done to the holder, what the issue bounds it by (seconds).
KINDS: dict[str, tuple[Deed, float]] = {
    "node-killed": (kill_node, 0.5),
    "haproxy-killed": (kill_haproxy, 0.7),
    "haproxy-stopped": (stop_haproxy, 0.7),
    "haproxy-frozen": (freeze_haproxy, 1.5),
}


def longest_gap(address: str, deed: Callable[[], None]) -> float:
    """Longest time between two good answers that follow each other."""
    with visits(Target(address=address), rate=RATE, timeout_s=TIMEOUT_S, around_s=WATCH_S) as visitor:
        deed()
    row = visitor.row
    assert row.good and row.good[-1].end > visitor.ended + WATCH_S - 1, "it does not answer again"
    print(f"{len(row.failed)} of {row.sent} failed; the latest was sent {row.late:.3f} s late")
    return row.gap


NARROW = ("haproxy-stopped",)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        # The bound of NARROW has little margin: a busy machine must not turn `make test` red.
        pytest.param(kind, number, marks=[pytest.mark.slow] if number or kind in NARROW else [])
        for kind in KINDS
        for number in range(ROUNDS)
    ],
)
def test_the_entry_address_answers_again_soon(running: Scratch, kind: str, number: int) -> None:
    deed, bound = KINDS[kind]
    if not settled(running):
        running.apply()  # an earlier row failed and left a node off
    until(lambda: settled(running), 30, "the cluster is not settled")
    holder = running.holder()
    gap = longest_gap(running.entry(), lambda: deed(running, holder))
    WORST[kind] = max(WORST.get(kind, 0.0), gap)
    print(f"{kind} {number}: {gap:.3f} s (worst so far {WORST[kind]:.3f} s, at most {bound} s)")
    try:
        assert gap <= bound, f"{kind}: the entry address was silent for {gap:.3f} s, at most {bound} s"
        if kind != "haproxy-killed":
            assert running.holder() != holder
        if kind == "node-killed":
            check_told_and_started(running, holder)
    finally:
        if kind == "haproxy-frozen":
            thaw_haproxy(running, holder)
    if kind == "haproxy-stopped":
        assert running.dynia("drift", exits=3).stdout.count("haproxy") >= 1
        running.apply()
    until(lambda: settled(running), 30, f"not settled after {kind}")
    assert running.dynia("plan", "--detailed-exitcode").exit == 0


WORST: dict[str, float] = {}


def check_told_and_started(cluster: Scratch, off: str) -> None:
    """status, plan and drift say that it is off (exit 4); apply starts the same machine again."""
    before = machines(cluster)
    for verb in ("status", "plan", "drift"):
        run = cluster.dynia(verb, exits=4)
        assert off in run.stdout and "off at the provider" in run.stdout, str(run)
    now = cluster.holder()
    assert now != off
    cluster.apply()
    assert machines(cluster) == before
    assert cluster.sh(off, "systemctl is-active haproxy keepalived docker").split() == ["active"] * 3
    cluster.dynia("status")


def test_a_silent_node_is_named_by_status(running: Scratch) -> None:
    until(lambda: settled(running), 30, "the cluster is not settled")
    silent = next(name for name in running.nodes() if name != running.holder())
    container = running.nodes()[silent]
    running.docker("pause", container)
    try:
        run = running.dynia("status", exits=4)
        named = [one.split() for one in run.stdout.splitlines() if silent in one]
        assert ["?", silent, "no", "answer"] in [words[:4] for words in named], str(run)
        assert all(words[0] == "?" and "ok" not in words for words in named), f"something is claimed: {run}"
    finally:
        running.docker("unpause", container)
    running.dynia("status")


@pytest.mark.slow
def test_a_node_that_is_gone_is_made_again(running: Scratch) -> None:
    until(lambda: settled(running), 30, "the cluster is not settled")
    gone = next(name for name in running.nodes() if name != running.holder())
    kept = [one for one in machines(running) if one[1] != gone]
    ordinals = {ordinal for ordinal, _, _ in machines(running)}
    running.docker("rm", "--force", "--volumes", running.nodes()[gone])
    plan = running.dynia("plan", "--detailed-exitcode", exits=None)
    assert gone in plan.stdout and "gone at the provider" in plan.stdout, str(plan)
    running.apply()
    now = machines(running)
    (made,) = (one for one in now if one not in kept)
    assert made[0] not in ordinals and made[1] != gone, "an ordinal or name was used again"
    assert [one for one in now if one != made] == kept
    check_nothing_is_left(running, nodes=3, services=("hello",))
    until(lambda: settled(running), 30, "the new node does not serve")
    assert running.dynia("plan", "--detailed-exitcode").exit == 0
