"""A proof counts as told only when every server of the zone tells it."""

from __future__ import annotations

import asyncio
import pathlib
import socket
import threading

import dns.flags
import dns.message
import dns.rrset
import pytest

from dynia.interfaces.errors import NotObservedError
from dynia.providers.dns.visible import ZoneServers, wait_until_told
from tests.contract.bind import Bind

ZONE, NAME = "example.test", "_acme-challenge.api.example.test"


class Follower:
    """The zone's second server: it answers with what it was given, at port 53 of an address of loopback."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.asked = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for number in range(1, 250):
            self.address = f"127.53.0.{number}"
            try:
                self._socket.bind((self.address, 53))
                break
            except OSError:
                continue
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """From now on it says nothing."""
        self._socket.sendto(b"", (self.address, 53))
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            raw, who = self._socket.recvfrom(4096)
            if not raw:
                return
            question = dns.message.from_wire(raw)
            answer = dns.message.make_response(question)
            answer.flags |= dns.flags.AA
            if self.texts:
                name = question.question[0].name
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *self.texts))
            self._socket.sendto(answer.to_wire(), who)
            self.asked.set()


def test_a_second_server_that_follows_later_is_waited_for(tmp_path: pathlib.Path) -> None:
    first, second = Bind(tmp_path, ZONE), Follower()
    asked = ZoneServers(address=first.address, port=first.port)
    try:
        first.by_hand(
            ZONE,
            ("+", ZONE, "NS ns2.example.test."),
            ("+", "ns2.example.test", f"A {second.address}"),
            ("+", NAME, "TXT proof"),
        )

        async def play() -> None:
            waiting = asyncio.create_task(wait_until_told(ZONE, {NAME: "proof"}, asked))
            await asyncio.to_thread(second.asked.wait, 60)
            assert not waiting.done()
            second.texts.append("proof")
            await waiting

        asyncio.run(play())
        second.stop()
        # one that says nothing at all does not stop anybody
        asyncio.run(wait_until_told(ZONE, {NAME: "proof"}, asked))
    finally:
        first.stop()


def test_a_zone_that_nobody_serves_there_is_not_waited_for(tmp_path: pathlib.Path) -> None:
    served = Bind(tmp_path, ZONE)
    served.stop()
    asked = ZoneServers(address=served.address, port=served.port)
    with pytest.raises(NotObservedError, match="its servers cannot be found"):
        asyncio.run(wait_until_told(ZONE, {NAME: "proof"}, asked))
