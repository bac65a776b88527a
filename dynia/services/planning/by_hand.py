"""What a person may ask for that no file says: it is done once, by the same rules as a change of the file."""

from __future__ import annotations

import shlex

from dynia.interfaces.observed import NodeFacts, Observed
from dynia.interfaces.shape import Shape
from dynia.services.planning.components.compose_override import project


class Restart(Shape, tag="restart"):
    """The containers of a service are to start again, as they are. `old`, by node, are those that were there
    when it was asked for: they are to go. None: whatever there is now."""

    service: str
    old: dict[str, tuple[str, ...]] | None = None

    @property
    def verb(self) -> str:
        return f"restart {self.service}"

    def begun(self, seen: Observed) -> Restart:
        """With what is there at the first look. A node that says nothing then is not asked for."""
        if self.old is not None:
            return self
        there = {n: self._there(f) for n, f in sorted(seen.nodes.items()) if isinstance(f, NodeFacts)}
        return Restart(service=self.service, old=there)

    def open_on(self, node: str, facts: NodeFacts, *, amiss: bool) -> bool:
        """Whether there is still something that was there before, or not all that there should be."""
        if self.old is None:
            return True
        return node in self.old and (amiss or not set(self._there(facts)).isdisjoint(self.old[node]))

    def _there(self, facts: NodeFacts) -> tuple[str, ...]:
        return tuple(sorted(c.id for c in facts.containers if c.project == project(self.service)))


class NodeDrain(Shape, tag="node_drain"):
    """Visitors are to be kept away from a node until further notice; with `back` they may come again."""

    node: str
    back: bool = False

    @property
    def verb(self) -> str:
        return f"node {'undrain' if self.back else 'drain'} {self.node}"

    def begun(self, seen: Observed) -> NodeDrain:
        return self


class Promote(Shape, tag="promote"):
    """A node is to have the reserved IP."""

    node: str

    @property
    def verb(self) -> str:
        return f"node promote {self.node}"

    def begun(self, seen: Observed) -> Promote:
        return self


class Reboot(Shape, tag="reboot"):
    """A node is to boot again, or (`node` empty) each of them, with its packages brought up to date before.
    `old`, by node, are the boots that there were when it was asked for. None: whatever there is now."""

    node: str = ""
    os_updates: bool = False
    old: dict[str, str] | None = None

    @property
    def verb(self) -> str:
        return f"node reboot {self.node or '--all'}{' --os-updates' if self.os_updates else ''}"

    def begun(self, seen: Observed) -> Reboot:
        """With what is there at the first look. A node that says nothing then is not asked for."""
        if self.old is not None:
            return self
        there = {n: f.boot_id for n, f in sorted(seen.nodes.items()) if isinstance(f, NodeFacts)}
        return Reboot(node=self.node, os_updates=self.os_updates, old=there)

    def open_on(self, node: str, facts: NodeFacts) -> bool:
        return self.old is None or self.old.get(node) == facts.boot_id


class Revert(Shape, tag="revert"):
    """What drifted and is called so is to be again what was applied. `items` are names as of
    `drift_items.is_called`."""

    items: tuple[str, ...]

    @property
    def verb(self) -> str:
        return f"drift revert {shlex.join(self.items)}"

    def begun(self, seen: Observed) -> Revert:
        return self


ByHand = Restart | NodeDrain | Promote | Reboot | Revert
