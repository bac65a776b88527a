"""The state on a ref of the clusters' repository: a file system whose every change is one pushed commit.

The files lie in the tree of ``refs/dynia/state`` of the remote, at the paths that they would have beside
clusters.yaml. No branch is read or written, and nothing in the working tree. A change is a commit on the ref
as it was last seen, pushed only if the ref is still there (compare-and-swap): so of two writers one is first,
and the other looks again. What lies in memory only: temporary files, and removals until the next commit.

A lock of a lease is a file that is pushed together with the record that takes the lease. It stays where its
process dies, so a lease of a dead run ends by its term, or by `dynia state unlock`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from dynia.interfaces.errors import DyniaError, Locked
from dynia.state.disk import LocalDisk, is_temporary
from dynia.state.git_command import TIMEOUT_S, GitFailed
from dynia.state.git_ref import REF, REGULAR, GitRef
from dynia.state.lock import Hold, Holder, locked_by

_TRIES = 20
_LIMIT = 64 * 1024 * 1024
_LOCK = 4096
_HINT = (
    "wait for it to end (`--lock-wait 5m` does), then run this again. A run that was killed leaves its lock "
    "in git until its term is over; if it never will end, there is `dynia state unlock`"
)


class GitDisk:
    """Keeps `Disk`. `folder` is where clusters.yaml lies; `first` is the file that is read before all others:
    with it a look begins, so that is when the remote is asked what there is now."""

    def __init__(self, folder: Path, first: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        self._ref = GitRef(folder, timeout_s=timeout_s)
        self._first = first
        self._local = LocalDisk()
        self._folders: set[Path] = set()
        self._temporary: dict[Path, bytes] = {}
        self._staged: dict[str, bytes] = {}
        self._gone: set[str] = set()
        self._held: set[str] = set()

    def has(self, path: Path) -> bool:
        """Whether the remote has this file now."""
        self._ref.refresh()
        return self._name(path) in self._ref.files

    def create_all(self, files: Mapping[Path, bytes], first: Path) -> None:
        """Several new files in one commit. `FileExistsError` where `first` is there already."""
        named = {self._name(path): data for path, data in files.items()}
        for _ in range(_TRIES):
            if self._there(self._name(first)):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(first))
            if self._commit(named):
                return
        raise self._busy()

    def read(self, path: Path, limit: int) -> bytes:
        if path == self._first:
            self._ref.refresh()
        name = self._name(path)
        if name in self._staged:
            return self._staged[name]
        if not self._there(name):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        entry = self._ref.files[name]
        if entry.mode not in REGULAR:
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if entry.size > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return self._ref.content(name)

    def size(self, path: Path) -> int:
        name = self._name(path)
        if not self._there(name):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return self._ref.files[name].size

    def names(self, folder: Path) -> list[str]:
        start = self._name(folder) + "/"
        here = {*self._ref.files, *self._staged} - self._gone
        found = {name[len(start) :].partition("/")[0] for name in here if name.startswith(start)}
        return sorted(found | {p.name for p in (*self._temporary, *self._folders) if p.parent == folder})

    def make_folder(self, folder: Path) -> None:
        """A tree has no folders but those of its files. The one for what stays here is made here."""
        self._folders.add(folder)
        if folder.name == ".dynia":
            self._local.make_folder(folder)

    def write(self, path: Path, data: bytes) -> None:
        if not is_temporary(path.name):
            self.create_all({path: data}, path)
            return
        if path in self._temporary:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        self._temporary[path] = data

    def link(self, source: Path, target: Path) -> None:
        self.create_all({target: self._temporary[source]}, target)

    def rename(self, source: Path, target: Path) -> None:
        """In the place of what was there when it was last read: somebody else's change is not overwritten."""
        name, moved = self._name(target), None if source in self._temporary else self._name(source)
        data = self.read(source, _LIMIT) if moved else self._temporary[source]
        before = self._ref.files.get(name)
        for _ in range(_TRIES):
            if self._commit({name: data}, moved):
                self._temporary.pop(source, None)
                return
            if self._ref.files.get(name) != before:
                raise Locked(f"{target.name} was written by another run meanwhile", hint="run this again")
        raise self._busy()

    def remove(self, path: Path) -> None:
        if self._temporary.pop(path, None) is None:
            name = self._name(path)
            self._staged.pop(name, None)
            if name in self._ref.files:
                self._gone.add(name)

    def sync_folder(self, folder: Path) -> None:
        """Whatever was committed is there for good."""

    def hold(self, path: Path, who: str, *, wait: float) -> Hold:
        """The lock of a lease is the remote's, and told with the next commit; others are among the runs of
        this working tree."""
        if path.suffix != ".lock":
            return self._local.hold(path, who, wait=wait)
        name = self._name(path)
        if self._there(name):
            raise locked_by(path, _holder(self.read(path, _LOCK)), _HINT)
        holder = Holder(who=who, pid=os.getpid(), host=socket.gethostname(), since=int(time.time()))
        self._staged[name] = msgspec.json.encode(holder)
        return _Lock(self, path)

    def free(self, path: Path) -> None:
        """Take the lock of a lease away, if it is this run's: another one's may have the same name by now.
        Where the remote does not answer it stays, until its term is over."""
        name = self._name(path)
        self._staged.pop(name, None)
        if name not in self._held:
            return
        self._held.discard(name)
        self.remove(path)
        with contextlib.suppress(DyniaError):
            for _ in range(_TRIES):
                if not self._gone or self._commit({}):
                    return

    def _there(self, name: str) -> bool:
        return name in self._ref.files and name not in self._gone

    def _commit(self, new: Mapping[str, bytes], moved: str | None = None) -> bool:
        """One commit with what is new, staged and gone. False: the ref has moved on, and was read again."""
        gone = self._gone | ({moved} if moved else set())
        if not self._ref.commit({**self._staged, **new}, gone):
            self._gone &= set(self._ref.files)
            return False
        self._held |= set(self._staged)
        self._staged, self._gone = {}, set()
        return True

    def _busy(self) -> GitFailed:
        return GitFailed(f"{REF} of {self._ref.remote} changes faster than it can be written")

    def _name(self, path: Path) -> str:
        """The path in the tree."""
        return (path.parent.resolve() / path.name).relative_to(self._ref.top).as_posix()


def _holder(data: bytes) -> Holder | None:
    try:
        return msgspec.json.decode(data, type=Holder)
    except msgspec.MsgspecError:
        return None


class _Lock(Hold):
    """A lock of a lease, as long as it is not freed."""

    def __init__(self, disk: GitDisk, path: Path) -> None:
        super().__init__(-1)
        self._disk, self._path = disk, path

    def close(self) -> None:
        self._disk.free(self._path)
