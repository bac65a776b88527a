"""That the simulation can fail: engines with a bug planted in them, each found within so many worlds from any seed.

Which bugs: `bugs.py`. `python -m tests.simulation --bugs` prints how many worlds each took.
"""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS, worlds_until_found
from tests.simulation.story import play

SEEDS = ("one", "two", "three")
MOST = 2000


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, seed: str) -> None:
    took, _ = worlds_until_found(BUGS[bug], seed, MOST)
    assert took, f"not found in {MOST} worlds from seed {seed}"
    assert play(f"{seed}/{took - 1}").violations == [], "the honest engine breaks the same world"


def test_one_of_them_is_found_in_a_few_worlds() -> None:
    took, said = worlds_until_found(BUGS["a gate is announced and was not asked"], "quick", 20)
    assert took
    assert said.startswith("law 6")
