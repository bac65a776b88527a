"""What may come of any input: accepted, or refused in words; nothing else, in bounded time, and harmless to look at."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dynia.commands.screens.error import error_text
from dynia.interfaces.errors import BadInput, DyniaError

# Of the process's own CPU time: a busy machine makes nobody a hang.
MOST_CPU_S = 20.0
WIDTHS = (80, 40)
# Whatever a terminal could obey: C0 but newline, DEL, C1, direction marks, line and paragraph separators, halves of
# characters (which cannot be written at all).
_HARMFUL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


@dataclass(frozen=True)
class Verdict:
    """`outcome` is "accepted", or "refused: " with the rule or the kind of error."""

    outcome: str

    @property
    def accepted(self) -> bool:
        return self.outcome.startswith("accepted")


class Broken(AssertionError):
    """An input did what none may do."""


class Hung(Broken):
    """It took more CPU time than any input may."""


@contextlib.contextmanager
def bounded(seconds: float = MOST_CPU_S) -> Iterator[None]:
    """`Hung` in the middle of whatever takes longer."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise Hung(f"still busy after {seconds:g} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def harmless(texts: Iterable[str], what: str) -> None:
    """Nothing in them may move a cursor, hide or turn around text."""
    for text in texts:
        found = _HARMFUL.search(text)
        if found:
            around = text[max(0, found.start() - 30) : found.end() + 30]
            raise Broken(f"{what} would show U+{ord(found.group()):04X}: {around!r}")


def refused(error: DyniaError) -> Verdict:
    """The error as every screen shows it, looked at; and what it comes to."""
    for width in WIDTHS:
        harmless((error_text(error, width=width),), "the error")
    if isinstance(error, BadInput):
        for each in error.mistakes:
            if not each.message or not each.rule or min(each.line, each.column, each.width) < 1:
                raise Broken(f"a mistake without a place or a rule: {each}")
        return Verdict(f"refused: {error.mistakes[0].rule}")
    if not error.message.strip():
        raise Broken(f"an error without words: {error!r}")
    return Verdict(f"refused: {type(error).__name__}")
