"""The few operations on files that the state needs, so that a test can cut each of them short.

Everything durable is made of two rules: a file appears whole or not at all (written under a temporary
name, synced, then linked or renamed), and a name is there for good once its folder was synced.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Protocol

from dynia.state.lock import Hold, hold
from dynia.state.refused import naming

# What file systems without hard links answer to link(2).
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Disk(Protocol):
    """A file system. Every operation raises `OSError` where it fails."""

    def read(self, path: Path, limit: int) -> bytes:
        """The content of a regular file. More than `limit` bytes is `OSError(EFBIG)`."""
        ...

    def size(self, path: Path) -> int:
        """How many bytes a file has."""
        ...

    def names(self, folder: Path) -> list[str]:
        """What is in a folder, sorted; nothing if there is no folder."""
        ...

    def make_folder(self, folder: Path) -> None:
        """Make one folder. There already is not an error."""
        ...

    def write(self, path: Path, data: bytes) -> None:
        """Make a new file with this content and sync it. `FileExistsError` where the name is taken."""
        ...

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name. `FileExistsError` where that is taken."""
        ...

    def rename(self, source: Path, target: Path) -> None: ...

    def remove(self, path: Path) -> None:
        """Remove a name. Already gone is not an error."""
        ...

    def sync_folder(self, folder: Path) -> None: ...

    def hold(self, path: Path, who: str, *, wait: float) -> Hold:
        """Take the lock that this file is, or raise `Locked`; freed by its `close`, or when we end."""
        ...


class LocalDisk:
    """The real file system."""

    def read(self, path: Path, limit: int) -> bytes:
        # Not blocking: a FIFO in the place of the file must not hang us.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with naming(path), open(descriptor, "rb") as file:  # noqa: PTH123 (a descriptor, not a path)
            found = os.fstat(descriptor)
            if stat.S_ISDIR(found.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", str(path))
            data = file.read(limit + 1) if found.st_size <= limit else None
        if data is None or len(data) > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return data

    def size(self, path: Path) -> int:
        return path.lstat().st_size

    def names(self, folder: Path) -> list[str]:
        try:
            return sorted(os.listdir(folder))  # noqa: PTH208 (names, and quickly)
        except FileNotFoundError:
            return []

    def make_folder(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with naming(path), open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 (a descriptor)
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            os.fsync(descriptor)

    def link(self, source: Path, target: Path) -> None:
        os.link(source, target)

    def rename(self, source: Path, target: Path) -> None:
        source.rename(target)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with naming(folder):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def hold(self, path: Path, who: str, *, wait: float) -> Hold:
        with naming(path):
            return hold(path, who, wait=wait)


def create(disk: Disk, path: Path, data: bytes, *, owner: str, temporary_folder: Path | None = None) -> None:
    """Make a file that was not there, whole and for good. `FileExistsError` where the name is taken.

    Where the file system has no hard links it is written in place: then a crash can leave a torn file
    under this name, which is why records carry a checksum. `owner` keeps two writers' temporary files apart.
    """
    temporary = _temporary(temporary_folder or path.parent, path.name, owner)
    try:
        disk.remove(temporary)
        disk.write(temporary, data)
        try:
            disk.link(temporary, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            disk.write(path, data)
            # Whoever was stopped in the middle of this may have been taken for dead, and the torn file set
            # aside: then what is written here lies under another name.
            if disk.read(path, len(data)) != data:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            disk.remove(temporary)
    disk.sync_folder(path.parent)


def replace(disk: Disk, path: Path, data: bytes, *, temporary_folder: Path, owner: str) -> None:
    """Put new content in the place of a file, whole and for good. Only one process may do so at a time."""
    temporary = _temporary(temporary_folder, path.name, owner)
    try:
        disk.remove(temporary)
        disk.write(temporary, data)
        disk.rename(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            disk.remove(temporary)
        raise
    disk.sync_folder(path.parent)


def is_temporary(name: str) -> bool:
    return name.endswith(".tmp")


def _temporary(folder: Path, name: str, owner: str) -> Path:
    # Not the process id: in two containers that share a folder it is often the same.
    return folder / f"{name}.{owner[:12]}.tmp"
