"""`make simulate`: many worlds, one line for each violation, a histogram, and a last line with the numbers."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.story import play


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    asked.add_argument("--worlds", type=int, default=1000)
    asked.add_argument("--seed", default="1")
    asked.add_argument("--replay", default="", help="the seed of one world, with its trace")
    given = asked.parse_args()
    if given.replay:
        told = play(given.replay, trace=True)
        print("\n".join(told.trace))
        for violation in told.violations:
            print(f"VIOLATION {violation}")
        print(f"digest {told.digest}")
        return 1 if told.violations else 0
    bad = 0
    began = time.perf_counter()
    for number in range(given.worlds):
        seed = f"{given.seed}/{number}"
        told = play(seed)
        if told.violations:
            bad += 1
            print(f"{seed}: {'; '.join(told.violations)[:600]}")
            sys.stdout.flush()
    seconds = time.perf_counter() - began
    print(f"{given.worlds} worlds, {bad} violations, {given.worlds / seconds:.1f} worlds a second")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
