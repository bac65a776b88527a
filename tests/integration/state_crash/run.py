"""A run that writes the state, as a process of its own: killed, raced and limited by the tests beside it.

``python -m tests.integration.state_crash.run FOLDER CLUSTER COUNT [--kill-at STEP] [--fold-after N]`` makes
COUNT nodes one after the other and says each acknowledged one on a line of its own. ``--stop-at STEP`` freezes it there
(SIGSTOP); with ``--together`` it says "ready", waits for a line, and then tells the serial of each write.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from dynia.state.disk import LocalDisk
from dynia.state.store import open_store
from tests.fakes.states import begun, born, recorded


class DyingDisk(LocalDisk):
    """The real file system; at one step of an operation the process gives itself a signal (SIGKILL, SIGSTOP)."""

    def __init__(self, at: int, number: signal.Signals = signal.SIGKILL) -> None:
        self.left, self.number = at, number

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)

    def write(self, path: Path, data: bytes) -> None:
        self.step()
        if self.left == 1 and self.number == signal.SIGKILL:
            path.write_bytes(data[: len(data) // 2])
        self.step()
        super().write(path, data)
        self.step()

    def link(self, source: Path, target: Path) -> None:
        super().link(source, target)
        self.step()

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.step()

    def remove(self, path: Path) -> None:
        super().remove(path)
        self.step()

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        self.step()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("cluster")
    parser.add_argument("count", type=int)
    parser.add_argument("--kill-at", type=int, default=0)
    parser.add_argument("--fold-after", type=int, default=500)
    parser.add_argument("--stop-at", type=int, default=0)
    parser.add_argument("--together", action="store_true")
    asked = parser.parse_args()
    disk = DyingDisk(asked.stop_at, signal.SIGSTOP) if asked.stop_at else DyingDisk(asked.kill_at)
    store = open_store(asked.folder, disk=disk, fold_after=asked.fold_after)
    name = asked.cluster
    if asked.together:
        print("ready", flush=True)
        sys.stdin.readline()
    with store.lock(name, f"run of {name}"):
        store.write(name, recorded(name), "cluster recorded")
        print(store.serial(name) if asked.together else 0, flush=True)
        for ordinal in range(1, asked.count + 1):
            step = f"node-{ordinal}/provision"
            store.begin(name, step, b"{}", begun(name, ordinal))
            if asked.together:
                print(store.serial(name), flush=True)
            store.end(name, step, born(name, ordinal))
            print(store.serial(name) if asked.together else ordinal, flush=True)


if __name__ == "__main__":
    main()
