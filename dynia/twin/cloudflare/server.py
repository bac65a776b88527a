"""Cloudflare's side of the HTTP server: its tokens, its limit, its envelope, and the zones behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from dynia.twin.cloudflare import api, authority, limits, zones
from dynia.twin.cloudflare.edge import NETWORKS, Edge, Quota, Token, failure
from dynia.twin.cloudflare.nameserver import NameServer, Publisher
from dynia.twin.cloudflare.schema import SCHEMA
from dynia.twin.database import Database
from dynia.twin.exchange import Json, Refusal
from dynia.twin.faults import Script
from dynia.twin.routes import Route
from dynia.twin.server import REQUESTS, Twin, Watch

ROOTS = "/twin/origin-ca.pem"


class CloudflareTwin(Twin[Edge]):
    """An account with `zone_names` at ``url`` + ``/client/v4``. All it knows is in the file at `path`.

    `tokens` maps a token to what it may do in each zone; without it any token may do anything. `name_server`
    serves the zones; without one nobody does. `networks` are what Cloudflare's proxy comes from. `watch`
    sees every exchange, without the token.
    """

    def __init__(
        self,
        path: Path,
        zone_names: Sequence[str] = (),
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        quota: Quota | None = None,
        tokens: Mapping[str, Token] | None = None,
        networks: Sequence[str] = (),
        name_server: NameServer | None = None,
        faults: Script | None = None,
        watch: Watch | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        database = Database(path, REQUESTS + SCHEMA)
        edge = Edge(
            database=database,
            quota=quota or Quota(),
            tokens=tokens,
            clock=clock,
            networks=tuple(networks) or tuple(NETWORKS.split()),
        )
        for name in zone_names:
            zones.add(edge, name)
        self._publisher = Publisher(edge, name_server)
        super().__init__(
            database, api.ROUTING, edge, host=host, port=port, faults=faults, watch=watch, clock=clock
        )

    def _more(self, application: web.Application) -> None:
        application.router.add_route("GET", ROOTS, self._roots)

    async def _roots(self, request: web.Request) -> web.Response:
        """The Origin CA's own certificates, as Cloudflare has them on a page of its documentation."""
        roots = [authority.root(self._world, type)[1] for type in authority.TYPES]
        return web.Response(text="".join(one.public_bytes(Encoding.PEM).decode() for one in roots))

    def _admit(self, token: str, operation: str, route: Route[Edge] | None) -> None:
        """What a token may do is asked by who answers: it depends on the zone."""
        if operation != api.IPS:
            if not token:
                raise Refusal(400, "9106", "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
            if self._world.tokens is not None and token not in self._world.tokens:
                if operation == api.VERIFY:
                    raise Refusal(401, "1000", "Invalid API Token")
                raise Refusal(403, "9109", "Invalid access token")
        limits.check(self._world)

    def _said(self, refusal: Refusal) -> Json:
        return failure(refusal)

    def _mishap(self, status: int) -> Refusal:
        if status == 400:
            return Refusal(status, "6007", "Malformed JSON in request body")
        if status == 404:
            return Refusal(status, "7000", "No route for that URI")
        if status == 429:
            return Refusal(status, "10429", limits.SLOW)
        return Refusal(status, "1101", "Internal server error")

    async def _performed(self) -> None:
        await self._publisher.publish()

    async def _started(self) -> None:
        await self._publisher.all()

    async def _stopped(self) -> None:
        await self._publisher.stop()
