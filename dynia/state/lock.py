"""The local lock: a file that one process holds, and that says who (law 11).

It is the kernel's lock (flock), so it is free as soon as its holder ends, killed or not. The file stays;
its content is only for the message that others meet.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from pathlib import Path

import msgspec

from dynia.interfaces.errors import Locked
from dynia.interfaces.shape import Shape
from dynia.state.lease import utc

_POLL = 0.02


class Holder(Shape):
    """Who holds a lock: in words, and where to find the process. `since` is seconds since the epoch."""

    who: str
    pid: int
    host: str
    since: int


class Hold:
    """A held lock. `close` frees it; so does the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        if self._descriptor >= 0:
            # Who had it is for messages only: a disk that takes nothing more must not keep a lock.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def hold(path: Path, who: str, *, wait: float) -> Hold:
    """Take the lock that `path` is, waiting at most `wait` seconds. `Locked` names the holder."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _take(descriptor, path, time.monotonic() + wait)
        holder = Holder(who=who, pid=os.getpid(), host=socket.gethostname(), since=int(time.time()))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(holder), 0)
    except BaseException:
        os.close(descriptor)
        raise
    return Hold(descriptor)


def holder_of(path: Path) -> Holder | None:
    """Who the file says holds it; nothing where nobody does, or where it can't be read."""
    try:
        return msgspec.json.decode(path.read_bytes()[:4096], type=Holder)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _take(descriptor: int, path: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise _locked(path) from None
            time.sleep(_POLL)
        else:
            return


def _locked(path: Path) -> Locked:
    return locked_by(path, holder_of(path), _HINT)


def locked_by(path: Path, holder: Holder | None, hint: str) -> Locked:
    """The error that names who holds the lock that `path` is."""
    what = path.parent.name if path.suffix == ".lock" else "the state"
    if holder is None:
        return Locked(f"{what} is locked by another run", hint=hint)
    since = utc(holder.since)
    who = f"{holder.who} (process {holder.pid} on {holder.host})"
    return Locked(f"{what} is locked by {who} since {since}", hint=hint)


_HINT = (
    "wait for it to end (`--lock-wait 5m` does), then run this again; the lock is free as soon as that "
    "process ends. For one that never will there is `dynia state unlock`"
)
