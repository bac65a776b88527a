"""`python -m bench.state_time`: what one write of the state costs at 3, 100 and 2,000 nodes.

A write is one record of the journal, synced; the snapshot, which grows with the cluster, is left out: it comes once
for as many records as the state has entries.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

from dynia.state.model import PutNode
from dynia.state.store import Store, open_store
from tests.fakes.states import good, node, recorded

SIZES = (3, 100, 2000)
WRITES = 300
# The disk's own unrest, and that each write is a new value of the state in memory.
LIMIT = 1.5


def prepared(nodes: int, folder: Path, held: contextlib.ExitStack) -> Store:
    store = open_store(folder, fold_after=100_000)
    held.enter_context(store.lock("prod", "bench"))
    many = tuple(PutNode(node=node("prod", n)) for n in range(1, nodes + 1))
    store.write("prod", (*recorded("prod"), *many), "the cluster")
    store.snapshot()
    return store


def main() -> int:
    """In turn, so that what else the disk does meets all of them alike."""
    took: dict[int, list[float]] = {nodes: [] for nodes in SIZES}
    with contextlib.ExitStack() as held:
        stores = {}
        for nodes in SIZES:
            folder = held.enter_context(tempfile.TemporaryDirectory())
            stores[nodes] = prepared(nodes, Path(folder), held)
        for n in range(WRITES):
            for nodes, store in stores.items():
                began = time.perf_counter()
                store.end("prod", f"node-{n}/caddy/push", good("prod", 1, "caddy", f"c{n}"))
                took[nodes].append(time.perf_counter() - began)
    found = {nodes: statistics.median(times) * 1000 for nodes, times in took.items()}
    for nodes, ms in found.items():
        print(f"one write of the state, {nodes:>5} nodes: {ms:6.2f} ms (median of {WRITES})")
    ratio = found[SIZES[-1]] / found[SIZES[0]]
    print(f"{SIZES[-1]} nodes against {SIZES[0]}: {ratio:.2f} times (at most {LIMIT})")
    return 1 if ratio > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
