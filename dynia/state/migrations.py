"""Older versions of `state.json` brought to today's, one version at a time. Pure: trees in, trees out.

Version 0 is Dynia v1's file: snake_case, no version, no lineage, no ordinals. It recorded services as it
announced them, not as it saw them work, so its deployments and routes are left out: the next apply
observes the nodes and records what is true. What is kept is what only a state can know: which machines
and which address are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from dynia.interfaces.shape import Shape

Tree = dict[str, Any]


class ClusterV0(Shape):
    name: str
    provider: str
    reserved_ip: str = ""
    reserved_ip_id: str = ""


class NodeV0(Shape):
    cluster: str
    name: str
    droplet_id: str
    public_ip: str
    private_ip: str = ""
    role: str = "BACKUP"
    priority: int = 100


class DeploymentV0(Shape):
    cluster: str
    name: str
    compose: str = ""
    domain: str = ""


class RouteV0(Shape):
    cluster: str
    domain: str
    service: str


class StateV0(Shape):
    """The whole of Dynia v1's file."""

    version: int = 0
    current_cluster: str | None = None
    clusters: tuple[ClusterV0, ...] = ()
    nodes: tuple[NodeV0, ...] = ()
    deployments: tuple[DeploymentV0, ...] = ()
    routes: tuple[RouteV0, ...] = ()


def from_0(tree: Tree, lineage: str) -> Tree:
    """Version 0 to 1. Ordinals in the order of the file; a node without a pinned key stays without one."""
    old = msgspec.convert(tree, StateV0)
    nodes: list[Tree] = []
    next_ordinal = {c.name: 1 for c in old.clusters}
    for node in old.nodes:
        ordinal = next_ordinal.get(node.cluster, 1)
        next_ordinal[node.cluster] = ordinal + 1
        nodes.append(
            {
                "cluster": node.cluster, "name": node.name, "ordinal": ordinal,
                "providerId": node.droplet_id, "address": node.public_ip, "privateIp": node.private_ip,
                "hostKey": "", "role": node.role.upper(), "priority": node.priority,
            }
        )  # fmt: skip
    clusters = [
        {
            "name": c.name, "provider": c.provider, "nextOrdinal": next_ordinal[c.name],
            "reservedIp": (
                {"address": c.reserved_ip, "providerId": c.reserved_ip_id} if c.reserved_ip else None
            ),
        }
        for c in old.clusters
    ]  # fmt: skip
    return {
        "version": 1, "lineage": lineage, "currentCluster": old.current_cluster,
        "clusters": clusters, "nodes": nodes,
    }  # fmt: skip


MIGRATIONS: dict[int, Callable[[Tree, str], Tree]] = {0: from_0}


def migrate(tree: Tree, version: int, wanted: int, lineage: str) -> Tree:
    """The tree in the version `wanted`. `msgspec.ValidationError` where it is not what its version says."""
    while version < wanted:
        tree = MIGRATIONS[version](tree, lineage)
        version += 1
    return tree
