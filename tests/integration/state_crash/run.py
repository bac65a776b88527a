"""A run that writes the state, as a process of its own: killed, raced and limited by the tests beside it.

``python -m tests.integration.state_crash.run FOLDER CLUSTER COUNT [--kill-at STEP] [--fold-after N]`` makes
COUNT nodes one after the other and says each acknowledged one on a line of its own.
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path

from dynia.state.disk import LocalDisk
from dynia.state.store import open_store
from tests.fakes.states import begun, born, recorded


class DyingDisk(LocalDisk):
    """The real file system; the process kills itself (SIGKILL) at one step of an operation."""

    def __init__(self, kill_at: int) -> None:
        self.left = kill_at

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, path: Path, data: bytes) -> None:
        self.step()
        if self.left == 1:
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
    asked = parser.parse_args()
    disk = DyingDisk(asked.kill_at)
    store = open_store(asked.folder, disk=disk, fold_after=asked.fold_after)
    name = asked.cluster
    with store.lock(name, f"run of {name}"):
        store.write(name, recorded(name), "cluster recorded")
        print(0, flush=True)
        for ordinal in range(1, asked.count + 1):
            step = f"node-{ordinal}/provision"
            store.begin(name, step, b"{}", begun(name, ordinal))
            store.end(name, step, born(name, ordinal))
            print(ordinal, flush=True)


if __name__ == "__main__":
    main()
