"""The folder of drift reports: each file written whole, and the runs that it remembers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from dynia.interfaces.errors import DyniaError, Refused
from dynia.services.planning.drift_runs import Run, read_runs, write_runs
from dynia.state.disk import LocalDisk

RUNS = "runs.jsonl"
SET_ASIDE = "runs.jsonl.unread"
LIMIT = 64 * 2**20
# No secret is in a report; the umask may take more away.
_MODE = 0o644


class DriftFolder:
    """`say` is told what a person should know."""

    def __init__(self, path: Path, cluster: str, say: Callable[[str], None]) -> None:
        self.path, self._cluster, self._say = path, cluster, say

    def open(self) -> tuple[Run, ...]:
        """The runs until now. Raises before the look at the world where nothing could be written after it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._in_words(error) from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise DyniaError(f"{self.path} can't be written", hint="name another folder: `--report DIR`")
        runs = self._read()
        other = next((run.cluster for run in runs if run.cluster != self._cluster), "")
        if other:
            raise Refused(
                f"{self.path} holds the reports of cluster {other}: they are not overwritten",
                hint=f"one folder for each cluster: `--report {self.path}-{self._cluster}`",
            )
        return runs

    def write(self, files: Mapping[str, bytes], runs: tuple[Run, ...]) -> None:
        """A reader finds the former file or the new one. What this run found is remembered last."""
        try:
            for name, content in {**files, RUNS: write_runs(runs)}.items():
                _replace(self.path / name, content)
        except OSError as error:
            raise self._in_words(error) from error

    def _read(self) -> tuple[Run, ...]:
        path = self.path / RUNS
        try:
            runs, bad = read_runs(LocalDisk().read(path, LIMIT))
        except FileNotFoundError:
            return ()
        except OSError as error:
            runs, bad = (), 1
            self._say(f"{path} can't be read: {(error.strerror or str(error)).lower()}")
        if bad:
            with contextlib.suppress(OSError):
                path.replace(self.path / SET_ASIDE)
            kept = f"; {len(runs)} earlier reports are still known" if runs else ""
            self._say(f"{path} holds what is no report of runs: it is set aside as {SET_ASIDE}{kept}")
        return runs

    def _in_words(self, error: OSError) -> DyniaError:
        return DyniaError(
            f"the report can't be written into {self.path}: {(error.strerror or str(error)).lower()}",
            hint="name another folder: `--report DIR`",
        )


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor, not a path)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
