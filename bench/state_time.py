"""`python -m bench.state_time`: what one write of the state costs at 3, 100 and 2,000 nodes.

A write is one record of the journal, synced; the snapshot, which grows with the cluster, is left out: it comes once
for as many records as the state has entries.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from dynia.state.model import PutNode
from dynia.state.store import open_store
from tests.fakes.states import good, node, recorded

SIZES = (3, 100, 2000)
WRITES = 300
# The disk's own unrest, and that each write is a new value of the state in memory.
LIMIT = 3.0


def median_ms(nodes: int, folder: Path) -> float:
    store = open_store(folder, fold_after=100_000)
    with store.lock("prod", "bench"):
        many = tuple(PutNode(node=node("prod", n)) for n in range(1, nodes + 1))
        store.write("prod", (*recorded("prod"), *many), "the cluster")
        store.snapshot()
        took = []
        for n in range(WRITES):
            began = time.perf_counter()
            store.end("prod", f"node-{n}/caddy/push", good("prod", 1, "caddy", f"c{n}"))
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


def main() -> int:
    found = {}
    for nodes in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            found[nodes] = median_ms(nodes, Path(folder))
        print(
            f"one write of the state, {nodes:>5} nodes: {found[nodes]:6.2f} ms (median of {WRITES})",
            flush=True,
        )
    ratio = found[SIZES[-1]] / found[SIZES[0]]
    print(f"{SIZES[-1]} nodes against {SIZES[0]}: {ratio:.2f} times (at most {LIMIT})")
    return 1 if ratio > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
