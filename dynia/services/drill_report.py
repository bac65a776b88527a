"""What a drill saw, worked out from its probes: pure."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.shape import Shape


class Probe(Shape):
    """One question at the entry address. `at` is when it was asked, in seconds since the drill began; `node`
    is who answered, empty for nobody in time."""

    at: float
    seconds: float
    node: str = ""


class Stretch(Shape):
    """From `begin` to `end` each question was answered by `node`; empty: by nobody."""

    node: str
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return round(self.end - self.begin, 3)


class DrillReport(Shape):
    """A drill as it was seen. `at` is when it began, seconds since the epoch.

    `taken` is who answered after the handover, empty if nobody else did; `lost` the seconds without an answer
    from then until `taken` answered, `lost_back` those while it was handed back. `settled`: a look at the end
    found everything as before, else `amiss` says what it found.
    """

    cluster: str
    entry: str
    address: str
    holder: str
    taken: str
    hard: bool
    at: int
    lost: float
    lost_back: float
    probes: int
    unanswered: int
    slowest: float
    settled: bool
    answered: tuple[Stretch, ...]
    amiss: str = ""


def stretches(probes: Iterable[Probe]) -> tuple[Stretch, ...]:
    """Who answered when: a stretch ends where the next one begins."""
    found: list[Stretch] = []
    for probe in sorted(probes, key=lambda p: p.at):
        if found and found[-1].node == probe.node:
            found[-1] = Stretch(node=probe.node, begin=found[-1].begin, end=probe.at)
            continue
        if found:
            found[-1] = Stretch(node=found[-1].node, begin=found[-1].begin, end=probe.at)
        found.append(Stretch(node=probe.node, begin=probe.at, end=probe.at))
    return tuple(found)


def lost(found: Iterable[Stretch], begin: float, end: float) -> float:
    """Seconds between two moments in which questions had no answer."""
    silent = (s for s in found if not s.node)
    return round(sum(max(0.0, min(s.end, end) - max(s.begin, begin)) for s in silent), 3)
