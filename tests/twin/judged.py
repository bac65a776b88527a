"""A twin whose every exchange is held against the vendor's document, and a plain HTTP client for it."""

from __future__ import annotations

import asyncio
import pathlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

import httpx

from dynia.twin.digitalocean.server import DigitalOceanTwin
from dynia.twin.exchange import Exchange
from tests.openapi.judge import digitalocean

Opened = TypeVar("Opened")
TOKEN = "dop_v1_a-token-for-tests"


@asynccontextmanager
async def judged_twin(database: pathlib.Path, **settings: Any) -> AsyncIterator[DigitalOceanTwin]:
    """Everything that went over the wire must be as DigitalOcean published it."""
    mistakes: list[str] = []

    def watch(seen: Exchange) -> None:
        mistakes.extend(digitalocean().mistakes(seen))

    async with DigitalOceanTwin(database, watch=watch, **{"delay": 0.02, **settings}) as twin:
        yield twin
    assert not mistakes, mistakes


@contextmanager
def twin_in_a_thread(database: pathlib.Path, **settings: Any) -> Iterator[DigitalOceanTwin]:
    """For tests whose code under test has an event loop of its own."""
    with in_a_thread(lambda: judged_twin(database, **settings)) as twin:
        yield twin


@contextmanager
def in_a_thread(make: Callable[[], AbstractAsyncContextManager[Opened]]) -> Iterator[Opened]:
    """What is opened there lives in a thread with an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def there(deed: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(deed, loop).result(timeout=30)

    async def made() -> AbstractAsyncContextManager[Opened]:
        return make()

    whole = there(made())
    try:
        yield there(whole.__aenter__())
    except BaseException as error:
        with suppress(type(error)):
            there(whole.__aexit__(type(error), error, error.__traceback__))
        raise
    else:
        there(whole.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Asker:
    """Plain HTTP, as curl would."""

    def __init__(self, twin: DigitalOceanTwin, token: str = TOKEN) -> None:
        self._client = httpx.AsyncClient(base_url=twin.url, headers={"Authorization": f"Bearer {token}"})

    async def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self._client.request(method, path, json=body)

    async def done(self, action: int) -> dict[str, Any]:
        """An action when it is no longer in progress."""
        pause = 0.005
        async with asyncio.timeout(10):
            while True:
                found = (await self("GET", f"/v2/actions/{action}")).json()["action"]
                if found["status"] != "in-progress":
                    return found  # type: ignore[no-any-return]
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.2)

    async def droplet(self, name: str = "web-1", **more: Any) -> int:
        """A droplet that is up."""
        body = {"name": name, "size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "lon1", **more}
        made = await self("POST", "/v2/droplets", body)
        assert made.status_code == 202, made.text
        assert (await self.done(made.json()["links"]["actions"][0]["id"]))["status"] == "completed"
        return int(made.json()["droplet"]["id"])

    async def close(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def asking(database: pathlib.Path, *, token: str = TOKEN, **settings: Any) -> AsyncIterator[Asker]:
    async with judged_twin(database, **settings) as twin:
        ask = Asker(twin, token)
        try:
            yield ask
        finally:
            await ask.close()


def rows(database: pathlib.Path, sql: str, *values: Any) -> list[dict[str, Any]]:
    """What the twin's database says, read from outside of it."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(sql, values)]
    finally:
        connection.close()
