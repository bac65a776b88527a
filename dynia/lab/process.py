"""The twin as a process beside the lab: started, found by the lock on its pid file, ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dynia.interfaces.errors import DyniaError
from dynia.lab.twins import ZONES, folder
from dynia.providers.nodes.docker.lab import Lab

READY = b"ready"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
PAUSE_SECONDS = 0.05


def hold(lab: Lab) -> int | None:
    """Take the lock and write this process down; the descriptor to keep open. None: another has it."""
    path = _pid_file(lab)
    path.parent.mkdir(parents=True, exist_ok=True)
    held = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    os.ftruncate(held, 0)
    os.write(held, f"{os.getpid()}\n".encode())
    return held


def running(lab: Lab) -> int | None:
    """The process of this lab's twin; None: there is none."""
    try:
        seen = os.open(_pid_file(lab), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(seen, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        text = os.read(seen, 20).decode().strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(seen)


def start(lab: Lab, delay: float, zones: Sequence[str] = ZONES) -> bool:
    """Start it and return when it answers. False: it ran already, and goes on as it was."""
    if running(lab) is not None:
        return False
    log = log_file(lab)
    log.parent.mkdir(parents=True, exist_ok=True)
    hears, tells = os.pipe()
    argv = (
        *(sys.executable, "-m", "dynia.lab", "--root", lab.root, "--id", lab.id, "--delay", str(delay)),
        *(f"--zone={zone}" for zone in zones),
    )
    with os.fdopen(hears, "rb") as answer, log.open("ab") as written:
        try:
            # Of its own session and parent: neither a Ctrl-C nor the end of this command ends it.
            subprocess.run(
                ("setsid", "--fork", *argv, "--tell", str(tells)),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                pass_fds=(tells,),
                cwd="/",
                check=True,
            )
        finally:
            os.close(tells)
        # Whatever it says or does not say, an end of the process is an end of the pipe.
        heard, _, _ = select.select([answer], [], [], START_SECONDS)
        if not heard or answer.read() != READY:
            last = (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            raise DyniaError(f"the lab's twin did not start: {last}", hint=f"see {log}")
    return True


def stop(lab: Lab) -> bool:
    """End it. False: none ran."""
    process = running(lab)
    if process is None:
        return False
    for one in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, one)
        until = time.monotonic() + STOP_SECONDS
        while running(lab) is not None and time.monotonic() < until:
            time.sleep(PAUSE_SECONDS)
        if running(lab) is None:
            return True
    raise DyniaError(f"the lab's twin (process {process}) does not end", hint=f"see {log_file(lab)}")


def forget(lab: Lab) -> None:
    """What it knew, once its machines are gone."""
    shutil.rmtree(folder(lab), ignore_errors=True)


def log_file(lab: Lab) -> Path:
    return folder(lab) / "log"


def _pid_file(lab: Lab) -> Path:
    return folder(lab) / "pid"
