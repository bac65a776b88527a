"""DigitalOcean's side of the HTTP server: its tokens, limits, refusals and headers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web

from dynia.twin.database import Database
from dynia.twin.digitalocean import api, limits, metadata
from dynia.twin.digitalocean.bodies import Bodies, Bodiless
from dynia.twin.digitalocean.cloud import Cloud, Quota, not_found
from dynia.twin.digitalocean.schema import SCHEMA
from dynia.twin.digitalocean.work import Work
from dynia.twin.exchange import Answer, Call, Json, Refusal
from dynia.twin.faults import Script
from dynia.twin.routes import Route
from dynia.twin.server import REQUESTS, Twin, Watch, digest


class DigitalOceanTwin(Twin[Cloud]):
    """An account at ``url``, from ``async with`` on. All it knows is in the file at `path`.

    `tokens` maps a token to its scopes (None: all of them); without it any token has all scopes. `delay` is
    how long an action takes at least, in seconds. `watch` sees every exchange, without the token.
    """

    def __init__(
        self,
        path: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        bodies: Bodies | None = None,
        quota: Quota | None = None,
        tokens: Mapping[str, frozenset[str] | None] | None = None,
        delay: float = 2.0,
        faults: Script | None = None,
        watch: Watch | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        database = Database(path, REQUESTS + SCHEMA)
        self._cloud = Cloud(database, bodies or Bodiless(), quota or Quota(), clock)
        self._tokens = tokens
        self._work = Work(self._cloud, delay)
        super().__init__(
            database,
            api.ROUTING,
            self._cloud,
            host=host,
            port=port,
            faults=faults,
            watch=watch,
            clock=clock,
        )

    def _admit(self, token: str, operation: str, route: Route[Cloud] | None) -> None:
        if not token or (self._tokens is not None and token not in self._tokens):
            raise Refusal(401, "Unauthorized", "Unable to authenticate you")
        scopes = self._tokens[token] if self._tokens is not None else None
        if scopes is not None and route and not scopes.issuperset(route.scopes):
            raise Refusal(403, "Forbidden", "You are not authorized to perform this operation")
        limits.check(self._cloud, digest(token), operation)

    def _said(self, refusal: Refusal) -> Json:
        return {"id": refusal.id, "message": refusal.message, "request_id": str(uuid.uuid4())}

    def _mishap(self, status: int) -> Refusal:
        if status == 400:
            return Refusal(status, "bad_request", "The request body is not JSON.")
        if status == 404:
            return not_found()
        if status == 429:
            return Refusal(status, "too_many_requests", limits.SLOW)
        return Refusal(status, "server_error", "Server was unable to give you a response.")

    def _headers(self, token: str) -> Mapping[str, str]:
        return {**limits.headers(self._cloud, token), "x-request-id": str(uuid.uuid4())}

    def _perform(self, route: Route[Cloud], call: Call, *, doomed: bool) -> Answer:
        self._cloud.doomed = doomed
        try:
            return super()._perform(route, call, doomed=doomed)
        except BaseException:
            self._cloud.begun.clear()
            self._cloud.deleted.clear()
            raise
        finally:
            self._cloud.doomed = False

    def _more(self, application: web.Application) -> None:
        application.router.add_get(f"{metadata.ROOT}{{path:.*}}", self._metadata)

    async def _metadata(self, request: web.Request) -> web.Response:
        found = metadata.answer(self._cloud, request.remote or "", request.match_info["path"])
        return web.Response(status=404, text="not found") if found is None else web.Response(text=found)

    async def _performed(self) -> None:
        self._work.take_up()

    async def _started(self) -> None:
        self._work.resume()

    async def _stopped(self) -> None:
        await self._work.stop()
