"""`python -m bench`: every measurement in one run, one after the other."""

from __future__ import annotations

import subprocess
import sys

MEASUREMENTS = ("bench.look_time", "bench.plan_time", "bench.help_time", "bench.state_time")


def main() -> int:
    """Runs each in a process of its own; 1 if any missed what it is to reach."""
    missed = 0
    for name in MEASUREMENTS:
        print(f"== {name}", flush=True)
        missed += subprocess.run([sys.executable, "-m", name], check=False).returncode != 0
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
