"""What most components have in common: nothing but units to watch."""

from __future__ import annotations

from dynia.interfaces.observed import NodeFacts, ResolvedImage
from dynia.interfaces.shape import Shape
from dynia.services.actions.base import Recipe
from dynia.services.actions.wait_healthy import WaitHealthy
from dynia.services.planning.components.base import Fault, Topology, TopologyNode


class Basic(Shape):
    """Base of the components. A component overrides what it has more of."""

    name: str
    units: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        raise NotImplementedError

    def faults(
        self, topology: Topology, node: TopologyNode, recipe: Recipe, seen: NodeFacts
    ) -> tuple[Fault, ...]:
        return unit_faults(self.units, seen)

    def gate(self, topology: Topology, node: TopologyNode, recipe: Recipe) -> WaitHealthy | None:
        return None

    def images(self, topology: Topology) -> tuple[ResolvedImage, ...]:
        return ()

    def disturbs(self, paths: tuple[str, ...], services: tuple[str, ...]) -> tuple[str, ...]:
        return ()


def unit_faults(units: tuple[str, ...], seen: NodeFacts) -> tuple[Fault, ...]:
    """Units that do not run now, or would not after a reboot."""
    if not units:
        return ()
    by_name = {unit.name: unit for unit in seen.units}
    found = []
    for name in units:
        unit = by_name.get(name)
        if unit is None or not (unit.active or unit.enabled):
            found.append(Fault(kind="unit", subject=name, detail="is not there"))
            continue
        wrong = []
        if unit.active not in ("active", "reloading", "activating"):
            wrong.append("failed" if unit.active == "failed" else "stopped")
        if unit.enabled != "enabled":
            wrong.append(unit.enabled or "not enabled")
        if wrong:
            found.append(Fault(kind="unit", subject=name, detail=" and ".join(wrong)))
    return tuple(found)
