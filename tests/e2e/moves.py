"""When keepalived made a node MASTER, as the nodes' own journals have it."""

from __future__ import annotations

from dynia.interfaces.shape import Shape
from tests.e2e.scratch import Scratch


class Move(Shape):
    """`node` became MASTER; `at` in seconds of the epoch."""

    at: float
    node: str


def moves(cluster: Scratch, since: float) -> list[Move]:
    """From `since` on (seconds of the epoch), in order. A node that is off tells nothing."""
    read = f"journalctl -u keepalived --since @{int(since)} -o short-unix --no-pager"
    found = [
        Move(at=float(line.split(" ", 1)[0]), node=node)
        for node in cluster.nodes()
        for line in cluster.sh(node, read, check=False).splitlines()
        if "Entering MASTER STATE" in line
    ]
    return sorted(found, key=lambda move: move.at)
