"""Places where a state can be kept, each with a way to open it as one run and as another, on another machine."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from dynia.state.disk import Disk, LocalDisk
from dynia.state.git_disk import GitDisk
from dynia.state.loaded import Places
from dynia.state.store import Store, open_store

SOMEBODY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")


def git(folder: Path, *argv: str) -> str:
    """As a person runs it, without whatever this machine's configuration says."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    environ |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(
        ("git", *SOMEBODY, *argv), cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass
class World:
    """`disk(n)` is what run `n` sees; each has its own objects, and with git a clone of its own. The clock of
    leases is `now`, and moves only where a test moves it."""

    folder: Path
    now: float = 0.0
    opened: dict[int, Path] = field(default_factory=dict)

    def place(self, run: int) -> Path:
        raise NotImplementedError

    def disk(self, run: int) -> Disk:
        raise NotImplementedError

    def store(self, run: int = 1, **options: object) -> Store:
        """The state as run `run` opens it anew."""
        return open_store(
            self.place(run),
            disk=self.disk(run),
            boot=lambda: self.now,
            clock=lambda: 1_800_000_000,
            **options,  # type: ignore[arg-type]
        )


class FileWorld(World):
    """Beside clusters.yaml: both runs are on one machine."""

    def place(self, run: int) -> Path:
        return self.folder

    def disk(self, run: int) -> Disk:
        return LocalDisk()


class GitWorld(World):
    """A bare repository with a protected main, and one clone a run; clusters.yaml lies in a folder of it."""

    HOOK = """#!/bin/sh
while read old new ref; do
    case $ref in refs/heads/*) echo "branch ${ref#refs/heads/} is protected" >&2; exit 1 ;; esac
done
"""

    @property
    def remote(self) -> Path:
        return self.folder / "origin.git"

    def begin(self) -> GitWorld:
        git(self.folder, "init", "-q", "--bare", "-b", "main", str(self.remote))
        first = self.folder / "first"
        git(self.folder, "clone", "-q", str(self.remote), str(first))
        (first / "infra").mkdir()
        (first / "infra" / "clusters.yaml").write_text("clusters: {}\n")
        git(first, "add", "-A")
        git(first, "commit", "-q", "-m", "clusters")
        git(first, "push", "-q", "origin", "HEAD:main")
        hook = self.remote / "hooks" / "pre-receive"
        hook.write_text(self.HOOK)
        hook.chmod(0o755)
        return self

    def place(self, run: int) -> Path:
        if run not in self.opened:
            clone = self.folder / f"clone-{run}"
            git(self.folder, "clone", "-q", str(self.remote), str(clone))
            self.opened[run] = clone / "infra"
        return self.opened[run]

    def disk(self, run: int) -> Disk:
        folder = self.place(run)
        return GitDisk(folder, Places(folder=folder).state)
