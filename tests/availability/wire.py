"""One connection of the load's: requests on it, one after the other, and what became of each."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from enum import StrEnum

import h11

from dynia.interfaces.shape import Shape

# Nothing else is ever asked: the lab's networks (RFC 2544) and this machine.
ALLOWED = tuple(ipaddress.ip_network(one) for one in ("198.18.0.0/15", "127.0.0.0/8"))


class Outcome(StrEnum):
    """What became of a request. Everything but the first is a failure."""

    OK = "ok"
    REFUSED = "refused"  # no connection came about
    UNANSWERED = "unanswered"  # it was closed or reset before any byte of the answer
    CUT = "cut"  # it was closed or reset in the middle of the answer
    STATUS = "status"  # another status than wanted
    WRONG = "wrong"  # an answer that is not ours: of another request, or of a release that nobody expects
    TIMEOUT = "timeout"


class Lost(Exception):
    """A request that has no good answer."""

    def __init__(self, outcome: Outcome, why: str) -> None:
        super().__init__(f"{outcome}: {why}")
        self.outcome = outcome


class Target(Shape):
    """Who is asked, as whom: over TLS where `tls` is given, which then verifies the name `host`."""

    address: str
    port: int = 80
    host: str = "load.test"
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        if not any(ipaddress.ip_address(self.address) in network for network in ALLOWED):
            raise ValueError(f"{self.address} gets no load: only {', '.join(map(str, ALLOWED))} do")


class Link:
    """An open connection. `used`: it has carried an answer already, so it may be closed under the next request."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.used = False
        self._host = host
        self._began = False
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, target: Target) -> Link:
        name = target.host if target.tls else None
        try:
            streams = await asyncio.open_connection(
                target.address, target.port, ssl=target.tls, server_hostname=name
            )
        except OSError as error:
            raise Lost(Outcome.REFUSED, repr(error)) from error
        return cls(target.host, *streams)

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        wanted: int = 200,
    ) -> bytes:
        """The body of an answer with the status that is `wanted`; `Lost` says what there was instead."""
        if self.used:
            self._http.start_next_cycle()
        named = {"Host": self._host, **(headers or {})}
        if body:
            named["Content-Length"] = str(len(body))
        request = h11.Request(method=method, target=path, headers=list(named.items()))
        events = (request, *((h11.Data(data=body),) if body else ()), h11.EndOfMessage())
        self._began = False
        try:
            self.writer.write(b"".join(self._http.send(event) or b"" for event in events))
            await self.writer.drain()
            status, content = await self._answer()
        except (OSError, h11.RemoteProtocolError) as error:
            raise Lost(Outcome.CUT if self._began else Outcome.UNANSWERED, repr(error)) from error
        if status != wanted:
            raise Lost(Outcome.STATUS, f"{status} {content[:200].decode(errors='replace')}")
        self.used = True
        return content

    async def _answer(self) -> tuple[int, bytes]:
        status, content = 0, bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = await self.reader.read(65536)
                if not data and not self._began:
                    raise ConnectionResetError("closed before any byte of the answer")
                self._began = True
                self._http.receive_data(data)
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                return 101, b""
            elif isinstance(event, h11.Data):
                content += event.data
            elif isinstance(event, h11.EndOfMessage):
                return status, bytes(content)

    @property
    def open_for_more(self) -> bool:
        """Another request may be sent: the last answer is whole, nobody has said that it is the last, and nobody
        has closed the connection meanwhile."""
        done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        return done and not self.reader.at_eof() and self.reader.exception() is None

    def close(self) -> None:
        # Not `close`: over TLS, or with something unsent, that would wait for the other end, which may be frozen.
        self.writer.transport.abort()
