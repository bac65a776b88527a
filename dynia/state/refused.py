"""What the operating system refused the state, as an error that a person can act on."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from dynia.interfaces.errors import NotKept
from dynia.interfaces.node_requests import Room

_HINTS = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT), "make room there and run this again; everything recorded so far is safe"
    ),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS),
        "the state is kept beside clusters.yaml: that folder must be writable, and what is in it readable",
    ),
    errno.EIO: "the disk under it fails: look at it (`dmesg`), copy what it still has, then run this again",
    errno.EFBIG: "files may not grow so far here (`ulimit -f`): raise that limit and run this again",
}

_ELSE = "mend that and run this again; everything recorded so far is safe"


def hint_for(error: OSError) -> str:
    """What to do about it; empty where that follows from what was tried."""
    return _HINTS.get(error.errno or 0, "")


@contextlib.contextmanager
def in_words(folder: Path) -> Iterator[None]:
    """`OSError` becomes `NotKept`, which names the file."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        # Of a rename or a link the second one: the first is a temporary name that means nothing to people.
        names = [name for name in (error.filename2, error.filename) if name is not None]
        where = f" ({os.fsdecode(names[0])})" if names else ""
        message = f"can't keep the state in {folder.absolute()}: {reason}{where}"
        if error.errno == errno.ENOSPC:
            message += _room(Path(os.fsdecode(names[0])).absolute().parent if names else folder.absolute())
        raise NotKept(message, hint=hint_for(error) or _ELSE) from error


def _room(folder: Path) -> str:
    """Which file system is full, and what is free there; nothing where the folder can not be looked at."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return ""
    place = next(at for at in (folder, *folder.parents) if at.is_mount())
    free, size = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    files = found.f_favail if found.f_files else None
    return f"; {Room(place=str(place), free=free, size=size, files=files).words()}"


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """What the kernel refuses of an open file has no name in it: it is this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
