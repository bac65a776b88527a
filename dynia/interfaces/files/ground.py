"""What rules stand on: the tree for places, and which parts were wrong already and say nothing."""

from __future__ import annotations

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.mistakes import mistake
from dynia.interfaces.files.yaml_tree import Path, Tree, spot_of
from dynia.interfaces.shape import Shape


class Ground(Shape):
    """`lost` are the paths that the checker left out."""

    tree: Tree
    lost: frozenset[Path] = frozenset()

    def at(self, path: Path, rule: str, message: str, hint: str = "", *, key: bool = False) -> Mistake:
        """A mistake about the value (or, with `key`, the key) at `path`."""
        return mistake(spot_of(self.tree, path, key=key), path, rule, message, hint)

    def sound(self, *path: str | int) -> bool:
        """Whether nothing was left out at or below `path`."""
        return not any(lost[: len(path)] == path or path[: len(lost)] == lost for lost in self.lost)
