"""Runs one command of the team's on this machine, with facts on its standard input, and waits for its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from typing import BinaryIO

from dynia.interfaces.shape import Shape

MOST_BYTES = 16_000


class Ended(Shape):
    """`why` it is no success, or nothing; and the last of what it said, both streams."""

    why: str
    output: str = ""


def run_hook(argv: tuple[str, ...], folder: str, facts: bytes, timeout_s: float) -> Ended:
    """In a session of its own, all of which is killed where it does not end in time. Both ways go over files:
    whoever reads nothing, or leaves somebody behind who holds its output, holds nobody up."""
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as said:
        told.write(facts)
        told.seek(0)
        try:
            process = subprocess.Popen(
                argv, cwd=folder, stdin=told, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return Ended(why=f"{argv[0]}: {reason}")
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _kill(process)
            return Ended(why=f"no end within {timeout_s:g} s", output=_last(said))
        except BaseException:
            _kill(process)
            raise
        return Ended(why=_why(code), output=_last(said))


def _why(code: int) -> str:
    if code < 0:
        return f"ended by signal {-code}"
    return f"exit {code}" if code else ""


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last(said: BinaryIO) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - MOST_BYTES))
    return said.read().decode("utf-8", "replace")
