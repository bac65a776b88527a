"""What answers at the entry address, and what a service's health path answers through a node."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.errors import NotObservedError
from dynia.interfaces.observed import NotObserved
from dynia.providers.ssh.answers import parse_service_answer
from dynia.services.ask_entry import answer_of
from dynia.services.planning.matrix import to_ask
from tests.fuzz import screens
from tests.fuzz.target import Target
from tests.plans import worlds

WORD = "0123456789abcdef0123456789abcdef"


class EntryAnswerBytes(Target):
    name = "entry"
    weight = 100
    examples = 60

    def __init__(self) -> None:
        self._world = worlds.settled(worlds.cluster(1))
        self._name = worlds.node_named(self._world, 1)

    def good(self) -> list[bytes]:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Dynia-Node: {self._name}\r\n\r\n{WORD}"
        through = b"HTTP/1.1 200 OK\r\nX-Dynia-Release: 0123456789abcdef\r\n\r\n"
        return [
            head.encode(),
            through,
            b"curl: (60) SSL certificate problem: certificate has expired\n",
            head.replace(self._name, "other-node").encode(),
            b"HTTP/1.0 503 x\r\n\r\n",
        ]

    def attempt(self, raw: bytes) -> Iterable[str]:
        told = answer_of(raw, WORD)
        cells = tuple(
            worlds.replace(one.cell, answer=parse_service_answer(raw)) for one in to_ask(self._world)
        )
        observed = worlds.replace(self._world.observed, entry=told)
        shown = list(screens.of_world(worlds.replace(self._world, observed=observed)))
        shown += screens.of_world(self._world, cells)
        if isinstance(told, NotObserved):
            raise NotObservedError(told.reason)
        return shown
