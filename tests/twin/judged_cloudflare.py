"""A twin of Cloudflare whose every exchange is held against the vendor's document, and a plain client for it."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx

from dynia.twin.cloudflare.server import CloudflareTwin
from dynia.twin.exchange import Exchange
from tests.openapi.judge import cloudflare
from tests.twin.judged import in_a_thread

TOKEN = "cf-a-token-for-tests-of-forty-characters"
ZONE = "example.com"
# What the twin answers beside the API, for whoever runs it.
OWN = "/twin/"


@asynccontextmanager
async def judged_cloudflare(
    database: pathlib.Path, *zones: str, **settings: Any
) -> AsyncIterator[CloudflareTwin]:
    """Everything that went over the wire must be as Cloudflare published it."""
    mistakes: list[str] = []

    def watch(seen: Exchange) -> None:
        mistakes.extend(cloudflare().mistakes(seen))

    async with CloudflareTwin(database, zones or (ZONE,), watch=watch, **settings) as twin:
        yield twin
    assert not mistakes, mistakes


@contextmanager
def cloudflare_in_a_thread(database: pathlib.Path, *zones: str, **settings: Any) -> Iterator[CloudflareTwin]:
    """For tests whose code under test has an event loop of its own."""
    with in_a_thread(lambda: judged_cloudflare(database, *zones, **settings)) as twin:
        yield twin


class Asker:
    """Plain HTTP, as curl would."""

    def __init__(self, twin: CloudflareTwin, token: str = TOKEN) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.url = twin.url
        self._client = httpx.AsyncClient(base_url=f"{twin.url}/client/v4", headers=headers)

    async def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self._client.request(method, path, json=body)

    async def zone(self, name: str = ZONE) -> str:
        (found,) = (await self("GET", f"/zones?name={name}")).json()["result"]
        return str(found["id"])

    async def record(self, type: str, name: str, content: str, **more: Any) -> dict[str, Any]:
        body = {"type": type, "name": name, "content": content, **more}
        made = await self("POST", f"/zones/{await self.zone()}/dns_records", body)
        assert made.status_code == 200, made.text
        return made.json()["result"]  # type: ignore[no-any-return]

    async def close(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def asking(database: pathlib.Path, *, token: str = TOKEN, **settings: Any) -> AsyncIterator[Asker]:
    async with judged_cloudflare(database, **settings) as twin:
        ask = Asker(twin, token)
        try:
            yield ask
        finally:
            await ask.close()
