"""The only place that prints: where screens go, how wide they are, whether in colour, and what is asked."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

_ASCII = str.maketrans({"·": "-", "→": ">", "…": "~", "✔": "+", "✘": "x", "─": "-", "↳": ">"})
NARROWEST = 40


class Output:
    """Standard output and error of one process. A reader that went away (`| head`) is no error."""

    def __init__(self, out: TextIO, err: TextIO, stdin: TextIO, environ: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self._in = stdin
        self._environ = environ
        self.closed = False

    @property
    def width(self) -> int:
        """Columns of the terminal (COLUMNS wins; 80 where there is none)."""
        return max(shutil.get_terminal_size((80, 24)).columns, NARROWEST)

    @property
    def height(self) -> int:
        return shutil.get_terminal_size((80, 24)).lines

    @property
    def is_terminal(self) -> bool:
        """Whether people watch standard output, on something that can move its cursor."""
        return _is_terminal(self._out) and self._environ.get("TERM", "") not in ("", "dumb")

    @property
    def can_ask(self) -> bool:
        """Whether somebody can answer."""
        return _is_terminal(self._in) and (_is_terminal(self._out) or _is_terminal(self._err))

    @property
    def color(self) -> bool:
        return self.is_terminal and not self._environ.get("NO_COLOR")

    @property
    def error_color(self) -> bool:
        return _is_terminal(self._err) and self.color_wanted

    @property
    def color_wanted(self) -> bool:
        return not self._environ.get("NO_COLOR") and self._environ.get("TERM", "") not in ("", "dumb")

    def show(self, text: str) -> None:
        """A screen, to standard output."""
        self._write(self._out, text + "\n")

    def tell(self, text: str) -> None:
        """A remark that is not the answer (errors, notes, progress beside JSON), to standard error."""
        self._write(self._err, text + "\n")

    def raw(self, text: str) -> None:
        """Text as it is, without a newline: a live view that redraws itself."""
        self._write(self._out, text)

    def data(self, content: bytes) -> None:
        """Bytes as they are (JSON, a command's own output)."""
        if self.closed:
            return
        try:
            self._out.flush()
            self._out.buffer.write(content)
            self._out.flush()
        except BrokenPipeError:
            self._gone()

    def error_data(self, content: bytes) -> None:
        """Bytes of a command's own standard error."""
        try:
            self._err.flush()
            self._err.buffer.write(content)
            self._err.flush()
        except BrokenPipeError:
            return

    def ask(self, question: str) -> str:
        """One answer from the terminal; "" where the input ends. Ctrl-C here means no at once."""
        import signal
        import threading

        stream = self._out if _is_terminal(self._out) else self._err
        _forget_typed_ahead(self._in)
        if threading.current_thread() is not threading.main_thread():
            # The loop in the main thread hears Ctrl-C.
            self._write(stream, f"{question} ")
            return _one_line(self._in.fileno())
        # This comes before the question is seen: whoever answers it with Ctrl-C is heard.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self._write(stream, f"{question} ")
            return _one_line(self._in.fileno())
        except KeyboardInterrupt:
            self._write(stream, "\n")
            raise
        finally:
            signal.signal(signal.SIGINT, before)

    def _write(self, stream: TextIO, text: str) -> None:
        if stream is self._out and self.closed:
            return
        try:
            stream.write(text if _can_say(stream, text) else _plainer(stream, text))
            stream.flush()
        except BrokenPipeError:
            if stream is self._out:
                self._gone()

    def _gone(self) -> None:
        """The reader went away: be silent from now on, also in the interpreter's own flush at exit."""
        self.closed = True
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._out.fileno())
        os.close(null)


def standard_output() -> Output:
    """The process's own."""
    return Output(sys.stdout, sys.stderr, sys.stdin, os.environ)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _one_line(terminal: int) -> str:
    """A line as a terminal gives it: one for each read. In between, whoever is interrupted notices."""
    import select

    while not select.select([terminal], [], [], 0.2)[0]:
        continue
    return os.read(terminal, 4096).decode(errors="replace").strip()


def _forget_typed_ahead(stream: TextIO) -> None:
    """What was typed before the question is no answer to it."""
    import termios

    with contextlib.suppress(termios.error, OSError):
        termios.tcflush(stream.fileno(), termios.TCIFLUSH)


def _can_say(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _plainer(stream: TextIO, text: str) -> str:
    """For a terminal that has no UTF-8. One sign for one sign, so that columns stay."""
    encoding = stream.encoding or "ascii"
    return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
