"""What is a node's own: one small file of words that scripts, Caddy and keepalived read on the node."""

from __future__ import annotations

from dynia.interfaces.release import Release
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Topology, TopologyNode
from dynia.services.planning.components.basic import Basic
from dynia.services.planning.components.rendered import ROOT, TemplateData, rendered

ENV = f"{ROOT}/node.env"


class NodeData(TemplateData):
    """Names of ``node/node.env.mustache``."""

    cluster: str
    node: str
    config_id: str
    private_ip: str
    priority: int


class NodeEnv(Basic):
    """The only component whose release differs between nodes."""

    name: str = "node"
    packages: tuple[str, ...] = ("ca-certificates", "curl", "iproute2")

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        data = NodeData(
            cluster=topology.cluster,
            node=node.name,
            config_id=node.config_id,
            private_ip=node.private_ip,
            priority=node.priority,
        )
        file = rendered(topology, "node/node.env", ENV, data)
        return Recipe(release=Release(component=self.name, files=(file,)))

    def disturbs(self, paths: tuple[str, ...], services: tuple[str, ...]) -> tuple[str, ...]:
        return ()
