"""What really happened in a world, in order: written by the world itself, read by the laws."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """`who` did `what` to `where`. Who: a run, a node, ``person``, ``fault``, ``world``."""

    at: float
    who: str
    what: str
    where: str = ""
    detail: str = ""
    number: float = 0.0

    def __str__(self) -> str:
        more = f" @{self.number:.3f}" if self.number else ""
        return f"{self.at:9.3f} {self.who:<9} {self.what:<12} {self.where} {self.detail}{more}".rstrip()


class Record:
    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(
        self, at: float, who: str, what: str, where: str = "", detail: str = "", number: float = 0.0
    ) -> None:
        self.entries.append(Entry(at, who, what, where, detail, number))

    def digest(self) -> str:
        hasher = hashlib.sha256()
        for entry in self.entries:
            hasher.update(str(entry).encode())
        return hasher.hexdigest()
