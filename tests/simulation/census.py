"""What was met in many worlds: nodes, steps, kinds of trouble. An empty bin means that something was never tried."""

from __future__ import annotations

from collections import Counter

from tests.simulation.story import Told

NODES = ("1", "2", "3", "4")
STEPS = ("1-19", "20-49", "50-99", "100 and more")
CODES = (
    "0 done",
    "1 refused",
    "4 not observed",
    "5 locked",
    "6 stale",
    "7 failed",
    "8 rolled back",
    "9 not rolled back",
    "10 paused",
    "130 interrupted",
    "killed",
)
NETWORK = ("lost before", "lost after", "late deed", "slow call", "old list")
MACHINES = ("node off", "reboot", "torn files", "old disk", "machine gone", "cut off", "failover")
SCRIPTS = (
    "check fails",
    "activate fails",
    "probe fails",
    "lets nobody in",
    "went back by itself",
    "sick release",
)
RUNNERS = (
    "killed",
    "killed in a write",
    "power cut",
    "frozen",
    "ctrl-c",
    "disk full",
    "two runners",
    "lease taken over",
    "rollback",
    "way back",
    "replacement",
    "left behind",
    "reboot by hand",
)
PEOPLE = (
    "person: edit",
    "person: just now",
    "person: mode",
    "person: delete",
    "person: stray file",
    "person: container",
    "person: unit",
    "person: name",
    "person: drain",
    "person: drop-in",
    "resumed",
)
PARTS = {
    "nodes": NODES,
    "steps": STEPS,
    "applies ended": CODES,
    "network": NETWORK,
    "machines": MACHINES,
    "on nodes": SCRIPTS,
    "runners": RUNNERS,
    "people": PEOPLE,
}


class Census:
    """`worlds` were counted, `applies` were run in them."""

    def __init__(self) -> None:
        self.worlds = 0
        self.applies = 0
        self.bins: dict[str, Counter[str]] = {part: Counter() for part in PARTS}

    def add(self, told: Told) -> None:
        self.worlds += 1
        self.applies += told.applies
        self.bins["nodes"][str(told.nodes)] += 1
        self.bins["steps"][_steps(told.steps)] += 1
        for code, count in told.codes.items():
            self.bins["applies ended"][_code(code)] += count
        for part in ("network", "machines", "on nodes", "runners", "people"):
            for kind in PARTS[part]:
                self.bins[part][kind] += told.fired[kind]

    def merge(self, other: Census) -> None:
        self.worlds += other.worlds
        self.applies += other.applies
        for part, counts in other.bins.items():
            self.bins[part].update(counts)

    def empty(self) -> list[str]:
        return [
            f"{part}: {kind}" for part, kinds in PARTS.items() for kind in kinds if not self.bins[part][kind]
        ]

    def lines(self) -> list[str]:
        found = []
        for part, kinds in PARTS.items():
            most = max(1, *self.bins[part].values()) if self.bins[part] else 1
            found.append(part)
            for kind in (*kinds, *sorted(set(self.bins[part]) - set(kinds))):
                count = self.bins[part][kind]
                found.append(f"  {kind:<20} {count:>8}  {'#' * (-(-40 * count // most))}")
        return found


def _steps(count: int) -> str:
    return STEPS[0] if count < 20 else STEPS[1] if count < 50 else STEPS[2] if count < 100 else STEPS[3]


def _code(code: int) -> str:
    return "killed" if code < 0 else next((c for c in CODES if c.split(" ")[0] == str(code)), str(code))
