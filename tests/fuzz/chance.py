"""Where a mutation's choices come from: hypothesis (which shrinks them), or a seed (which is quick)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Chance(Protocol):
    def below(self, most: int) -> int:
        """A number from 0 to `most` - 1. Hypothesis shrinks towards 0."""
        ...


class Seeded:
    """Fast, and the same again for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, most: int) -> int:
        return int(self._random.random() * most)


class Drawn:
    """By hypothesis."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def below(self, most: int) -> int:
        return int(self._data.draw(st.integers(0, most - 1)))


def pick(chance: Chance, among: Sequence[T]) -> T:
    return among[chance.below(len(among))]
