"""The door for saved plans on disk: read bounded, written whole, and over nothing but another saved plan."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.read_whole import read_whole
from dynia.services.saved_plan import LIMIT, SavedPlan, decode, encode, is_saved_plan

# It holds no secret, so whoever may read the repository may read it; the umask may take more away.
_MODE = 0o644


def read_plan(path: Path) -> SavedPlan:
    """The plan in a file; `DyniaError` where there is none, or another one than was saved."""
    return decode(_read(path), str(path))


def check_writable(path: Path) -> None:
    """Raises where `write_plan` would: before a look at the world, not after it."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise DyniaError(f"{path} can't be written: there is no folder {path.parent}") from None
        return
    except OSError as error:
        raise _in_words(path, "written", error) from error
    if not stat.S_ISREG(found.st_mode) or not is_saved_plan(_read(path)):
        raise Refused(
            f"{path} is there, and is no saved plan: it is not overwritten", hint="name another file"
        )


def write_plan(path: Path, saved: SavedPlan) -> None:
    """Write it whole: a reader finds the former file or the new one."""
    check_writable(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor, not a path)
                file.write(encode(saved))
                file.flush()
                os.fsync(descriptor)
            temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _in_words(path, "written", error) from error


def _read(path: Path) -> bytes:
    return read_whole(path, LIMIT, "saved plan", missing="`dynia plan --out FILE` writes one")


def _in_words(path: Path, deed: str, error: OSError) -> DyniaError:
    return DyniaError(f"{path} can't be {deed}: {(error.strerror or str(error)).lower()}")
