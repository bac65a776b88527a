"""`make availability`: what clients notice while a cluster is changed, and while something in it breaks.

Each row is one change or one fault under the load of `tests/availability`; the table of all rows is printed in the end.
A request counts as failed as a client sees it that follows RFC 9110. WebSockets and downloads are counted apart.
How long a change made requests wait is judged by `make availability` alone, which has the machine for itself.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from dynia.interfaces.shape import Shape
from dynia.providers.nodes.docker.lab import Lab
from tests.availability.client import Asked
from tests.availability.load import Load
from tests.availability.row import Row
from tests.availability.wire import Outcome, Target
from tests.e2e import engine, faults, loaded
from tests.e2e.faults import Deed
from tests.e2e.moves import moves
from tests.e2e.scratch import Scratch, applied

pytestmark = pytest.mark.lab

# Of the time beyond the service's own: 99.9 % of the requests, and any, where the address stays and where it moves.
MOST_S, SLOWEST_MOVED_S = 0.25, 1.1
# From the moment at which somebody answers again until an answer is there: of five requests one takes no longer.
ANSWERED_S = 0.1
SETTLES_S = 60
TIMED = "DYNIA_TIMED" in os.environ


@pytest.fixture(scope="module")
def answering(lab: Lab) -> Iterator[Scratch]:
    """One cluster for all rows, with three nodes where a row does not say otherwise."""
    with applied(lab, "a", loaded.write_loaded) as made:
        yield made


def settle(cluster: Scratch, nodes: int = 3) -> None:
    """Whatever the row before left: everybody is up and runs what the files say."""
    loaded.scale(cluster, nodes)
    if cluster.dynia("plan", "--detailed-exitcode", exits=None).exit:
        cluster.apply()
    faults.until(lambda: faults.settled(cluster), SETTLES_S, "the cluster does not settle")


@contextmanager
def load(name: str, cluster: Scratch, target: Target | None = None) -> Iterator[Load]:
    """The load at the reserved IP; its row goes into the table, whatever becomes of the test."""
    releases = {loaded.release(cluster), str(max(1, int(loaded.release(cluster)) - 1))}
    asking = Load(name, target or loaded.target(cluster), releases=frozenset(releases))
    try:
        with asking:
            yield asking
    finally:
        loaded.ROWS.append(asking.row)


# Changes

CHANGES: dict[str, Callable[[Scratch], None]] = {
    "service": loaded.new_release,
    "haproxy": loaded.template("haproxy"),
    "caddy": loaded.template("caddy"),
    "caddy-container": loaded.caddy_container,
    "keepalived": loaded.template("keepalived"),
    "firewall": loaded.firewall,
    "certificate": loaded.certificate,
}


def change(cluster: Scratch, name: str, edit: Callable[[Scratch], None], *, secure: bool = False) -> None:
    """Apply it under the load: nothing failed, everybody answered, and it is there in the end."""
    before, holder = set(cluster.nodes()), cluster.holder()
    edit(cluster)
    cluster.dynia("plan", "--detailed-exitcode", exits=2)
    began = time.time()
    with load(name, cluster, loaded.secure_target(cluster) if secure else None) as asking:
        cluster.apply()
    row, after = asking.row, set(cluster.nodes())
    assert_told(row)
    assert not row.failed, row.why()
    assert not row.idle(sorted(before & after)), f"{row.shares()}: too little of it went to some"
    late = [one for one in row.asked if one.begin > asking.ended]
    assert {one.release for one in late} == {loaded.release(cluster)}, (
        "the old release answers after the apply"
    )
    assert {one.node for one in late} == after, "not every node answers after the apply"
    assert_stayed(cluster, holder, began)
    assert row.most <= MOST_S or not TIMED, f"{name}: 99.9 % within {row.most:.3f} s, at most {MOST_S} s"
    broken = [*row.broken("socket"), *row.broken("download")]
    assert not broken, f"of the requests none failed; of the sessions {len(broken)} did: {broken[:5]}"
    cluster.dynia("plan", "--detailed-exitcode")


def assert_stayed(cluster: Scratch, holder: str, since: float) -> None:
    """Nobody else was MASTER meanwhile. (A reload may let keepalived say of the holder that it is, once more.)"""
    elsewhere = [move for move in moves(cluster, since) if move.node != holder]
    assert not elsewhere, f"the address moved from {holder}, and nobody needed it to: {elsewhere}"


def assert_told(row: Row) -> None:
    why = row.invalid if TIMED else row.incomplete
    if why:
        pytest.fail(f"{row.name}: this row is not valid, it shows neither good nor bad: {why}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_of_three_nodes_loses_no_request(answering: Scratch, kind: str) -> None:
    settle(answering)
    change(answering, kind, CHANGES[kind], secure=kind == "certificate")


@pytest.mark.slow
def test_a_node_more_loses_no_request(answering: Scratch) -> None:
    settle(answering)
    change(answering, "scale-up", lambda cluster: loaded.scale(cluster, 4))


@pytest.mark.slow
def test_a_node_less_loses_no_request(answering: Scratch) -> None:
    settle(answering, 4)
    change(answering, "scale-down", lambda cluster: loaded.scale(cluster, 3))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["service", "caddy", "caddy-container"])
def test_a_change_of_two_nodes_loses_no_request(answering: Scratch, kind: str) -> None:
    settle(answering, 2)
    change(answering, f"{kind}, two nodes", CHANGES[kind])


@pytest.mark.slow
def test_a_handover_loses_no_request(answering: Scratch) -> None:
    settle(answering)
    taker = beside(answering)
    with load("handover", answering) as asking:
        answering.dynia("node", "promote", taker, "--yes")
    row = asking.row
    assert_told(row)
    assert not row.failed, row.why()
    assert answering.holder() == taker
    assert row.slowest <= SLOWEST_MOVED_S or not TIMED, f"{row.slowest:.3f} s, at most {SLOWEST_MOVED_S} s"


def drained(cluster: Scratch) -> None:
    away = beside(cluster)
    for verb in ("drain", "undrain"):
        cluster.dynia("node", verb, away, "--yes")


def replaced(cluster: Scratch) -> None:
    cluster.dynia("node", "replace", beside(cluster), "--yes")


def rolled_back(cluster: Scratch) -> None:
    cluster.dynia("rollback", "--yes")


BY_HAND: dict[str, Callable[[Scratch], None]] = {
    "node drain": drained,
    "replacement": replaced,
    "rollback": rolled_back,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BY_HAND)
def test_what_is_asked_for_by_hand_loses_no_request(answering: Scratch, kind: str) -> None:
    settle(answering)
    if kind == "rollback":
        loaded.new_release(answering)
        answering.apply()
    before, holder, began = set(answering.nodes()), answering.holder(), time.time()
    with load(kind, answering) as asking:
        BY_HAND[kind](answering)
    row = asking.row
    assert_told(row)
    assert not row.failed, row.why()
    assert not row.idle(sorted(before & set(answering.nodes()))), (
        f"{row.shares()}: too little of it went to some"
    )
    assert_stayed(answering, holder, began)
    assert row.most <= MOST_S or not TIMED, f"{kind}: 99.9 % within {row.most:.3f} s, at most {MOST_S} s"
    broken = [*row.broken("socket"), *row.broken("download")]
    assert not broken, f"of the requests none failed; of the sessions {len(broken)} did: {broken[:5]}"


def lost_nothing_where_it_moved(cluster: Scratch, name: str, deed: Callable[[], object]) -> None:
    """Whatever interrupts the holder: the address has left it before."""
    before = cluster.holder()
    with load(name, cluster) as asking:
        deed()
    row = asking.row
    assert_told(row)
    assert not row.failed, row.why()
    assert cluster.holder() != before
    assert row.slowest <= SLOWEST_MOVED_S or not TIMED, f"{row.slowest:.3f} s, at most {SLOWEST_MOVED_S} s"


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["haproxy", "keepalived"])
def test_a_unit_that_starts_again_on_each_node_loses_no_request(answering: Scratch, unit: str) -> None:
    settle(answering)
    for node in answering.nodes():
        answering.sh(node, f"echo '# by hand' >>/etc/systemd/system/{unit}.service.d/dynia.conf")
    lost_nothing_where_it_moved(answering, f"{unit}-unit", answering.apply)


@pytest.mark.slow
def test_a_reboot_of_the_holder_loses_no_request(answering: Scratch) -> None:
    settle(answering)
    holder = answering.holder()
    reboot = lambda: answering.dynia("node", "reboot", holder, "--yes")  # noqa: E731
    lost_nothing_where_it_moved(answering, "holder-rebooted", reboot)


@pytest.mark.slow
def test_another_docker_engine_on_each_node_loses_no_request(answering: Scratch) -> None:
    settle(answering)
    engine.offer(answering)
    upgrade = lambda: answering.dynia("node", "reboot", "--all", "--os-updates", "--yes", timeout=900)  # noqa: E731
    lost_nothing_where_it_moved(answering, "docker-engine", upgrade)
    versions = engine.versions(answering)
    assert all(version.endswith(engine.LATER) for version in versions.values()), versions


# Faults


class Fault(Shape):
    """What is done to a node, and what undoes it; where that is nothing, `dynia apply` does. `within` is how soon
    everything is well again, in seconds."""

    deed: Deed
    undo: Deed | None = None
    within: float = 0.0


BESIDE: dict[str, Fault] = {
    "node-killed": Fault(deed=faults.kill_node),
    "caddy-killed": Fault(deed=lambda cluster, node: faults.kill_container(cluster, node, loaded.CADDY)),
    "container-killed": Fault(
        deed=lambda cluster, node: faults.kill_container(cluster, node, loaded.SERVICE)
    ),
}
AT_HOLDER: dict[str, Fault] = {
    "holder-killed": Fault(deed=faults.kill_node, within=0.5),
    "haproxy-killed": Fault(deed=faults.kill_haproxy, within=0.7),
    "haproxy-stopped": Fault(deed=faults.stop_haproxy, within=0.7),
    "haproxy-frozen": Fault(deed=faults.freeze_haproxy, undo=faults.thaw_haproxy, within=1.3),
    "keepalived-frozen": Fault(deed=faults.freeze_keepalived, undo=faults.thaw_keepalived, within=0.5),
}
FROZEN = Fault(deed=faults.freeze_node, undo=faults.thaw_node, within=0.7)


def suffered(cluster: Scratch, name: str, fault: Fault, node: str) -> tuple[Row, float]:
    """The fault under the load, and undone after it. The row, and when the deed was done."""
    try:
        with load(name, cluster) as asking:
            fault.deed(cluster, node)
            done = time.monotonic()
    finally:
        if fault.undo is not None:
            fault.undo(cluster, node)
            faults.until(lambda: faults.settled(cluster), SETTLES_S, f"it does not settle after {name}")
    assert_told(asking.row)
    return asking.row, done


def failed_after(row: Row, moment: float) -> list[Asked]:
    return [one for one in row.failed if one.begin > moment]


def beside(cluster: Scratch) -> str:
    """A node that is not the holder."""
    holder = cluster.holder()
    return next(node for node in cluster.nodes() if node != holder)


@pytest.mark.slow
@pytest.mark.parametrize("kind", BESIDE)
def test_a_fault_beside_the_holder_loses_nothing_that_may_be_repeated(answering: Scratch, kind: str) -> None:
    """A request whose answer had begun can't be saved, nor may one be repeated that is not idempotent."""
    settle(answering)
    row, _ = suffered(answering, kind, BESIDE[kind], beside(answering))
    lost = [one for one in row.failed if one.kind.idempotent and one.outcome is not Outcome.CUT]
    assert not lost, f"{len(lost)} of them could have been saved: {row.why()}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", AT_HOLDER)
