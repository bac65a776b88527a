"""What is wanted on the nodes: the components, and what was rendered from the whole cluster for each node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from dynia.interfaces.desired import ClusterSpec, NoEntry
from dynia.services.actions.base import Recipe
from dynia.services.planning.addresses import PENDING, recorded_address
from dynia.services.planning.certificates import keeper_of, wanted_certificate
from dynia.services.planning.compare import Index
from dynia.services.planning.components import components
from dynia.services.planning.components.base import Component, Topology, TopologyNode
from dynia.services.planning.images import refuse_changed, resolved_images
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.render import recipes
from dynia.services.planning.topology import topology_of
from dynia.services.planning.way_back import kept_out
from dynia.state.model import Node


@dataclass(frozen=True, slots=True)
class Wanted:
    """`recipes` maps node and component to what was rendered; nodes share them, and `index` their hashes.
    `assumed` are image references that no registry answered for, taken to mean what is applied. `kept`, by
    node and service, is what Caddy goes on leading to there, in place of what is wanted."""

    topology: Topology
    components: tuple[Component, ...]
    by_name: Mapping[str, Component]
    places: Mapping[str, TopologyNode]
    recipes: Mapping[str, Mapping[str, Recipe]]
    packages: tuple[str, ...]
    services: tuple[str, ...]
    assumed: tuple[str, ...] = ()
    index: Index = field(default_factory=Index)
    kept: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def topology_of(self, node: str) -> Topology:
        return replace(self.topology, kept=dict(sorted(self.kept.get(node, {}).items())))


def render_wanted(given: PlanningInput, spec: ClusterSpec, nodes: tuple[Node, ...]) -> Wanted:
    """Renders once for the whole cluster, whoever is looked at afterwards (law 7)."""
    recorded = recorded_address(given)
    none = isinstance(spec.entry, NoEntry)
    address = "" if none else recorded.address if recorded else PENDING
    images = resolved_images(given, spec)
    found = wanted_certificate(given, spec)
    keeper = keeper_of(given, found, nodes)
    topology = topology_of(given, spec, nodes, address, images.found, found, keeper)
    topology = replace(topology, out=kept_out(given, nodes))
    catalogue = components(spec)
    made = recipes(topology) if nodes else {}
    if images.assumed:
        any_node = next(iter(made.values()), {})
        refuse_changed(images, {name: recipe.release.id for name, recipe in any_node.items()}, given)
    return Wanted(
        topology=topology,
        components=catalogue,
        by_name={c.name: c for c in catalogue},
        places={place.name: place for place in topology.nodes},
        recipes=made,
        packages=tuple(sorted({p for c in catalogue for p in c.packages})),
        services=tuple(sorted(s.name for s in spec.services)),
        assumed=tuple(sorted({r for found in images.assumed.values() for r in found})),
    )
