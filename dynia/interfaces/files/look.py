"""How the user's files are looked at: one call that answers with a value, bounded, never an exception."""

from __future__ import annotations

import os
import pathlib
import stat
from typing import Protocol

from dynia.interfaces.shape import Shape

MAX_FILE = 10 * 1024 * 1024


class Regular(Shape):
    """A file. `content` is None when it is larger than `MAX_FILE`."""

    mode: int
    size: int
    content: bytes | None


class Folder(Shape):
    names: tuple[str, ...]


class Link(Shape):
    target: str


class Absent(Shape):
    """Nothing that can be read. `reason` is for people."""

    reason: str


Seen = Regular | Folder | Link | Absent


class Look(Protocol):
    """Looks at one absolute path; with `follow` through all symlinks."""

    def __call__(self, path: str, *, follow: bool = False) -> Seen: ...


def look_on_disk(path: str, *, follow: bool = False) -> Seen:
    """The real one."""
    try:
        if follow:
            path = str(pathlib.Path(path).resolve(strict=True))
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return Link(target=str(pathlib.Path(path).readlink()))
        if stat.S_ISDIR(found.st_mode):
            return Folder(names=tuple(sorted(os.listdir(path))))  # noqa: PTH208
        if not stat.S_ISREG(found.st_mode):
            return Absent(reason="not a regular file")
        with pathlib.Path(path).open("rb") as file:
            content = file.read(MAX_FILE + 1)
        whole = content if len(content) <= MAX_FILE else None
        return Regular(mode=stat.S_IMODE(found.st_mode), size=found.st_size, content=whole)
    except FileNotFoundError:
        return Absent(reason="no such file")
    except (OSError, RuntimeError, ValueError) as error:
        return Absent(reason=_words(error))


def _words(error: Exception) -> str:
    if isinstance(error, RuntimeError) or getattr(error, "errno", None) == 40:
        return "a loop of symbolic links"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text[:1].lower() + text[1:]
