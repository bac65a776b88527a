"""What the operating system refused the state, as an error that a person can act on."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from dynia.interfaces.errors import NotKept

_HINTS = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT), "free some space and run this again; everything recorded so far is safe"
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
        raise NotKept(message, hint=hint_for(error) or _ELSE) from error


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """What the kernel refuses of an open file has no name in it: it is this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
