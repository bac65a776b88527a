"""What is done to one node: killed, stopped, frozen, it or a program of it; and when a cluster is well again."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

from tests.e2e.scratch import Scratch

Deed = Callable[[Scratch, str], None]


def kill_node(cluster: Scratch, node: str) -> None:
    cluster.docker("kill", cluster.nodes()[node])


def freeze_node(cluster: Scratch, node: str) -> None:
    cluster.docker("pause", cluster.nodes()[node])


def thaw_node(cluster: Scratch, node: str) -> None:
    cluster.docker("unpause", cluster.nodes()[node])


def kill_container(cluster: Scratch, node: str, container: str) -> None:
    """Its process: Docker must not take it for a wish."""
    cluster.sh(node, f"kill -KILL $(docker inspect --format '{{{{.State.Pid}}}}' {container})")


def kill_haproxy(cluster: Scratch, node: str) -> None:
    cluster.sh(node, f"kill -KILL {_pids(cluster, node, 'haproxy')}")


def stop_haproxy(cluster: Scratch, node: str) -> None:
    cluster.sh(node, "systemctl stop haproxy")


def freeze_haproxy(cluster: Scratch, node: str) -> None:
    cluster.sh(node, f"kill -STOP {_pids(cluster, node, 'haproxy')}")


def thaw_haproxy(cluster: Scratch, node: str) -> None:
    cluster.sh(node, f"kill -CONT {_pids(cluster, node, 'haproxy')}")


def freeze_keepalived(cluster: Scratch, node: str) -> None:
    cluster.sh(node, f"kill -STOP {_pids(cluster, node, 'keepalived')}")


def thaw_keepalived(cluster: Scratch, node: str) -> None:
    cluster.sh(node, f"kill -CONT {_pids(cluster, node, 'keepalived')}")


def _pids(cluster: Scratch, node: str, program: str) -> str:
    """Masters and workers, as the node's kernel has them."""
    pids = cluster.sh(node, f"pgrep -x {program}").split()
    assert pids, f"no {program} runs on {node}"
    return " ".join(pids)


def until(what: Callable[[], bool], seconds: float, why: str) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.1)


def settled(cluster: Scratch) -> bool:
    """Every node up, one holder, and HAProxy answering on every node's own address."""
    try:
        cluster.holder()
        return all(cluster.get(cluster.address(name)) for name in cluster.nodes())
    except (AssertionError, OSError, http.client.HTTPException):
        return False
