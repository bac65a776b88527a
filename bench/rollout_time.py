"""`python -m bench.rollout_time`: a rollout on three nodes of the lab against the waits that nobody can spare it.

Those are, node after node: the container made anew by `compose up` alone until it says that it is healthy, on a node that
does nothing else, and `rollout.monitor`. What is open on a node may end first; here nothing is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
import time

from dynia.providers.nodes.docker.lab import find_lab
from dynia.providers.nodes.docker.ready import make_ready
from tests.conftest import ROOT
from tests.e2e.pair import HOME, paint, write_pair
from tests.e2e.scratch import Scratch

ROUNDS = 5
MONITOR_S = 5.0
TO_REACH = 1.3
# As a push does it, for the routed container alone.
AGAIN = (
    f"cd {HOME} && docker compose -p dynia-pair --project-directory {HOME} -f docker-compose.yml -f override.yaml "
    "up -d --no-deps --force-recreate --wait --pull never web </dev/null"
)


def made_again(cluster: Scratch, node: str) -> float:
    """Seconds, by the node's own clock: the way there is not the container's."""
    clock = "date +%s.%N"
    told = cluster.sh(node, f"{clock}; {AGAIN} >/dev/null 2>&1 || echo failed; {clock}", timeout=120).split()
    if len(told) != 2:
        raise RuntimeError(f"{node}: compose did not bring the container back: {told}")
    return float(told[1]) - float(told[0])


def rolled_out(cluster: Scratch, colour: str) -> float:
    """Seconds from the yes to the end, the proof included."""
    paint(cluster, colour)
    began = time.perf_counter()
    run = cluster.apply("--json")
    took = time.perf_counter() - began
    told = float(json.loads(run.stdout)["seconds"])
    print(f"  apply {took:6.2f} s, of those {told:6.2f} s of its own", flush=True)
    return took


def main() -> int:
    lab = find_lab(ROOT, {})
    asyncio.run(make_ready(lab, print))
    cluster = Scratch(lab, f"bench-{os.getpid()}")
    with contextlib.ExitStack() as held:
        held.callback(cluster.remove)
        write_pair(cluster)
        cluster.edit(
            "clusters.yaml", "    services:\n", f"    rollout: {{monitor: {MONITOR_S:g}s}}\n    services:\n"
        )
        cluster.apply()
        ratios = []
        # In turn, so that what else the machine does meets both alike.
        for number in range(ROUNDS):
            waits = [made_again(cluster, node) + MONITOR_S for node in cluster.nodes()]
            took = rolled_out(cluster, f"tone{number}")
            ratios.append(took / sum(waits))
            print(f"  waits {sum(waits):6.2f} s: {ratios[-1]:.2f} times", flush=True)
    found = statistics.median(ratios)
    print(f"a rollout on three nodes against its waits: {found:.2f} times (to reach: <= {TO_REACH})")
    return 1 if found > TO_REACH else 0


if __name__ == "__main__":
    sys.exit(main())
