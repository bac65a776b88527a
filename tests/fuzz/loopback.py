"""A vendor on loopback that answers as it was recorded, but for one call, to which it answers what it is given."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.fuzz.oracle import Broken

RECORDED = Path(__file__).parent / "recorded"
# Calls of one flow; the longest that was recorded has a tenth of it.
MOST_CALLS = 400


def recorded(name: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((RECORDED / f"{name}.json").read_bytes())
    return found


class Vendor:
    """`odd` is the answer (a whole HTTP message) to the call number `nth` and to the same call from then on."""

    def __init__(self, flow: list[dict[str, Any]], nth: int, odd: bytes) -> None:
        self._flow, self._odd = flow, odd
        one = flow[nth % len(flow)]
        self._from, self._struck = nth % len(flow), (one["method"], one["path"])
        self._told: dict[tuple[str, str], int] = {}
        self.calls = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        if self.calls > MOST_CALLS:
            raise Broken(f"it asks without end ({self.calls} calls)")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, target, _ = head.split("\r\n", 1)[0].split(" ", 2)
                lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                await reader.readexactly(int(lines.get("content-length", "0")))
                answer = self._answer(method, target.partition("?")[0])
                writer.write(answer)
                await writer.drain()
                # Whatever length it claims to have, there is no more of it.
                if answer is self._odd or self.calls > MOST_CALLS + 50:
                    break
        except (
            asyncio.IncompleteReadError,
            ConnectionError,
            asyncio.LimitOverrunError,
            asyncio.CancelledError,
        ):
            pass
        finally:
            writer.close()

    def _answer(self, method: str, path: str) -> bytes:
        self.calls += 1
        call = (method, path)
        places = [n for n, one in enumerate(self._flow) if (one["method"], one["path"]) == call]
        if not places:
            return message(
                404, b'{"id": "not_found", "message": "no such thing", "success": false, "errors": []}'
            )
        turn = self._told.get(call, 0)
        self._told[call] = turn + 1
        place = places[min(turn, len(places) - 1)]
        if call == self._struck and (place >= self._from or turn >= len(places)):
            return self._odd
        one = self._flow[place]
        return message(one["status"], b"" if one["body"] is None else json.dumps(one["body"]).encode())


def message(status: int, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1", "replace") + body
