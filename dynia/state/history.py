"""The last runs of a cluster: what is told of each as files of bytes, bounded; the oldest go first.

::

    .dynia/history/<cluster>/00000007.json       how run 7 began
    .dynia/history/<cluster>/00000007-end.json   how it ended; missing: it did not

It is no part of the state: no record and no serial is written, and nothing rests on it.
"""

from __future__ import annotations

import re
from pathlib import Path

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.shape import Shape
from dynia.state.disk import Disk, create
from dynia.state.loaded import Places

MOST_RUNS = 200
MOST_BYTES = 20 * 1024 * 1024
# Of one file: whoever writes stays below it, so the newest run and what comes always fit.
LIMIT = 6 * 1024 * 1024
_NUMBERED = re.compile(r"(\d{8})(-end)?\.json")
# With what a killed writer left of them.
_OURS = re.compile(r"(\d{8})(?:-end)?\.json(?:\.\w+\.tmp)?")
_LAST = 99_999_999


class Kept(Shape):
    """A run as it lies there; a part that is not there is empty."""

    number: int
    begun: bytes
    ended: bytes


class History:
    """The runs of one cluster. Needs no lease: a number is taken by whoever creates its file first."""

    def __init__(
        self,
        disk: Disk,
        places: Places,
        cluster: str,
        *,
        owner: str,
        most_runs: int = MOST_RUNS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._disk, self._places, self._owner = disk, places, owner
        self._most_runs, self._most_bytes = most_runs, most_bytes
        self._folder = places.histories / cluster

    def numbers(self) -> tuple[int, ...]:
        """Of the runs that are kept, the newest first."""
        return tuple(sorted(self._sizes(sized=False), reverse=True))

    def read(self, number: int) -> Kept:
        """One run. `DyniaError` where there is none."""
        begun, ended = self._read(f"{number:08}.json"), self._read(f"{number:08}-end.json")
        if not begun and not ended:
            raise DyniaError(
                f"there is no run {number} in the history", hint="`dynia history` lists those that are kept"
            )
        return Kept(number=number, begun=begun, ended=ended)

    def begin(self, data: bytes) -> int:
        """Tell of a run that begins; its number."""
        for made in (self._places.home, self._places.histories, self._folder):
            self._disk.make_folder(made)
            self._disk.sync_folder(made.parent)
        self._make_room(len(data), runs=1)
        number = 1 + max(self.numbers(), default=0)
        while number <= _LAST:
            try:
                self._create(f"{number:08}.json", data)
            except FileExistsError:
                number += 1
            else:
                return number
        raise DyniaError(f"{self._folder} has no number left", hint="move that folder away")

    def end(self, number: int, data: bytes) -> None:
        """Tell how it ended."""
        self._make_room(len(data), runs=0)
        self._create(f"{number:08}-end.json", data)

    def _create(self, name: str, data: bytes) -> None:
        create(self._disk, self._folder / name, data, owner=self._owner)

    def _make_room(self, coming: int, *, runs: int) -> None:
        sizes = self._sizes(sized=True)
        total = coming + sum(sizes.values())
        names = self._disk.names(self._folder)
        # The newest stays: its number is the only sign of those that were.
        for place, number in enumerate(sorted(sizes)[:-1]):
            left = len(sizes) - place + runs
            if left <= self._most_runs and total <= self._most_bytes:
                break
            total -= sizes[number]
            for name in names:
                if (ours := _OURS.fullmatch(name)) and int(ours[1]) == number:
                    self._disk.remove(self._folder / name)

    def _sizes(self, *, sized: bool) -> dict[int, int]:
        """What each run takes; without `sized` nothing is asked but the names."""
        found: dict[int, int] = {}
        for name in self._disk.names(self._folder):
            if named := _NUMBERED.fullmatch(name):
                size = self._size(self._folder / name) if sized else 0
                found[int(named[1])] = found.get(int(named[1]), 0) + size
        return found

    def _size(self, path: Path) -> int:
        try:
            return self._disk.size(path)
        except FileNotFoundError:
            return 0  # another run has just made room

    def _read(self, name: str) -> bytes:
        try:
            return self._disk.read(self._folder / name, LIMIT)
        except FileNotFoundError:
            return b""
