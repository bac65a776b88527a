"""Loaded by Python when a test starts `dynia` with this folder on its path: stops it (SIGSTOP) at one point of one step.

Of the program it knows nothing but what lies on disk: a record of the journal is there from a ``link(2)`` on, and
durable once its folder was synced. Around these two calls, and nowhere in the program, is the place to stop.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from typing import Any

ASKED = os.environ.get("STOP_AT")
RECORD = re.compile(r".*/\.dynia/journal/[^/]+/[0-9]{8,}\.json")


class Stopper:
    """Stops this process once, at `point` of the first step of this `kind`, and writes to `told` where that was.

    unbegun: its begin is not written. begun: it is, durably, and nothing of the deed was done. during: `delay` seconds
    later (or just before its end is written, if that comes first). done: its end is not written. ended: it is, durably.
    """

    def __init__(self, kind: str, point: str, delay: float, told: str) -> None:
        self.kind, self.point, self.delay, self.told = kind, point, delay, told
        self.kinds: dict[str, str] = {}
        self.linked: tuple[str, dict[str, Any]] | None = None
        self.step = ""
        self.over = threading.Lock()
        self._link, self._fsync = os.link, os.fsync

    def install(self) -> None:
        os.link, os.fsync = self.link, self.fsync  # type: ignore[assignment]

    def link(self, source: Any, target: Any, **more: Any) -> None:
        path = os.path.abspath(os.fspath(target))
        record = None
        if RECORD.fullmatch(path):
            with open(source, "rb") as file:
                record = json.loads(file.read())["record"]
            self.before(path, record)
        self._link(source, target, **more)
        self.linked = (path, record) if record else None

    def fsync(self, descriptor: Any) -> None:
        self._fsync(descriptor)
        linked, self.linked = self.linked, None
        if linked:
            self.after(*linked)

    def before(self, path: str, record: dict[str, Any]) -> None:
        kind, step = record["kind"], record["step"]
        if kind == "begin":
            self.kinds[step] = (record["action"] or {}).get("type", "")
            if self.point == "unbegun" and self.kinds[step] == self.kind:
                self.stop(path, step)
        elif kind == "end" and self.kinds.get(step) == self.kind:
            late = self.point == "during" and step == self.step
            if late or self.point == "done":
                self.stop(path, step, quick=late)

    def after(self, path: str, record: dict[str, Any]) -> None:
        kind, step = record["kind"], record["step"]
        if self.kinds.get(step) != self.kind:
            return
        if (kind, self.point) in (("begin", "begun"), ("end", "ended")):
            self.stop(path, step)
        elif (kind, self.point) == ("begin", "during") and not self.step:
            self.step = step
            threading.Thread(target=self.wait, args=(path, step), daemon=True).start()

    def wait(self, path: str, step: str) -> None:
        time.sleep(self.delay)
        self.stop(path, step)

    def stop(self, path: str, step: str, *, quick: bool = False) -> None:
        if not self.over.acquire(blocking=False):
            return
        with open(f"{self.told}.new", "w") as file:
            json.dump({"record": path, "step": step, "quick": quick}, file)
        os.replace(f"{self.told}.new", self.told)
        os.kill(os.getpid(), signal.SIGSTOP)


if ASKED:
    # What it starts itself is left alone.
    del os.environ["STOP_AT"]
    Stopper(**json.loads(ASKED)).install()
