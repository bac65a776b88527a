"""`dynia plan` with nothing to change against a bare asyncssh loop over the same hosts, in one run, in turns.

`python -m bench.look_time [--hosts 10,50,200] [--rounds 5]`. The hosts are sshd processes on loopback
addresses of this machine. Each takes the real observe script and its input, and answers with recorded bytes of
a settled host instead of running it: so both sides cost the hosts the same, and little, which makes the ratio
stricter than on real ones. Both are whole processes, from the start of Python on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.settled_hosts import Settled, write_cluster
from bench.sshd_hosts import SshdHosts, find_sshd, running
from dynia.interfaces.shape import Shape

TO_REACH_RATIO, TO_REACH_CPU_MS = 1.2, 12.0
PLAN = (sys.executable, "-c", "import sys; from dynia.interfaces.cli import main; sys.exit(main())")


class Cost(Shape):
    """Of one process: wall time and its own CPU time (user and system), seconds; and what it printed."""

    wall: float
    cpu: float
    printed: str


class Measured(Shape):
    """Medians of `dynia plan` and of its peer: seconds of wall time, milliseconds of CPU."""

    hosts: int
    wall: float
    peer_wall: float
    cpu_ms: float
    peer_cpu_ms: float

    @property
    def ratio(self) -> float:
        return self.wall / self.peer_wall


def cost(argv: tuple[str, ...]) -> Cost:
    """Raises RuntimeError with all that the process said if it does not exit with 0."""
    began = time.perf_counter()
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        with process.stdout:
            printed = process.stdout.read()
    except BaseException:
        process.kill()
        process.wait()
        raise
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(argv[-4:])} exited with {process.returncode}:\n{printed}")
    return Cost(wall=wall, cpu=used.ru_utime + used.ru_stime, printed=printed)


def must_be_the_same(sshds: SshdHosts, settled: Settled, plan: tuple[str, ...], bare: tuple[str, ...]) -> str:
    """One run of each, not measured: both send every host the same bytes, and the plan has nothing to do."""
    for argv in (plan, bare):
        with sshds.listening() as heard:
            printed = cost(argv).printed
            for name in settled.answers:
                assert (heard / f"{name}.command").read_text() == settled.command, (name, argv)
                assert (heard / f"{name}.message").read_bytes() == settled.message, (name, argv)
        if argv is plan:
            said = printed.strip().splitlines()[-1]
    return said


def measure(sshds: SshdHosts, count: int, rounds: int) -> Measured:
    """Prints a row of the table."""
    hosts = sshds.hosts[:count]
    folder = sshds.folder / f"cluster-{count}"
    settled = write_cluster(folder, hosts, sshds.user, sshds.key)
    sshds.serve(settled.answers)
    order = {
        "user": sshds.user,
        "key": str(sshds.key),
        "command": settled.command,
        "message": settled.message.decode(),
        "hosts": [(host.address, host.port, host.host_key) for host in hosts],
    }
    (folder / "order.json").write_text(json.dumps(order))
    plan = (*PLAN, "plan", "--detailed-exitcode", "--file", str(settled.file))
    bare = (sys.executable, str(Path(__file__).with_name("bare_look.py")), str(folder / "order.json"))
    said = must_be_the_same(sshds, settled, plan, bare)
    ours, peers = [], []
    for _ in range(rounds):
        ours.append(cost(plan))
        peers.append(cost(bare))
    found = Measured(
        hosts=count,
        wall=statistics.median(one.wall for one in ours),
        peer_wall=statistics.median(one.wall for one in peers),
        cpu_ms=statistics.median(one.cpu for one in ours) * 1000,
        peer_cpu_ms=statistics.median(one.cpu for one in peers) * 1000,
    )
    print(
        f"{count:>6} {found.wall:>8.2f} {found.peer_wall:>8.2f} {found.ratio:>7.2f} "
        f"{found.cpu_ms / count:>12.1f} {found.peer_cpu_ms / count:>12.1f}   {settled.files} files; {said}",
        flush=True,
    )
    return found


def verdict(rows: list[Measured]) -> bool:
    """Prints whether each target is reached. The start of Python is shared by all hosts of a run, so CPU per
    node is judged at the largest number of hosts."""
    first, last = rows[0], rows[-1]
    worst = max(row.ratio for row in rows)
    cpu = last.cpu_ms / last.hosts
    if last.hosts > first.hosts:
        more = last.hosts - first.hosts
        print(
            f"each further host: {(last.cpu_ms - first.cpu_ms) / more:.1f} ms CPU, "
            f"bare {(last.peer_cpu_ms - first.peer_cpu_ms) / more:.1f} ms"
        )
    print(f"worst ratio {worst:.2f} (to reach: <= {TO_REACH_RATIO})")
    print(f"controller CPU {cpu:.1f} ms a node at {last.hosts} hosts (to reach: <= {TO_REACH_CPU_MS:g})")
    return worst <= TO_REACH_RATIO and cpu <= TO_REACH_CPU_MS


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hosts", default="10,50,200")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    counts = sorted(int(count) for count in given.hosts.split(","))
    # As installed: the first run leaves compiled modules to the others.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sshd = find_sshd()
    if not sshd:
        print("SKIPPED, nothing was measured: there is no sshd (apt-get install openssh-server)")
        return 0
    print(
        "Each host is an sshd on this machine. It takes the real observe script and its input, but answers with\n"
        "recorded bytes of a settled host instead of running it: hosts cost both sides the same, and little.\n"
        f"Whole processes, in turns, medians of {given.rounds}; CPU is the controller's process alone."
    )
    print(f"{'hosts':>6} {'plan s':>8} {'bare s':>8} {'ratio':>7} {'plan ms/node':>12} {'bare ms/node':>12}")
    with running(sshd, max(counts)) as sshds:
        good = verdict([measure(sshds, count, given.rounds) for count in counts])
    print("reached" if good else "NOT reached")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
