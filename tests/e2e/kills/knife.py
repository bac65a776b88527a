"""The knife: waits until a `dynia` of the test's has stopped itself at the point that it was asked for, and kills it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from dynia.interfaces.shape import Shape

STOPPER = Path(__file__).parent / "stopper"


class Stop(Shape):
    """Where a process stopped: at the record that was to be written or was, of which step. `quick`: the deed ended
    before the time was over that it was to be stopped after."""

    record: str
    step: str
    quick: bool

    @property
    def written(self) -> bool:
        """Whether the record is there, as of now."""
        return Path(self.record).exists()


def variables(kind: str, point: str, delay: float, told: Path) -> dict[str, str]:
    """What the process needs in its environment."""
    told.unlink(missing_ok=True)
    asked = {"kind": kind, "point": point, "delay": delay, "told": str(told)}
    return {"PYTHONPATH": str(STOPPER), "STOP_AT": json.dumps(asked)}


def wait_for_stop(process: subprocess.Popen[str], told: Path, seconds: float) -> Stop | None:
    """Once it has stopped: where. None: it ended without, and its exit code is there."""
    until = time.monotonic() + seconds
    flags = os.WSTOPPED | os.WEXITED | os.WNOWAIT | os.WNOHANG
    while (seen := os.waitid(os.P_PID, process.pid, flags)) is None:
        assert time.monotonic() < until, f"neither stopped nor ended within {seconds:g} s"
        time.sleep(0.01)
    if seen.si_code != os.CLD_STOPPED:
        process.wait(timeout=10)
        return None
    return Stop(**json.loads(told.read_text()))


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the process alone: what it started goes on, as after a real crash."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    assert process.returncode == -signal.SIGKILL, f"it ended by itself: {process.returncode}"
