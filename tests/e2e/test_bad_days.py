"""A bad day of one node in the middle of an apply: the laws hold, the message says what to do, and doing it ends it.

Cut off, rebooted, its disk full, its Docker hanging, its clock another one. What is looked at is looked at past dynia.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.remains import check_nothing_is_left
from tests.e2e.scratch import Run, Scratch

pytestmark = pytest.mark.lab

TURN = "docker inspect dynia-hello-web-1 --format '{{range .Config.Env}}{{println .}}{{end}}' | sed -n 's/^TURN=//p'"
CONTAINER = "docker inspect dynia-hello-web-1 --format '{{.Id}} {{.State.StartedAt}}'"
SUMS = "find /opt/dynia -xdev -type f ! -path '*/caddy-data/*' -exec sha256sum {} + | sort -k 2"
TRANSACTIONS = "ls /var/lib/dynia/txn; ls -d /var/lib/dynia/stage.* 2>/dev/null || :"

# A Docker that is slow to begin: `up` of the service waits for a word. It stands before the real one in every PATH.
SLOW = r"""
cat >/usr/local/sbin/docker <<'END'
#!/bin/sh
case "$*" in *"-p dynia-hello "*" up -d "*) mkfifo /run/held 2>/dev/null && cat /run/held >/dev/null ;; esac
exec /usr/bin/docker "$@"
END
chmod 755 /usr/local/sbin/docker
"""
GO_ON = "rm -f /usr/local/sbin/docker; [ ! -p /run/held ] || timeout 5 sh -c 'echo go >/run/held'; rm -f /run/held"

# ARP too: else it would call the reserved IP its own, and be heard.
CUT = """nft -f - <<'END'
table netdev cut {
  chain from { type filter hook ingress device "eth0" priority -400; policy drop; }
  chain to { type filter hook egress device "eth0" priority -400; policy drop; }
}
END
"""
HEAL = "nft delete table netdev cut"

# A file system of its own for what a push needs, with nothing free but a page for the number of the lease.
SMALL = """
set -eu
cp -a /var/lib/dynia /run/kept
mount -t tmpfs -o size=1m tmpfs /var/lib/dynia
cp -a /run/kept/. /var/lib/dynia/
rm -r /run/kept
cat /dev/zero >/var/lib/dynia/ballast 2>/dev/null || :
truncate -s -4096 /var/lib/dynia/ballast
"""
LARGE = """
set -eu
rm -f /var/lib/dynia/ballast
mountpoint -q /var/lib/dynia || exit 0
cp -a /var/lib/dynia /run/kept
umount /var/lib/dynia
rm -rf /var/lib/dynia/*
cp -a /run/kept/. /var/lib/dynia/
rm -r /run/kept
"""

HANG = "systemctl kill --kill-whom=main --signal=STOP docker.service"
WAKE = "systemctl kill --kill-whom=main --signal=CONT docker.service"

ANOTHER_TIME = "import time\n\n_now = time.time\ntime.time = lambda: _now() + 3600\n"


def change(cluster: Scratch, turn: str) -> None:
    """The service gets another environment, so that its container must be made again on every node."""
    cluster.write_clusters()
    compose = (cluster.folder / "compose.yaml").read_text().partition("    environment:")[0]
    cluster.write("compose.yaml", f"{compose.rstrip()}\n    environment:\n      TURN: {turn}\n")


def until(what: Callable[[], str], *, seconds: float = 120) -> str:
    """Asked again until there is an answer."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.2)
    return found


def words(text: str) -> str:
    return " ".join(text.split())


def said(run: Run) -> str:
    return words(run.stdout + run.stderr)


def everything(cluster: Scratch) -> dict[str, str]:
    """Files and the container of every node."""
    return {node: cluster.sh(node, f"{SUMS}; {CONTAINER}") for node in cluster.nodes()}


def other_than_holder(cluster: Scratch) -> str:
    holder = until(lambda: one_holder(cluster))
    return next(name for name in cluster.nodes() if name != holder)


def one_holder(cluster: Scratch) -> str:
    """Who has the reserved IP; nobody while it is not exactly one."""
    having = [
        n
        for n in cluster.nodes()
        if f" {cluster.entry()}/" in cluster.sh(n, "ip -4 -o addr; true", check=False)
    ]
    return having[0] if len(having) == 1 else ""


def check_ended(cluster: Scratch, turn: str) -> None:
    """After the apply that ends it: everybody runs what is wanted, nothing is left over, nothing is to be done."""
    assert {node: cluster.sh(node, TURN).strip() for node in cluster.nodes()} == dict.fromkeys(
        cluster.nodes(), turn
    )
    plan = cluster.dynia("plan", "--detailed-exitcode", exits=0)
    assert plan.stdout.count("\n") == 1, str(plan)
    check_nothing_is_left(cluster, nodes=3, services=("hello",))
    for node in cluster.nodes():
        assert cluster.sh(node, TRANSACTIONS).split() == [], node
    assert cluster.get()


class Held:
    """An apply that waits in the middle of a push, at `node`; `before` is how all nodes were."""

    def __init__(self, cluster: Scratch, turn: str) -> None:
        self.cluster = cluster
        change(cluster, turn)
        self.before = everything(cluster)
        self.names = tuple(self.before)
        logs = set(cluster.folder.glob("begun-*.log"))
        self.begun = cluster.begin("apply", "--yes")
        (self.log,) = set(cluster.folder.glob("begun-*.log")) - logs
        self.node = ""

    def wait(self) -> None:
        self.node = until(self._held)

    def _held(self) -> str:
        assert self.begun.poll() is None, self.log.read_text()
        held = (n for n in self.names if self.cluster.sh(n, "[ -p /run/held ] && echo held", check=False))
        return next(held, "")

    def go_on(self) -> None:
        for name in self.names:
            self.cluster.sh(name, GO_ON)

    def end(self, seconds: float = 120) -> str:
        """What it said in the end: exit 7, with the node and the step."""
        code = self.begun.wait(timeout=seconds)
        told = words(self.log.read_text())
        assert code == 7, told
        assert f"{self.node}/service/hello/push" in told or f"{self.node} · service/hello" in told, told
        return told

    def check_others_untouched(self) -> None:
        now = everything(self.cluster)
        assert {n for n in self.names if now[n] != self.before[n]} <= {self.node}
        assert self.cluster.get()


@contextmanager
def in_mid_push(cluster: Scratch, turn: str) -> Iterator[Held]:
    for name in cluster.nodes():
        cluster.sh(name, SLOW)
    held = Held(cluster, turn)
    try:
        held.wait()
        yield held
    finally:
        if held.begun.poll() is None:
            cluster.kill(held.begun)
        held.go_on()


@pytest.mark.slow
def test_a_node_that_is_cut_off_in_mid_push_ends_it_alone_and_the_next_apply_goes_on(
    running: Scratch,
) -> None:
    with in_mid_push(running, "cut-off") as held:
        running.sh(held.node, CUT)
        try:
            told = held.end()
            assert "the connection broke" in told, told
            assert "it is not known how far it came" in told and "when the node answers" in told, told
            held.go_on()
            until(lambda: running.sh(held.node, f'[ -z "$({TRANSACTIONS})" ] && {TURN}', check=False))
            ended = running.sh(held.node, CONTAINER)
            assert ended not in held.before[held.node]
            held.check_others_untouched()
            plan = running.dynia("plan", "--detailed-exitcode", exits=4)
            assert f"? {held.node} no answer" in said(plan), str(plan)
        finally:
            running.sh(held.node, HEAL)
    until(lambda: one_holder(running))
    running.apply()
    assert running.sh(held.node, CONTAINER) == ended, "what the node had done alone was done again"
    check_ended(running, "cut-off")


@pytest.mark.slow
def test_a_node_that_reboots_in_mid_push_is_brought_to_the_end_by_the_next_apply(running: Scratch) -> None:
    """As hard as a power cut, with the files swapped and the container not made."""
    with in_mid_push(running, "rebooted") as held:
        machine = running.nodes()[held.node]
        running.docker("kill", machine)
        try:
            told = held.end()
        finally:
            running.docker("start", machine)
        assert "the connection broke" in told and "it is not known how far it came" in told, told
        running.sh(held.node, "rm -f /usr/local/sbin/docker")
        until(lambda: running.sh(held.node, "timeout 30 docker ps -q", check=False))
        assert "service%hello" in running.sh(held.node, TRANSACTIONS).split()
        held.go_on()
    until(lambda: one_holder(running))
    held.check_others_untouched()
    running.apply()
    check_ended(running, "rebooted")


def test_a_node_whose_disk_is_full_stays_as_it_was_and_people_are_told_where(running: Scratch) -> None:
    change(running, "full")
    node = other_than_holder(running)
    running.sh(node, SMALL)
    try:
        before = everything(running)
        run = running.apply(exits=7)
        told = said(run)
        assert f"{node} · service/hello · stage failed; the node is back on what it had" in told, str(run)
        assert "/var/lib/dynia: 0 B free of 1.0 MB" in told, str(run)
        assert f"make room there: `dynia node ssh {node} -- df -h`" in told, str(run)
        assert everything(running)[node] == before[node]
        assert running.sh(node, TRANSACTIONS).split() == []
        assert running.get()
        running.dynia("plan", "--detailed-exitcode", exits=2)
        running.sh(node, "rm /var/lib/dynia/ballast")
        running.apply()
    finally:
        running.sh(node, LARGE)
    check_ended(running, "full")


@pytest.mark.slow
def test_a_node_whose_docker_hangs_is_left_alone_and_named(running: Scratch) -> None:
    """Its containers run on, and nobody knows it: so nobody else may be taken out (three nodes, one may be missing)."""
    change(running, "hanging")
    node = other_than_holder(running)
    before = everything(running)
    running.sh(node, HANG)
    try:
        for command in (("plan", "--detailed-exitcode"), ("drift",), ("status",), ("apply", "--yes")):
            run = running.dynia(*command, exits=4)
            assert f"? {node} its Docker does not answer within 10 s" in said(run), str(run)
            assert "`systemctl restart docker`" in said(run), str(run)
            assert "is gone" not in said(run), str(run)
        assert running.get()
        running.sh(node, "systemctl restart docker", timeout=150)
    finally:
        running.sh(node, WAKE, check=False)
    others = [name for name in before if name != node]
    now = everything(running)
    assert {name: now[name] for name in others} == {name: before[name] for name in others}
    running.apply()
    check_ended(running, "hanging")


@pytest.mark.slow
def test_a_docker_that_begins_to_hang_in_mid_push_is_waited_for_in_bounds(running: Scratch) -> None:
    with in_mid_push(running, "stuck") as held:
        running.sh(held.node, HANG)
        try:
            held.go_on()
            told = held.end(240)
            assert "activate: no end within" in told, told
            assert "where that is Docker, `systemctl restart docker`" in told, told
            plan = running.dynia("plan", "--detailed-exitcode", exits=4)
            assert f"? {held.node} its Docker does not answer" in said(plan), str(plan)
            files = running.sh(held.node, SUMS)
            assert files.strip() in held.before[held.node], "its files are not what they were"
            running.sh(held.node, "systemctl restart docker", timeout=150)
        finally:
            running.sh(held.node, WAKE, check=False)
        held.check_others_untouched()
    running.apply()
    check_ended(running, "stuck")


@pytest.mark.slow
def test_clocks_that_differ_by_an_hour_are_told_and_change_nothing(running: Scratch) -> None:
    """Nodes of the lab have this machine's clock, so it is the runner that lives in another hour."""
    change(running, "another-time")
    running.write("clock/sitecustomize.py", ANOTHER_TIME)
    running.variables["PYTHONPATH"] = str(running.folder / "clock")
    try:
        plan = running.dynia("plan", "--detailed-exitcode", exits=2)
        for node in running.nodes():
            assert f"{node} its clock is 60 min behind this machine's" in said(plan), str(plan)
        running.apply()
        settled = running.dynia("plan", "--detailed-exitcode", exits=0)
        assert said(settled).count("its clock is 60 min behind this machine's") == 3, str(settled)
        status = running.dynia("status")
        assert said(status).count("its clock is 60 min behind this machine's") == 3, str(status)
    finally:
        del running.variables["PYTHONPATH"]
    check_ended(running, "another-time")
