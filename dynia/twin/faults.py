"""Faults that can be injected: by rate, by call, or both; before the deed or after it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

import msgspec

Kind = Literal["delay", "hold", "error", "cut", "late", "limit", "doom"]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that goes wrong.

    `delay`: the answer comes `seconds` later. `hold`: it comes when another script is loaded. `error`:
    `status` (5xx). `cut`: the connection is closed without an answer. `late`: so it is, and the deed is done
    `seconds` afterwards. `limit`: 429 with ``retry-after`` of `seconds`. `doom`: the call is answered as
    ever, and the action that it began ends as ``errored``. `when` is ``after`` where the deed is
    done all the same: ``cut`` after is the answer that was lost.
    """

    kind: Kind
    when: Literal["before", "after"] = "before"
    seconds: float = 0.0
    status: int = 503

    def __str__(self) -> str:
        return f"{self.kind}-{self.when}" + (f"-{self.status}" if self.kind == "error" else "")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A script's line: the calls that match meet this fault.

    `call` is a method and a path as in the vendor's document ("POST /v2/droplets/{droplet_id}/actions"), or
    ``*``. The first `skip` matching calls pass, then `times` of them meet it (0: all that follow).
    """

    call: str
    fault: Fault
    skip: int = 0
    times: int = 1


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `share` of all calls (0 to 1) meets one of `faults`, drawn with `seed`."""

    share: float
    seed: int = 0
    faults: tuple[Fault, ...] = (
        Fault("delay", seconds=0.05),
        Fault("error", status=500),
        Fault("error", status=503),
        Fault("error", "after", status=502),
        Fault("cut"),
        Fault("cut", "after"),
        Fault("limit"),
    )


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All faults of a twin, as it is read from a file or sent to ``PUT /twin/faults``."""

    rules: tuple[Rule, ...] = ()
    rate: Rate | None = None


class Faults:
    """Draws the fault of each call. A rule stands before the rate; the first that matches is it."""

    def __init__(self, script: Script | None = None) -> None:
        self.load(script or Script())

    def load(self, script: Script) -> None:
        """Another script from now on; counts begin anew, and calls that were held go on."""
        self.script = script
        self._rules: Sequence[Rule] = script.rules
        self._seen = [0] * len(script.rules)
        self._rate = script.rate
        self._chance = random.Random(script.rate.seed if script.rate else 0)  # noqa: S311  (repeatable on purpose)

    def draw(self, operation: str) -> Fault | None:
        found: Fault | None = None
        for at, rule in enumerate(self._rules):
            if rule.call not in ("*", operation):
                continue
            self._seen[at] += 1
            hit = self._seen[at] > rule.skip and (not rule.times or self._seen[at] <= rule.skip + rule.times)
            if hit and found is None:
                found = rule.fault
        if found is None and self._rate and self._chance.random() < self._rate.share:
            found = self._chance.choice(self._rate.faults)
        return found
