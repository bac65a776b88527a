"""`dynia --help` against `python -c "import click"`, in one run, in turns. `python -m bench.help_time [--rounds 40]`

The ratio is of medians; to reach: <= 1.5, importing no SDK and no asyncssh.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

TO_REACH = 1.5
HELP = (sys.executable, "-c", "from dynia.interfaces.cli import main; main()", "--help")
PEER = (sys.executable, "-c", "import click")


def seconds(argv: tuple[str, ...]) -> float:
    """Wall time of one process."""
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=40)
    rounds = options.parse_args().rounds
    # As installed: the first run leaves compiled modules to the others.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    seconds(HELP), seconds(PEER)  # the first of each reads files that the others find in memory
    ours, peers = [], []
    for _ in range(rounds):
        ours.append(seconds(HELP))
        peers.append(seconds(PEER))
    mine, peer = statistics.median(ours), statistics.median(peers)
    ratio = mine / peer
    print(f"dynia --help {mine * 1000:.0f} ms, import click {peer * 1000:.0f} ms (medians of {rounds})")
    print(f"ratio {ratio:.2f} (to reach: <= {TO_REACH}): {'reached' if ratio <= TO_REACH else 'NOT reached'}")
    return 0 if ratio <= TO_REACH else 1


if __name__ == "__main__":
    sys.exit(main())
