"""The lease: who may write a cluster, under which number, and how long its silence must last (law 11).

Taking it is one record of the journal with the next fencing number, created only if absent: so one of two
wins, and whatever the former lessee still writes finds its number taken. While a run works it beats: a small
file of its number is replaced. Nobody's wall clock is compared with anybody's: a waiter counts on its own
clock for how long it has seen no new beat, and a run counts on its own for how long it has made none.
"""

from __future__ import annotations

import time

import msgspec

from dynia.interfaces.desired import LONGEST_LEASE_S, SHORTEST_LEASE_S
from dynia.interfaces.shape import Shape

TERM_S = 30.0


def boottime() -> float:
    """Seconds since this machine was started; it goes on while the machine sleeps, and nobody can set it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def bounded(term: float) -> float:
    """A term as files may say it, whatever stands in one that was edited by hand."""
    return min(max(term, SHORTEST_LEASE_S), LONGEST_LEASE_S)


def beat_every(term: float) -> float:
    """How often a run says that it lives."""
    return term / 6


def acts_for(term: float) -> float:
    """For how long after its last beat a run may begin something new. The rest of the term is the margin:
    what it began before ends within it, every call to a vendor too."""
    return term / 2


class Lessee(Shape, rename="camel"):
    """Who holds a lease, for people, and its term in seconds. `since` is seconds since the epoch by the
    lessee's clock; `url` is where its CI job is seen."""

    who: str
    host: str = ""
    pid: int = 0
    url: str = ""
    since: int = 0
    term: float = TERM_S

    def words(self) -> str:
        """Whom a message names."""
        job = f", {self.url}" if self.url and self.url not in self.who else ""
        return f"{self.who} (process {self.pid} on {self.host}{job}) since {utc(self.since)}"


class Beat(Shape, rename="camel"):
    """One sign of life. `at` is the lessee's wall clock: shown to people, compared by nobody."""

    fencing: int
    count: int
    at: int


class Watch(Shape):
    """What a waiter has seen of a lease: its number, its last beat as bytes, whatever they say, and since
    when on the waiter's own clock."""

    fencing: int = -1
    beat: bytes = b""
    since: float = 0.0

    def seen(self, fencing: int, beat: bytes, now: float) -> Watch:
        """After one more look. Anything new is a sign of life, torn or not."""
        if (fencing, beat) == (self.fencing, self.beat):
            return self
        return Watch(fencing=fencing, beat=beat, since=now)

    def over(self, term: float, now: float) -> bool:
        """Whether there was no sign of life for a whole term."""
        return self.fencing >= 0 and now - self.since >= bounded(term)


def read_beat(data: bytes) -> Beat | None:
    """For people: nothing where it is torn."""
    try:
        return msgspec.json.decode(data, type=Beat)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def utc(seconds: float) -> str:
    """A moment for people."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, OSError, ValueError):
        return "an unknown time"
