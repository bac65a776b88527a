"""Headless Chromium by its debugging pipe: one process, one page at a time, every request that it makes counted."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
)
_HANDS_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
Answer = dict[str, Any]


class Chromium:
    """What it reads is its file descriptor 3, what it says comes from its 4: JSON, ended by a null byte."""

    def __init__(self, home: Path) -> None:
        assert PROGRAM is not None, "sh scripts/test-tools.sh"
        down, up = os.pipe(), os.pipe()
        # Above 3 and 4, whatever is free here.
        reads, says = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (down[0], up[1]))
        own = f"--user-data-dir={home}"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _HANDS_OVER, str(reads), str(says), PROGRAM, *_ARGUMENTS, own],
            pass_fds=(reads, says),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for descriptor in (down[0], up[1], reads, says):
            os.close(descriptor)
        self._down, self._up = down[1], up[0]
        self._numbers, self._buffer = itertools.count(1), b""
        self.events: list[Answer] = []
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        target = self.say("Target.createTarget", url="about:blank")["targetId"]
        self._page = self.say("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def say(self, method: str, session: str = "", **given: object) -> Answer:
        """The answer to one command."""
        number = next(self._numbers)
        told = {
            "id": number,
            "method": method,
            "params": given,
            **({"sessionId": session} if session else {}),
        }
        os.write(self._down, json.dumps(told).encode() + b"\0")
        while (heard := self._heard()).get("id") != number:
            self.events.append(heard)
        assert "error" not in heard, (method, heard["error"])
        return dict(heard["result"])

    def ask(self, method: str, **given: object) -> Answer:
        """Of the page."""
        return self.say(method, self._page, **given)

    def open(self, path: Path, *, width: int, dark: bool) -> None:
        """Until it is loaded. What `requests` and `complaints` tell is of this page alone."""
        self.events.clear()
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[feature])
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        self.ask("Page.navigate", url=path.as_uri())
        while not any(one.get("method") == "Page.loadEventFired" for one in self.events):
            self.events.append(self._heard())

    @property
    def requests(self) -> list[str]:
        sent = [one["params"] for one in self.events if one.get("method") == "Network.requestWillBeSent"]
        return [str(one["request"]["url"]) for one in sent]

    @property
    def complaints(self) -> list[str]:
        """What it says of the page by itself: what a policy forbade, what is not well formed."""
        return [
            str(one["params"]["entry"]["text"])
            for one in self.events
            if one.get("method") == "Log.entryAdded"
        ]

    def told(self, script: str) -> Any:
        """What a script says in the page. Debuggers may, whatever the page's policy forbids."""
        done = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def picture(self) -> bytes:
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def printed(self) -> bytes:
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"])

    def close(self) -> None:
        os.close(self._down)
        os.close(self._up)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _heard(self) -> Answer:
        while b"\0" not in self._buffer:
            more = os.read(self._up, 1 << 20)
            assert more, "chromium ended"
            self._buffer += more
        first, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(first))
