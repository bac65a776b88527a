"""How fast and how long: calls a minute, back-off, and the bounds after which nothing is claimed."""

from __future__ import annotations

import collections
import random
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, but for counts. The defaults fit DigitalOcean: 250 calls a minute, for all that use the token.

    A call is tried `attempts` times, waiting `base` and then twice as long each time, `cap` at most, and
    never less than the vendor asks for; where it asks for more than `longest`, that is told instead. A deed
    is done `deeds` times at most, and again only after `looks` that don't see it. What is under way is
    looked at every `poll` seconds, then ever more slowly down to every `slowest`, for `within` in all.
    """

    calls: int = 200
    window: float = 60.0
    attempts: int = 6
    base: float = 0.5
    cap: float = 20.0
    longest: float = 120.0
    deeds: int = 4
    poll: float = 0.5
    slowest: float = 3.0
    within: float = 300.0
    looks: int = 4

    def back_off(self, tried: int) -> float:
        """How long to wait after the `tried`th failure, with jitter, so that runners don't march in step."""
        longest = min(self.cap, self.base * 2.0 ** (tried - 1))
        return longest * (0.5 + random.random() / 2)  # noqa: S311  (no secret)

    def next_poll(self, last: float) -> float:
        return min(self.slowest, last * 1.5)


class Pace:
    """At most `patience.calls` in any `patience.window`: whoever is too early is told how long to wait."""

    def __init__(self, patience: Patience) -> None:
        self._window = patience.window
        self._granted: collections.deque[float] = collections.deque(maxlen=patience.calls)

    def reserve(self, now: float | None = None) -> float:
        """Take the next free place; returns the seconds until it is there."""
        now = time.monotonic() if now is None else now
        full = len(self._granted) == self._granted.maxlen
        at = max(now, self._granted[0] + self._window) if full else now
        self._granted.append(at)
        return at - now
