"""Law 11 on real nodes: a runner that is frozen past its lease, and wakes after another one has applied, changes nothing."""

from __future__ import annotations

import os
import signal
import time

import msgspec
import pytest

from dynia.state.store import open_store
from tests.e2e.look import look
from tests.e2e.scratch import Scratch

pytestmark = pytest.mark.lab

LEASE = "5s"
SUMS = "find /opt/dynia /etc /usr/local -xdev -type f -exec sha256sum {} + | sort -k 2"


def with_turn(cluster: Scratch, turn: str) -> None:
    """Each turn changes the service, so that every node has something to do; and the lease is a short one."""
    cluster.write_clusters()
    text = (cluster.folder / "clusters.yaml").read_text()
    cluster.write("clusters.yaml", f"state: {{kind: file, lease: {LEASE}}}\n{text}")
    compose = (cluster.folder / "compose.yaml").read_text().splitlines()
    kept = "\n".join(line for line in compose if "TURN" not in line and "environment" not in line)
    cluster.write("compose.yaml", f"{kept}\n    environment:\n      TURN: {turn}\n")


def begun_steps(cluster: Scratch) -> tuple[str, ...]:
    store = open_store(cluster.folder, make=False)
    return tuple(begun.step for begun in store.unfinished(cluster.name))


def valid_journal(cluster: Scratch) -> tuple[bytes, int]:
    store = open_store(cluster.folder, make=False)
    return msgspec.json.encode(store.state), store.serial(cluster.name)


def everything(cluster: Scratch) -> tuple[dict[str, str], dict[str, str]]:
    return look(cluster), {node: cluster.sh(node, SUMS) for node in cluster.nodes()}


def test_it_ends_with_exit_5_and_not_one_byte_is_another(running: Scratch) -> None:
    with_turn(running, "frozen")
    frozen = running.begin("apply", "--yes")
    until = time.monotonic() + 60
    while frozen.poll() is None and not begun_steps(running) and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        at_once = running.dynia("apply", "--yes", exits=5)
        assert "--lock-wait" in at_once.stderr, str(at_once)
        with_turn(running, "awake")
        second = running.dynia("apply", "--yes", "--lock-wait", "3m")
        assert f"no sign of life for {LEASE.removesuffix('s')} s" in second.stdout + second.stderr, str(
            second
        )
        before, journal = everything(running), valid_journal(running)
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    frozen.wait(timeout=120)
    (log,) = running.folder.glob("begun-*.log")
    told = " ".join(log.read_text().split())
    assert frozen.returncode == 5, told
    assert "this run was stopped for" in told and "another one took over" in told, told
    assert everything(running) == before
    assert valid_journal(running) == journal
    assert running.dynia("plan", "--detailed-exitcode").exit == 0
