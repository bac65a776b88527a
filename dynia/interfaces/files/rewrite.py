"""One edited file: looked at as if it were written, shown as a diff, and written whole or not at all."""

from __future__ import annotations

import contextlib
import difflib
import os
import pathlib
import posixpath
import stat

from dynia.interfaces.errors import DyniaError, Stale
from dynia.interfaces.files.look import Absent, Folder, Look, Regular, Seen, look_on_disk
from dynia.interfaces.shape import Shape

CONTEXT_LINES = 2


class FileEdit(Shape):
    """`before` is what was read; None: there was no file. `path` is as people named it."""

    path: str
    before: bytes | None
    after: bytes

    @property
    def empty(self) -> bool:
        return self.before == self.after

    def diff(self) -> list[str]:
        """A short unified diff, without line ends."""
        old, new = ((data or b"").decode("utf-8", "replace") for data in (self.before, self.after))
        lines = difflib.unified_diff(
            old.splitlines(),
            new.splitlines(),
            self.path if self.before is not None else "/dev/null",
            self.path,
            n=CONTEXT_LINES,
            lineterm="",
        )
        return list(lines)


def looking_past(edit: FileEdit, look: Look = look_on_disk) -> Look:
    """How the world looks with the edit written. Nothing is written."""
    target = _location(edit.path)

    def seen(path: str, *, follow: bool = False) -> Seen:
        here = posixpath.normpath(path)
        if here == target or (follow and os.path.realpath(here) == os.path.realpath(target)):
            was = look(path, follow=True)
            mode = was.mode if isinstance(was, Regular) else 0o644
            return Regular(mode=mode, size=len(edit.after), content=edit.after)
        return look(path, follow=follow)

    return seen


def looking_past_all(edits: tuple[FileEdit, ...]) -> Look:
    """The same of several files; new ones are in their folders."""
    look: Look = look_on_disk
    below: dict[str, set[str]] = {}
    for edit in edits:
        look = looking_past(edit, look)
        folder, name = posixpath.split(_location(edit.path))
        while name and name not in below.get(folder, ()):
            below.setdefault(folder, set()).add(name)
            folder, name = posixpath.split(folder)
    past = look

    def seen(path: str, *, follow: bool = False) -> Seen:
        found = past(path, follow=follow)
        names = below.get(posixpath.normpath(path), set())
        if names and isinstance(found, Folder | Absent):
            there = found.names if isinstance(found, Folder) else ()
            return Folder(names=tuple(sorted({*there, *names})))
        return found

    return seen


def write_edit(edit: FileEdit) -> None:
    """Write it by a rename, mode and owner kept.

    Raises Stale, and writes nothing, if the file is not what was read: compared right before the rename.
    """
    path = pathlib.Path(os.path.realpath(edit.path))
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        try:
            _write(fresh, edit.after, _kept(path))
            if _content(path) != edit.before:
                raise Stale(
                    f"{edit.path} changed since it was read, so it was not written; nothing was changed",
                    hint="look at the change, then run the command again",
                )
            if edit.before is None:
                os.link(fresh, path)
            else:
                fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except FileExistsError:
        raise Stale(f"{edit.path} was made by somebody else meanwhile; nothing was changed") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise DyniaError(f"{edit.path} cannot be written: {reason}; nothing was changed") from error


def _location(path: str) -> str:
    return posixpath.normpath(pathlib.Path(path).absolute().as_posix())


def _kept(path: pathlib.Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _content(path: pathlib.Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(path: pathlib.Path, data: bytes, like: os.stat_result | None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor, not a path)
        if like is not None:
            with contextlib.suppress(PermissionError):  # somebody else's file in a folder of ours
                os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
