"""Everything that will lie on the nodes, rendered once for the whole cluster."""

from __future__ import annotations

from dynia.services.actions.base import Recipe
from dynia.services.planning.components import NodeEnv, components
from dynia.services.planning.components.base import Topology


def recipes(topology: Topology) -> dict[str, dict[str, Recipe]]:
    """By node, then component in deploy order. Nodes share every recipe but ``node``'s."""
    if not topology.nodes:
        return {}
    catalogue = components(topology.spec)
    anywhere = topology.nodes[0]
    shared = {one.name: one.recipe(topology, anywhere) for one in catalogue if not isinstance(one, NodeEnv)}
    own = next(one for one in catalogue if isinstance(one, NodeEnv))
    return {node.name: {own.name: own.recipe(topology, node), **shared} for node in topology.nodes}
