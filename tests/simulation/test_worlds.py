"""The laws in thousands of worlds, each drawn from its seed; and the same seed gives the same world, byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.census import Census
from tests.simulation.story import play

SEED = "make test"
QUICK, ALL, BATCH = 20, 2000, 20


def batches() -> list[object]:
    """A few in `make check`, all of them in `make test`: batches that two workers share."""
    return [
        pytest.param(first, marks=() if first < QUICK else pytest.mark.worlds)
        for first in range(0, ALL, BATCH)
    ]


@pytest.mark.parametrize("first", batches())
def test_no_world_breaks_a_law(first: int) -> None:
    broken = []
    for number in range(first, first + BATCH):
        told = play(f"{SEED}/{number}")
        if told.violations:
            broken.append(f"python -m tests.simulation --replay '{told.seed}': {'; '.join(told.violations)}")
    assert not broken, "\n".join(broken)


@pytest.mark.worlds
def test_every_kind_of_trouble_is_met() -> None:
    """Of nodes, steps, ends, faults and people: no bin is empty. (With this seed after some 330 worlds.)"""
    census = Census()
    for number in range(ALL):
        census.add(play(f"trouble/{number}"))
        if not census.empty():
            return
    assert not census.empty(), "\n".join(census.lines())


@pytest.mark.parametrize("seed", ["replay/1", "replay/2", "replay/3"])
def test_the_same_seed_gives_the_same_world(seed: str) -> None:
    """Also in another process, whose sets and dicts hash otherwise."""
    here = play(seed)
    assert play(seed).digest == here.digest
    for hash_seed in ("1", "4242"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--replay", seed],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines()[-1] == f"digest {here.digest}", done.stdout[-2000:] + done.stderr
