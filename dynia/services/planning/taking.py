"""Which components a plan of a part of the file brings to which node."""

from __future__ import annotations

from collections.abc import Iterable, Set

from dynia.services.planning.components.base import Component
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.scope import KNOW_NODES, LEAD_THERE
from dynia.services.planning.turn import service_of
from dynia.state.model import Node


class Taking:
    """Which components a pass brings to which node, worked out once."""

    def __init__(
        self, given: PlanningInput, wanted: Iterable[Component], nodes: tuple[Node, ...], leaving: bool
    ) -> None:
        there = {one.name for one in wanted}
        base = {name for name in there if not service_of(name)}
        self._scope = given.scope
        bare = {n.name for n in nodes if not base <= {*n.components, *n.pushed}}
        all_bare = len(bare) == len(nodes) and not self._scope.names_nodes
        named = {name for name in bare if all_bare or f"node/{name}" in self._scope.targets}
        if not self._scope.targets:
            named = bare
        self._bare, self._refused = bare, bare - named
        gone = any(service_of(name) and name not in there for name in given.scope.targets)
        self._along = (KNOW_NODES if leaving or named else frozenset()) | (
            LEAD_THERE if gone else frozenset()
        )

    def of(self, node: str, there: Set[str]) -> frozenset[str]:
        if node in self._refused and not self._scope.whole:
            return frozenset()
        return self._scope.taken(node, there, self._along, fresh=node in self._bare)
