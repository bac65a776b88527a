"""A file that the user names, read whole and bounded: whatever lies there is an error in words."""

from __future__ import annotations

import errno
from pathlib import Path

from dynia.interfaces.errors import DyniaError
from dynia.state.disk import LocalDisk


def read_whole(path: Path, limit: int, what: str, *, missing: str = "") -> bytes:
    """At most `limit` bytes. `what` it shall be is for messages ("saved plan"); `missing`: what makes one."""
    try:
        return LocalDisk().read(path, limit)
    except FileNotFoundError as error:
        raise DyniaError(f"there is no {what} {path}", hint=missing) from error
    except OSError as error:
        wrong = {
            errno.EISDIR: "it is a folder",
            errno.EINVAL: "it is not a regular file",
            errno.EFBIG: f"it is larger than {limit // 2**20} MiB",
        }.get(error.errno or 0)
        if wrong:
            raise DyniaError(f"{path} is no {what}: {wrong}") from error
        raise DyniaError(f"{path} can't be read: {(error.strerror or str(error)).lower()}") from error
