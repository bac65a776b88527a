"""A server on loopback that misbehaves on purpose, request by request, and remembers what it did."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Sequence
from enum import Enum, auto
from types import TracebackType

from tests.availability.loopback import on_loopback
from tests.availability.wire import Target

NODES = ("north", "south")
RELEASE = "1"
HEAD = "HTTP/1.1 200 OK\r\nContent-Length: "


class Deed(Enum):
    """What it does to a request."""

    ANSWER = auto()
    ANSWER_AND_LEAVE = auto()  # a good answer; then the connection is closed, and nobody was told
    CLOSE = auto()
    CLOSE_ONCE = auto()  # when it is sent again, it is answered
    RESET = auto()
    RESET_ONCE = auto()
    CUT = auto()  # half of the answer, then the end
    CUT_BY_RESET = auto()
    FAIL = auto()  # 503
    OF_ANOTHER = auto()  # the answer to another request
    OLD = auto()  # a release that nobody expects
    FOREIGN = auto()  # somebody else's page
    HANG = auto()


class Crooked:
    """``with Crooked(deeds) as crooked:``; request `n` is done `deeds[n % len(deeds)]` to.

    `first`: request -> whether it was first seen on a connection that had carried another one, and so may be sent again.
    """

    def __init__(self, *deeds: Deed) -> None:
        self._deeds: Sequence[Deed] = deeds
        self._open = contextlib.ExitStack()
        self.first: dict[int, bool] = {}
        self.seen: list[int] = []
        self.port = 0

    @property
    def target(self) -> Target:
        return Target(address="127.0.0.1", port=self.port)

    def deed(self, number: int) -> Deed:
        return self._deeds[number % len(self._deeds)]

    def __enter__(self) -> Crooked:
        self.port = self._open.enter_context(on_loopback(self._serve))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        used = False
        try:
            while await self._request(used, reader, writer):
                used = True
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client went
        finally:
            writer.close()

    async def _request(self, used: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        number = int(re.findall(r"(?i)x-request-id: (\d+)", head)[0])
        if length := re.findall(r"(?i)content-length: (\d+)", head):
            await reader.readexactly(int(length[0]))
        again = number in self.first
        self.first.setdefault(number, used and head.startswith("GET"))
        self.seen.append(number)
        deed = self.deed(number)
        page = f"Hello from {NODES[number % 2]}, version {RELEASE}\nrequest {number}\n"
        match deed:
            case Deed.HANG:
                await asyncio.Event().wait()
            case Deed.CLOSE | Deed.CLOSE_ONCE if deed is Deed.CLOSE or not again:
                return False
            case Deed.RESET | Deed.RESET_ONCE if deed is Deed.RESET or not again:
                reset(writer)
                return False
            case Deed.CUT | Deed.CUT_BY_RESET:
                writer.write(f"{HEAD}{len(page)}\r\n\r\n{page[:10]}".encode())
                await writer.drain()
                if deed is Deed.CUT_BY_RESET:
                    reset(writer)
                return False
            case Deed.FAIL:
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
                return True
            case Deed.OF_ANOTHER:
                page = page.replace(f"request {number}", f"request {number + 1}")
            case Deed.OLD:
                page = page.replace("version 1", "version 0")
            case Deed.FOREIGN:
                page = "It works!"
        writer.write(f"{HEAD}{len(page)}\r\n\r\n{page}".encode())
        await writer.drain()
        return deed is not Deed.ANSWER_AND_LEAVE and "connection: close" not in head.lower()


def reset(writer: asyncio.StreamWriter) -> None:
    """Its end is a reset, not a close."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
