"""Every error that a person can meet, as one tree.

::

    DyniaError            exit 1   something is wrong, said in words
    ├── BadInput          exit 1   mistakes in a file of the user's, each with file:line:column
    ├── Refused           exit 1   a guard, a hold, or the answer "no"
    ├── NotKept           exit 1   the state could not be written
    │   └── NotBegun               so a step was not begun; exit 7 where others were
    ├── NotObservedError  exit 4   nothing can be claimed: a node or a vendor did not answer
    ├── Locked            exit 5   another run holds the lock
    ├── Stale             exit 6   something changed since the plan was made
    ├── ApplyFailed       exit 7   stopped part way; run it again to go on
    │   └── ReleaseFailed          its gate says no, and nothing else is to blame: it may go back (exit 8, 9)
    └── Interrupted       exit 130 stopped by a signal; state saved, lock freed

A message says what is wrong and where; a hint says what to do next. `dynia.interfaces.cli` shows an
error once and exits with its code. `raise ... from` keeps the cause for ``--debug``.
"""

from __future__ import annotations

from typing import ClassVar

from dynia.interfaces.shape import Shape


class DyniaError(Exception):
    """Base of the tree. `message` is one sentence; `hint` is the next thing to do, or empty."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Mistake(Shape):
    """One mistake in a file. `line` and `column` count from 1; `key` is the dotted key path or empty.

    `text` is the offending line without its newline; `width` is how many columns to underline.
    """

    file: str
    line: int
    column: int
    key: str
    message: str
    text: str = ""
    width: int = 1
    hint: str = ""
    rule: str = ""


class BadInput(DyniaError):
    """One or more mistakes in input files; nothing was touched (law 12)."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        if not mistakes:
            raise ValueError("BadInput needs at least one mistake")
        first = mistakes[0]
        super().__init__(
            f"{first.file}:{first.line}:{first.column}  {first.key}: {first.message}",
            hint=first.hint,
        )
        self.mistakes = mistakes


class Refused(DyniaError):
    """A guard said no, or the person did."""


class NotKept(DyniaError):
    """The place where the state is kept refused. What was recorded before counts."""


class NotBegun(NotKept):
    """A step of which not even the beginning could be recorded: nothing was done for it."""


class NotObservedError(DyniaError):
    """Something did not answer, so nothing is claimed about it (law 6)."""

    exit_code = 4


class Locked(DyniaError):
    """Another run holds the cluster's lock (law 11)."""

    exit_code = 5


def fenced(where: str, seen: str) -> Locked:
    """A node has seen a run with a higher number than this one's, and does nothing for this one."""
    return Locked(
        f"{where}another run took over: its lock has number {seen or '?'}, higher than this run's",
        hint="nothing was touched there. Run this again when the other one has ended; if there is none, this "
        "state is older than what the node has seen: `dynia state unlock --above N`",
    )


class Stale(DyniaError):
    """What was observed for the plan is no longer so (law 4)."""

    exit_code = 6


class ApplyFailed(DyniaError):
    """An apply stopped part way. What was done is in the state; the next apply goes on."""

    exit_code = 7


class ReleaseFailed(ApplyFailed):
    """A release did not become well, or did not stay so, on a node that has no trouble of its own."""


class Interrupted(DyniaError):
    """Stopped by a signal. What was in flight was finished, the state is saved, the lock is free."""

    exit_code = 130
