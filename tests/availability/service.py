"""The service under the load: answers in the time that it is told, downloads slowly, echoes over a WebSocket.

It runs in a container of its own, so it needs nothing but Python's library. It says which node and which release
answered, and it ends at once when it is stopped, with whatever it is doing: whoever stops it must have seen to that.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import signal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PORT = 8000
LONGEST_WAIT_S = 1.0
PIECES, PIECE = 16, b"x" * 20_000
PIECE_EVERY_S = 0.25
# RFC 6455: what a server adds to the client's key, and the frames that are met here.
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE, PING, PONG = 8, 9, 10


class Service:
    """Answers connections as `node`, in `release`."""

    def __init__(self, node: str, release: str, piece_every_s: float = PIECE_EVERY_S) -> None:
        self.node = node
        self.release = release
        self.piece_every_s = piece_every_s

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request. A client that goes is no error."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while await self._answer(reader, writer):
                pass
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether another one may come."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        _, target, _ = head[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in head[1:])}
        await reader.readexactly(int(headers.get("content-length", "0")))
        url = urlsplit(target)
        match url.path:
            case "/healthz":
                self._head(writer, "200 OK", len(b"ok\n"))
                writer.write(b"ok\n")
            case "/":
                wait = float(parse_qs(url.query).get("wait", ["0"])[0])
                await asyncio.sleep(min(wait, LONGEST_WAIT_S))
                page = (
                    f"Hello from {self.node}, version {self.release}\nrequest {headers.get('x-request-id')}\n"
                )
                self._head(writer, "200 OK", len(page))
                writer.write(page.encode())
            case "/download":
                self._head(writer, "200 OK", PIECES * len(PIECE))
                for _ in range(PIECES):
                    writer.write(PIECE)
                    await writer.drain()
                    await asyncio.sleep(self.piece_every_s)
            case "/socket" if "sec-websocket-key" in headers:
                await self._socket(headers["sec-websocket-key"], reader, writer)
                return False
            case _:
                self._head(writer, "404 Not Found", 0)
        await writer.drain()
        return headers.get("connection", "").lower() != "close"

    def _head(self, writer: asyncio.StreamWriter, status: str, length: int) -> None:
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n".encode()
        )

    async def _socket(self, key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What comes goes back, until the client closes."""
        accept = base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        while True:
            first, second = await reader.readexactly(2)
            length = second & 0x7F
            if length > 125:
                return  # nobody sends that much here
            mask = await reader.readexactly(4)
            masked = await reader.readexactly(length)
            content = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
            kind = first & 0x0F
            if kind != PONG:
                writer.write(bytes((0x80 | (PONG if kind == PING else kind), length)) + content)
                await writer.drain()
            if kind == CLOSE:
                return


async def main(service: Service) -> None:
    # The first process of a container gets no default signal handlers: without this a stop takes 10 s.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    async with await asyncio.start_server(service.serve, "0.0.0.0", PORT, backlog=1024) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Service(Path("/etc/node-name").read_text().strip(), os.environ["RELEASE"])))
