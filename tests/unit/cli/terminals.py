"""A real terminal for tests: what is typed is put in before, what is shown is read after."""

from __future__ import annotations

import contextlib
import os
import pty
import select
from collections.abc import Iterator, Mapping

from dynia.commands.output import Output


class Terminal:
    """One pseudo terminal and the `Output` on it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.master, slave = pty.openpty()
        self._files = [os.fdopen(os.dup(slave), mode, encoding="utf-8") for mode in ("r", "w", "w")]
        os.close(slave)
        stdin, out, err = self._files
        self.output = Output(out, err, stdin, {"TERM": "xterm", **environ})

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def shown(self) -> str:
        """Everything that was shown until now."""
        seen = b""
        while select.select([self.master], [], [], 0.05)[0]:
            seen += os.read(self.master, 65536)
        return seen.decode().replace("\r\n", "\n")

    def close(self) -> None:
        for file in self._files:
            file.close()
        os.close(self.master)


@contextlib.contextmanager
def terminal(**environ: str) -> Iterator[Terminal]:
    made = Terminal(environ)
    try:
        yield made
    finally:
        made.close()
