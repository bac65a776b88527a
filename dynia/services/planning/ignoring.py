"""Which entries of drift are no finding for a while, since the file says so, and what has ended of that."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable

from dynia.interfaces.desired import DriftIgnore
from dynia.interfaces.errors import Refused
from dynia.interfaces.shape import Shape
from dynia.services.planning.drift_items import is_called
from dynia.services.planning.plan import Drift

MOST_DAYS = 90
_AHEAD = re.compile(r"([0-9]{1,4})(h|d|w)")
_HOURS = {"h": 1, "d": 24, "w": 168}


class Ignored(Shape):
    """One entry of drift that is none until a day is over, and why."""

    drift: Drift
    until: str
    because: str


class Silenced(Shape):
    """`counted` are findings, `ignored` are not. `notes` are sentences about entries of the file that do
    not count, in its order."""

    counted: tuple[Drift, ...]
    ignored: tuple[Ignored, ...] = ()
    notes: tuple[str, ...] = ()


NOTHING = Silenced(counted=())


def ignored(drifts: Iterable[Drift], entries: Iterable[DriftIgnore], now: float) -> Silenced:
    """At the moment `now`, in seconds since the epoch. A day is one of UTC."""
    today = day(now)
    good, notes = [], []
    for entry in entries:
        if entry.until < today:
            notes.append(f"{entry.item}: ignored until {entry.until}, which is over: it counts again")
        elif entry.until > last_day(now):
            why = f"until {entry.until} is more than {MOST_DAYS} days ahead"
            notes.append(f"{entry.item}: not ignored, since {why}")
        else:
            good.append(entry)
    counted, silent = [], []
    for drift in drifts:
        entry_of = next((entry for entry in good if is_called(drift, entry.item)), None)
        if entry_of is None:
            counted.append(drift)
        else:
            silent.append(Ignored(drift=drift, until=entry_of.until, because=entry_of.because))
    return Silenced(counted=tuple(counted), ignored=tuple(silent), notes=tuple(notes))


def until(said: str, now: float) -> str:
    """The last day that a person means: a date, or how long from now. Raises Refused."""
    ahead = _AHEAD.fullmatch(said)
    if ahead:
        meant = day(now + int(ahead[1]) * _HOURS[ahead[2]] * 3600)
    else:
        try:
            meant = datetime.date.fromisoformat(said).isoformat()
        except ValueError:
            meant = ""
        if meant != said:
            raise Refused(f"--until {said!r} is no time", hint="write it like 7d, 2w or 2026-12-03")
    if meant < day(now):
        raise Refused(f"--until {said}: {meant} is over", hint="name a day that comes")
    if meant > last_day(now):
        hint = "what is to stay belongs into the file: `dynia drift adopt`"
        raise Refused(f"--until {said}: {meant} is more than {MOST_DAYS} days ahead", hint=hint)
    return meant


def last_day(now: float) -> str:
    """The farthest day that may be named."""
    return day(now + MOST_DAYS * 86_400)


def day(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).date().isoformat()
