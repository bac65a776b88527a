"""A run that writes steps to the journal as the executor does, in a process of its own.

``python -m tests.integration.state_crash.steps FOLDER KIND... [--wait]`` does one step of each kind, one after the other.
The deed of a step makes two files, ``STEP.began`` and ``STEP.did``; with ``--wait`` it reads a line in between.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from dynia.state.store import open_store
from tests.fakes.states import recorded


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("kinds", nargs="+")
    parser.add_argument("--wait", action="store_true")
    asked = parser.parse_args()
    store = open_store(asked.folder)
    with store.lock("prod", "a run of steps"):
        store.write("prod", recorded("prod"), "cluster recorded")
        for number, kind in enumerate(asked.kinds, start=1):
            step = f"{number}-{kind}"
            store.begin("prod", step, json.dumps({"type": kind}).encode())
            (asked.folder / f"{step}.began").touch()
            if asked.wait:
                sys.stdin.readline()
            (asked.folder / f"{step}.did").touch()
            store.end("prod", step)


if __name__ == "__main__":
    main()
