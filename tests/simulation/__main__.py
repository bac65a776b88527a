"""`make simulate`: many worlds, one line for each violation, a histogram, and a last line with the numbers."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.bugs import BUGS, worlds_until_found
from tests.simulation.census import Census
from tests.simulation.story import play

# So many worlds meet everything that there is.
ENOUGH = 1000


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    asked.add_argument("--worlds", type=int, default=1000)
    asked.add_argument("--seed", default="1")
    asked.add_argument("--replay", default="", help="the seed of one world, with its trace")
    asked.add_argument("--bugs", action="store_true", help="plant each bug and tell how many worlds it took")
    given = asked.parse_args()
    if given.bugs:
        return planted(given.seed, given.worlds)
    if given.replay:
        told = play(given.replay, trace=True)
        print("\n".join(told.trace))
        for violation in told.violations:
            print(f"VIOLATION {violation}")
        print(f"digest {told.digest}")
        return 1 if told.violations else 0
    bad, ways, census = 0, 0, Census()
    began = time.perf_counter()
    for number in range(given.worlds):
        told = play(f"{given.seed}/{number}")
        census.add(told)
        ways += told.gave_way
        if told.violations:
            bad += 1
            print(
                f"python -m tests.simulation --replay '{told.seed}': {'; '.join(told.violations)[:300]}",
                flush=True,
            )
    seconds = time.perf_counter() - began
    print("\n".join(census.lines()))
    empty = census.empty()
    if empty and given.worlds >= ENOUGH:
        print(f"never met: {', '.join(empty)}")
    rate = given.worlds / seconds
    if ways:
        print(f"{ways} settled only when rollout.max_unavailable was raised, as the plan said")
    print(f"{given.worlds} worlds ({census.applies} applies), {bad} violations, {rate:.1f} worlds a second")
    return 1 if bad or (empty and given.worlds >= ENOUGH) else 0


def planted(seed: str, most: int) -> int:
    missed = 0
    for bug, parts in BUGS.items():
        took, said = worlds_until_found(parts, seed, most)
        missed += not took
        print(f"{bug:<45} {took or 'not found':>6}  {said[:110]}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
