"""A person at a terminal: `dynia` on a pseudo terminal, what it shows, and what is typed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from types import TracebackType

from tests.e2e.scratch import DYNIA, Scratch


class Terminal:
    """``with Terminal(cluster, "apply") as terminal: ...``; it is gone at the end, however that came."""

    def __init__(self, cluster: Scratch, *argv: str) -> None:
        self.shown = ""
        self._hand, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [str(DYNIA), *argv],
            cwd=cluster.folder,
            env=cluster.environment(),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(timeout=10)
        os.close(self._hand)

    def wait_for(self, text: str, *, seconds: float = 120) -> None:
        """Read until the text was shown."""
        until = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < until, f"{text!r} was not shown:\n{self.shown}"
            assert self._read(), f"it ended before it showed {text!r}:\n{self.shown}"

    def answer(self, question: str, line: str) -> None:
        """Type the line if the question comes; it may end without."""
        until = time.monotonic() + 120
        while question not in self.shown and self._read():
            assert time.monotonic() < until, f"{question!r} does not come:\n{self.shown}"
        if question in self.shown:
            self.type(line)

    def type(self, line: str) -> None:
        os.write(self._hand, f"{line}\n".encode())

    def end(self, *, seconds: float = 300) -> int:
        """Read on to the end; the exit code."""
        until = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < until, f"it does not end:\n{self.shown}"
        return self._process.wait(timeout=10)

    def _read(self) -> bool:
        """Whatever came within a second; False at the end."""
        if not select.select([self._hand], [], [], 1.0)[0]:
            return self._process.poll() is None
        try:
            data = os.read(self._hand, 65536)
        except OSError:  # EIO: the other side is closed
            return False
        self.shown += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)
