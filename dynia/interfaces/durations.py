"""Durations as people write them (200ms, 30s, 1m30s), and as they say them."""

from __future__ import annotations

import re

PATTERN = r"^([0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|h))+$"
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """The duration in seconds. The text must match `PATTERN`."""
    return round(sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text)), 6)


def written(duration: float) -> str:
    """The shortest way to write it: 0.2 is 200ms, 90 is 90s."""
    if duration < 1:
        return f"{duration * 1000:g}ms"
    return f"{duration:g}s"


def span(duration: float) -> str:
    """A duration as people say it: 18 s, 4 min, 3 h, 12 d."""
    whole = max(int(duration), 0)
    if whole < 100:
        return f"{whole} s"
    if whole < 100 * 60:
        return f"{round(whole / 60)} min"
    if whole < 48 * 3600:
        return f"{round(whole / 3600)} h"
    return f"{round(whole / 86400)} d"
