"""One border of Dynia's that foreign bytes cross: good inputs, a way to change them, and what is done with one."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from dynia.interfaces.errors import DyniaError
from tests.fuzz import bytes_mutator, tree_mutator
from tests.fuzz.chance import Chance, pick
from tests.fuzz.oracle import Verdict, bounded, harmless, refused

CORPUS = Path(__file__).parent / "corpus"


class Target(ABC):
    """`weight`: how many of a thousand inputs of a long run are its own, by what one costs. `examples`: how many
    hypothesis makes in the short run."""

    name: str
    weight: int = 100
    examples: int = 100

    @abstractmethod
    def good(self) -> list[bytes]:
        """Inputs that are accepted; the corpus has more, good and bad."""

    @abstractmethod
    def attempt(self, raw: bytes) -> Iterable[str]:
        """What Dynia does with this input. The texts that it would show come back; a refusal is a DyniaError, and
        whatever else is raised is a mistake of Dynia's."""

    def tree(self, raw: bytes) -> Any:
        """The input as mappings and lists, to be changed as such; ValueError where it is none."""
        return json.loads(raw)

    def close(self) -> None:
        """Let go of what `attempt` holds open."""
        return

    @cached_property
    def seeds(self) -> list[bytes]:
        folder = CORPUS / self.name
        found = [path.read_bytes() for path in sorted(folder.glob("*"))] if folder.is_dir() else []
        return [*self.good(), *found]

    @cached_property
    def _trees(self) -> list[Any]:
        found = []
        for raw in self.seeds:
            try:
                found.append(self.tree(raw))
            except (ValueError, RecursionError):
                continue
        return found

    def made(self, chance: Chance) -> bytes:
        """A new input."""
        if self._trees and chance.below(2):
            tree = tree_mutator.mutated(pick(chance, self._trees), chance)
            return self.untree(tree, chance)
        return bytes_mutator.mutated(pick(chance, self.seeds), self.seeds, chance)

    def untree(self, tree: Any, chance: Chance) -> bytes:
        return tree_mutator.written(tree, chance)

    def judge(self, raw: bytes) -> Verdict:
        """Run it and look at all that comes back. Raises what `attempt` must not let out."""
        with bounded():
            try:
                shown = list(self.attempt(raw))
            except DyniaError as error:
                return refused(error)
            harmless(shown, "a screen")
            return Verdict("accepted")
