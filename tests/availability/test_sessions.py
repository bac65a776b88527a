"""WebSockets and downloads: both ends against each other, the service against somebody else's client, and broken ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from tests.availability.client import Client, Kind
from tests.availability.service import MAGIC, Service
from tests.availability.sessions import DOWNLOADED, Session, session
from tests.availability.wire import Outcome, Target

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def at(serve: Serve, ask: Callable[[Target], Awaitable[Session]]) -> Session:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        return await ask(Target(address="127.0.0.1", port=server.sockets[0].getsockname()[1]))


def service() -> Service:
    return Service("north", "7", piece_every_s=0)


@pytest.mark.parametrize("kind", ["socket", "download"])
def test_a_session_that_comes_to_its_end_is_good(kind: str) -> None:
    async def live(target: Target) -> Session:
        return await session(kind, target, every_s=0)

    found = asyncio.run(at(service().serve, live))
    assert found.outcome is Outcome.OK, found.why


def breaking(head: bytes, *then: bytes) -> Serve:
    """Answers with a head, lets the client speak before each further piece, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        for piece in then:
            await reader.read(100)
            writer.write(piece)
        writer.close()

    return serve


SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 320000\r\n\r\nxxxx"
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nxxxx"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("kind", "serve", "outcome"),
    [
        ("download", breaking(b""), Outcome.UNANSWERED),
        ("download", breaking(BEGUN), Outcome.CUT),
        ("download", breaking(SHORT), Outcome.WRONG),
        ("download", breaking(UNAVAILABLE), Outcome.STATUS),
        ("socket", breaking(b""), Outcome.UNANSWERED),
        ("socket", breaking(UNAVAILABLE), Outcome.STATUS),
        ("socket", breaking(SWITCHED), Outcome.CUT),
        ("socket", breaking(SWITCHED, b"\x81\x06word 0"), Outcome.CUT),
        ("socket", breaking(SWITCHED, b"\x88\x02\x03\xe9"), Outcome.CUT),
        ("socket", breaking(SWITCHED, b"\x81\x06word 1"), Outcome.WRONG),
    ],
)
def test_a_session_that_breaks_is_counted_by_how(kind: str, serve: Serve, outcome: Outcome) -> None:
    async def live(target: Target) -> Session:
        return await session(kind, target, every_s=0)

    found = asyncio.run(at(serve, live))
    assert found.outcome is outcome, found.why


def test_the_service_speaks_as_another_client_understands() -> None:
    """What is written by hand at both ends could be wrong at both."""

    async def live(target: Target) -> Session:
        url = f"http://{target.address}:{target.port}"
        async with aiohttp.ClientSession() as client:
            async with client.post(f"{url}/?wait=0.01", headers={"X-Request-Id": "5"}, data=b"?") as answer:
                assert await answer.text() == "Hello from north, version 7\nrequest 5\n"
            async with client.get(f"{url}/download") as answer:
                assert len(await answer.read()) == DOWNLOADED
            async with client.get(f"{url}/elsewhere") as answer:
                assert answer.status == 404
            async with client.ws_connect(f"{url}/socket") as link:
                await link.send_str("word")
                assert await link.receive_str() == "word"
                await link.ping(b"there?")
                await link.close()
                assert link.close_code == 1000
        return await session("socket", target, every_s=0)

    assert len(MAGIC) == 36
    assert asyncio.run(at(service().serve, live)).outcome is Outcome.OK


def test_the_time_that_the_service_takes_is_not_counted() -> None:
    async def live(target: Target) -> Session:
        client = Client(target, timeout_s=30)
        asked = await client.ask(3, Kind(), due=0, wait=0.2)
        assert asked.good and (asked.node, asked.release) == ("north", "7")
        assert asked.end - asked.begin >= 0.2 > 0
        assert asked.seconds == pytest.approx(asked.end - asked.begin - 0.2)
        return await session("download", target)

    asyncio.run(at(service().serve, live))