def test_a_fault_of_the_holder_is_over_soon_and_nothing_fails_from_then_on(
    answering: Scratch, kind: str
) -> None:
    settle(answering)
    within = AT_HOLDER[kind].within
    row, done = suffered(answering, kind, AT_HOLDER[kind], answering.holder())
    assert row.gap <= within + ANSWERED_S, f"{kind}: silent for {row.gap:.3f} s, at most {within} s"
    assert not failed_after(row, done + within), row.why()
    assert row.slowest <= SLOWEST_MOVED_S, f"{kind}: {row.slowest:.3f} s, at most {SLOWEST_MOVED_S} s"


@pytest.mark.slow
def test_a_frozen_node_gets_nothing_new_soon(answering: Scratch) -> None:
    """It is frozen until the load has ended: what it is given after all is never answered."""
    settle(answering)
    row, done = suffered(answering, "node-frozen", FROZEN, beside(answering))
    assert not failed_after(row, done + FROZEN.within), row.why()


@pytest.mark.slow
def test_a_busy_machine_is_no_false_alarm(answering: Scratch) -> None:
    settle(answering)
    holder, began = answering.holder(), time.time()
    with load("busy", answering) as asking:
        loops = [subprocess.Popen(["timeout", "20", "sh", "-c", "while :; do :; done"]) for _ in range(2)]
        for loop in loops:
            loop.wait()
    row = asking.row
    assert_told(row)
    assert not row.failed, row.why()
    assert_stayed(answering, holder, began)
    for node in answering.nodes():
        said = answering.sh(node, f"journalctl -u haproxy --since @{int(began)} -o cat --no-pager")
        assert " is DOWN" not in said, f"{node}: {said}"


# The other way round

RESTARTS = {
    "container": f"docker restart --time 0 {loaded.SERVICE}",
    "haproxy": "systemctl restart haproxy",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", RESTARTS)
def test_a_plain_restart_on_each_node_is_seen(answering: Scratch, kind: str) -> None:
    """The rows above could not fail if this one did not."""
    settle(answering)
    with load(f"plain restart: {kind}", answering) as asking:
        for node in answering.nodes():
            answering.sh(node, RESTARTS[kind])
    assert_told(asking.row)
    assert asking.row.failed, "nothing failed: a restart under this load is not seen"
