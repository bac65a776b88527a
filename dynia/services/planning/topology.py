"""The whole cluster as configs see it: made from the state's nodes, never from a part of them (law 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import CertificateSeen, ResolvedImage
from dynia.services.planning.components.base import Topology, TopologyNode
from dynia.services.planning.inputs import PlanningInput
from dynia.state.model import Node


def topology_of(
    given: PlanningInput,
    spec: ClusterSpec,
    nodes: tuple[Node, ...],
    reserved_ip: str,
    images: Mapping[str, ResolvedImage],
    certificate: CertificateSeen | None = None,
    keeper: str = "",
) -> Topology:
    """`nodes` are all that the cluster will have; `reserved_ip` is empty without an entry address."""
    lineage = given.state.lineage
    return Topology(
        cluster=given.target,
        lineage=lineage,
        spec=spec,
        nodes=tuple(topology_node(node) for node in sorted(nodes, key=lambda n: n.ordinal)),
        reserved_ip=reserved_ip,
        router_id=router_id(lineage, given.target),
        images=dict(sorted(images.items())),
        templates=given.templates,
        secrets=given.secrets,
        certificate=certificate,
        keeper=keeper,
    )


def topology_node(node: Node) -> TopologyNode:
    return TopologyNode(
        name=node.name,
        ordinal=node.ordinal,
        config_id=f"n{node.ordinal}",
        private_ip=node.private_ip,
        priority=node.priority,
        address=node.address,
    )


def router_id(lineage: str, cluster: str) -> int:
    """VRRP's name for the address, 1 to 255. Adverts are unicast, so a twin on the network does no harm."""
    digest = hashlib.sha256(f"{lineage}\0{cluster}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 255 + 1
