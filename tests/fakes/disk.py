"""A file system in memory that can lose power at any instant, or refuse any operation.

It keeps apart what was written and what is durable: the content of a file becomes durable when the file
is synced, a name when its folder is. After `power_cut` only the durable part is certain; what became of
the rest is the caller's choice, so a test can have the worst, the best, or anything between.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

from dynia.interfaces.errors import Locked


class PowerCut(BaseException):
    """The machine is off. Not an `Exception`: nothing in the program may catch it and go on."""


class _File:
    def __init__(self) -> None:
        self.written = b""
        self.durable = b""
        self.synced = False


class _Folder:
    def __init__(self) -> None:
        self.names: dict[str, _File | _Folder] = {}
        self.durable: dict[str, _File | _Folder] = {}
        self.pending: list[tuple[str, _File | _Folder | None]] = []

    def put(self, name: str, entry: _File | _Folder | None) -> None:
        if entry is None:
            self.names.pop(name, None)
        else:
            self.names[name] = entry
        self.pending.append((name, entry))


class FakeDisk:
    """`before(step, what)` is called before every step of every operation, and may raise."""

    def __init__(self, before: Callable[[int, str], None] | None = None) -> None:
        self.before = before or (lambda step, what: None)
        self.steps = 0
        self.root = _Folder()
        self.held: set[Path] = set()

    # the operations of dynia.state.disk.Disk

    def read(self, path: Path, limit: int) -> bytes:
        self._step(f"read {path}")
        entry = self._parent(path).names.get(path.name)
        if entry is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        if isinstance(entry, _Folder):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if len(entry.written) > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return entry.written

    def size(self, path: Path) -> int:
        return len(self.read(path, 1 << 40))

    def names(self, folder: Path) -> list[str]:
        self._step(f"list {folder}")
        found = self._find(folder)
        return sorted(found.names) if isinstance(found, _Folder) else []

    def make_folder(self, folder: Path) -> None:
        self._step(f"make folder {folder}")
        parent = self._parent(folder)
        if folder.name not in parent.names:
            parent.put(folder.name, _Folder())

    def write(self, path: Path, data: bytes) -> None:
        self._step(f"create {path}")
        parent = self._parent(path)
        if path.name in parent.names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        file = _File()
        parent.put(path.name, file)
        self._step(f"write the first half of {path}")
        file.written = data[: len(data) // 2]
        self._step(f"write the second half of {path}")
        file.written = data
        self._step(f"sync {path}")
        file.durable, file.synced = data, True

    def link(self, source: Path, target: Path) -> None:
        self._step(f"link {target}")
        parent = self._parent(target)
        if target.name in parent.names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        parent.put(target.name, self._there(source))

    def rename(self, source: Path, target: Path) -> None:
        self._step(f"rename {source} to {target}")
        entry = self._there(source)
        self._parent(target).put(target.name, entry)
        self._parent(source).put(source.name, None)

    def remove(self, path: Path) -> None:
        self._step(f"remove {path}")
        parent = self._parent(path)
        if path.name in parent.names:
            parent.put(path.name, None)

    def sync_folder(self, folder: Path) -> None:
        self._step(f"sync folder {folder}")
        found = self._find(folder)
        assert isinstance(found, _Folder)
        found.durable = dict(found.names)
        found.pending.clear()

    def hold(self, path: Path, who: str, *, wait: float) -> _Held:
        self._step(f"lock {path}")
        if path in self.held:
            raise Locked(f"{path.parent.name} is locked by {who}")
        self.held.add(path)
        return _Held(self, path)

    # what a test does

    def power_cut(self, survives: Callable[[], bool], cut: Callable[[int], int]) -> FakeDisk:
        """The disk after the machine is on again.

        `survives` says of each name that was not synced whether it changed nevertheless; `cut` how many
        bytes of an unsynced file are there.
        """
        after = FakeDisk()
        seen: dict[int, _File | _Folder] = {}

        def settle(entry: _File | _Folder) -> _File | _Folder:
            if id(entry) in seen:
                return seen[id(entry)]
            if isinstance(entry, _File):
                file = _File()
                seen[id(entry)] = file
                file.written = entry.durable if entry.synced else entry.written[: cut(len(entry.written))]
                file.durable, file.synced = file.written, True
                return file
            folder = _Folder()
            seen[id(entry)] = folder
            left = dict(entry.durable)
            for name, new in entry.pending:
                if survives():
                    left.pop(name, None)
                    if new is not None:
                        left[name] = new
            folder.names = {name: settle(inner) for name, inner in left.items()}
            folder.durable = dict(folder.names)
            return folder

        root = settle(self.root)
        assert isinstance(root, _Folder)
        after.root = root
        return after

    def files(self, folder: Path = Path("/")) -> dict[str, bytes]:
        """Every file by its path."""
        found: dict[str, bytes] = {}
        entry = self._find(folder)
        assert isinstance(entry, _Folder)
        for name, inner in entry.names.items():
            if isinstance(inner, _File):
                found[str(folder / name)] = inner.written
            else:
                found |= self.files(folder / name)
        return found

    def _step(self, what: str) -> None:
        self.steps += 1
        self.before(self.steps, what)

    def _find(self, path: Path) -> _File | _Folder | None:
        entry: _File | _Folder | None = self.root
        for part in path.parts[1:]:
            entry = entry.names.get(part) if isinstance(entry, _Folder) else None
        return entry

    def _there(self, path: Path) -> _File | _Folder:
        entry = self._find(path)
        if entry is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return entry

    def _parent(self, path: Path) -> _Folder:
        found = self._find(path.parent)
        if not isinstance(found, _Folder):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return found


class _Held:
    def __init__(self, disk: FakeDisk, path: Path) -> None:
        self._disk, self._path = disk, path

    def close(self) -> None:
        self._disk.held.discard(self._path)


def worst(disk: FakeDisk) -> FakeDisk:
    """Nothing that was not synced is there."""
    return disk.power_cut(lambda: False, lambda length: 0)


def best(disk: FakeDisk) -> FakeDisk:
    """Everything is there, as after a kill of the process alone."""
    return disk.power_cut(lambda: True, lambda length: length)


def some(seed: int) -> Callable[[FakeDisk], FakeDisk]:
    """Any part of it, in any order."""
    chance = random.Random(seed)
    return lambda disk: disk.power_cut(
        lambda: chance.random() < 0.5, lambda length: chance.randint(0, length)
    )
