"""Law 8 on real nodes: a firewall, keepalived or HAProxy that lets nobody in passes its check, and the node is back alone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dynia.interfaces.shape import Shape
from tests.e2e.scratch import Scratch

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
TXN = "/var/lib/dynia/txn"
LEFT = f"ls {TXN}; ls /etc/systemd/system | grep dynia-back; systemctl list-timers --all --no-legend 'dynia-back-*'"
# The timer's time, how exact it is, the way back itself, and a machine that is busy.
BACK_WITHIN_S = 30.0 + 1.0 + 30.0
# Who was told by two nodes that they have the address believes the last one for about a minute.
ASKS_ANEW_S = 90.0


class Breakage(Shape):
    """`was` in a template becomes `now`; `file` is what comes of it on a node."""

    component: str
    template: str
    file: str
    was: str
    now: str
    missing: str


BREAKAGES = (
    # Whoever is in by now stays in.
    Breakage(
        component="firewall",
        template="firewall/dynia.nft.mustache",
        file="/opt/dynia/firewall/dynia.nft",
        was="        ip saddr @nodes accept\n",
        now="        tcp dport 22 drop\n        ip saddr @nodes accept\n",
        missing="it lets no new connection in",
    ),
    # Of another group: it hears nobody, and takes the address that the holder has.
    Breakage(
        component="keepalived",
        template="keepalived/keepalived.conf.mustache",
        file="/opt/dynia/keepalived/keepalived.conf",
        was="    virtual_router_id {{router_id}}\n",
        now="    ! not {{router_id}}\n    virtual_router_id 254\n",
        missing="2 nodes are MASTER",
    ),
    Breakage(
        component="haproxy",
        template="haproxy/haproxy.cfg.mustache",
        file="/opt/dynia/haproxy/haproxy.cfg",
        was="    bind *:80\n",
        now="    bind *:81\n",
        missing="its HAProxy does not answer on port 80",
    ),
)


def until(what: Callable[[], object], seconds: float) -> float:
    """Asked again until it is so; after how many seconds it was."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, f"not within {seconds:g} s"
        time.sleep(0.05)
    return time.monotonic() - began


def sums(cluster: Scratch, file: str) -> dict[str, str]:
    return {
        node: cluster.sh(node, f"sha256sum {file}", check=False).split(" ")[0] for node in cluster.nodes()
    }


def left(cluster: Scratch) -> dict[str, list[str]]:
    return {node: cluster.sh(node, LEFT, check=False).split() for node in cluster.nodes()}


def answers(cluster: Scratch) -> bool:
    try:
        return bool(cluster.get())
    except OSError:
        return False


@contextmanager
def broken(cluster: Scratch, how: Breakage) -> Iterator[dict[str, str]]:
    """The file names a template that is broken so; given is what each node had. Ends with all of it as before."""
    text = (ROOT / "templates" / how.template).read_text()
    assert how.was in text
    before = sums(cluster, how.file)
    cluster.write(f"own/{how.template}", text.replace(how.was, how.now))
    cluster.edit("clusters.yaml", "    services:\n", "    templates: ./own\n    services:\n")
    try:
        yield before
    finally:
        shutil.rmtree(cluster.folder / "own")
        cluster.write_clusters()
        cluster.apply(exits=None)
    cluster.apply()
    assert sums(cluster, how.file) == before
    assert left(cluster) == {node: [] for node in cluster.nodes()}
    assert cluster.dynia("plan", "--detailed-exitcode").exit == 0


@pytest.mark.parametrize("how", BREAKAGES, ids=lambda how: how.component)
def test_a_runner_that_is_killed_at_the_swap_leaves_a_node_that_goes_back_by_itself(
    running: Scratch, how: Breakage
) -> None:
    with broken(running, how) as before:
        begun = running.begin("apply", "--yes")
        try:
            until(lambda: begun.poll() is not None or sums(running, how.file) != before, 120)
            assert begun.poll() is None, "it ended before it was killed"
        finally:
            running.kill(begun)
        after = until(lambda: sums(running, how.file) == before, BACK_WITHIN_S)
        print(f"{how.component}: back {after:.1f} s after the runner was killed")
        until(lambda: left(running) == {node: [] for node in running.nodes()}, 30)
        until(lambda: answers(running), ASKS_ANEW_S)
        assert running.holder()


@pytest.mark.parametrize("how", BREAKAGES, ids=lambda how: how.component)
def test_a_runner_that_lives_tells_the_node_to_go_back_and_no_other_is_changed(
    running: Scratch, how: Breakage
) -> None:
    with broken(running, how) as before:
        done = running.apply(exits=7)
        said = " ".join((done.stdout + done.stderr).split())
        assert "not confirmed: " in said and how.missing in said, str(done)
        assert "the node is back on what it had" in said, str(done)
        assert sums(running, how.file) == before
        assert left(running) == {node: [] for node in running.nodes()}
        until(lambda: answers(running), ASKS_ANEW_S)


def test_a_node_that_is_rebooted_before_the_word_comes_back_as_it_was(running: Scratch) -> None:
    how = BREAKAGES[0]
    with broken(running, how) as before:
        begun = running.begin("apply", "--yes")
        try:
            until(lambda: begun.poll() is not None or sums(running, how.file) != before, 120)
        finally:
            running.kill(begun)
        (changed,) = (node for node, one in sums(running, how.file).items() if one != before[node])
        running.docker("restart", running.nodes()[changed], timeout=120)
        # A container has the boot and the clock of its host: there the rest of the time is waited for.
        until(lambda: sums(running, how.file) == before, BACK_WITHIN_S + 30)
        until(lambda: left(running) == {node: [] for node in running.nodes()}, 30)
        until(lambda: answers(running), ASKS_ANEW_S)


def test_a_good_change_stays_and_no_timer_is_left(running: Scratch) -> None:
    file = "/opt/dynia/firewall/dynia.nft"
    before = sums(running, file)
    running.edit(
        "clusters.yaml",
        "    services:\n",
        "    firewall: {ssh: [198.18.0.0/16, 203.0.113.0/24]}\n    services:\n",
    )
    done = running.apply()
    after = sums(running, file)
    assert len(set(after.values())) == 1 and not set(after.values()) & set(before.values()), str(done)
    assert left(running) == {node: [] for node in running.nodes()}
    # Longer than any timer would take.
    end = time.monotonic() + 35
    while time.monotonic() < end:
        assert sums(running, file) == after
    running.write_clusters()
    running.apply()
