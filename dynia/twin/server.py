"""The HTTP server of any twin: it logs calls, injects faults, and carries a deed out whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Generic, Self

import msgspec
from aiohttp import web

from dynia.twin.database import Database
from dynia.twin.exchange import Answer, Call, Exchange, Json, Refusal
from dynia.twin.faults import Fault, Faults, Script
from dynia.twin.routes import Route, Routes, World

Watch = Callable[[Exchange], None]
CONTROL = "/twin/faults"
REQUESTS = """
CREATE TABLE IF NOT EXISTS requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
  operation TEXT NOT NULL, token TEXT NOT NULL, status INTEGER NOT NULL DEFAULT 0,
  fault TEXT NOT NULL DEFAULT '', counted INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS requests_at ON requests (at);
"""


class Twin(ABC, Generic[World]):
    """A vendor at ``url``, from ``async with`` on. All it knows is in its database.

    `watch` sees every exchange, without the token. A twin of a vendor says what that vendor decides: which
    routes there are, who may call them, how a refusal and a limit read.
    """

    def __init__(
        self,
        database: Database,
        routes: Routes[World],
        world: World,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Script | None = None,
        watch: Watch | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.url = ""
        self.faults = Faults(faults)
        self._database, self._routes, self._world = database, routes, world
        self._host, self._port = host, port
        self._watch, self._clock = watch, clock
        self._runner: web.AppRunner | None = None
        self._late: set[asyncio.Task[None]] = set()

    @abstractmethod
    def _admit(self, token: str, operation: str, route: Route[World] | None) -> None:
        """Raise unless the token is known, has the scopes, and has calls left."""

    @abstractmethod
    def _said(self, refusal: Refusal) -> Json:
        """The body of a refusal."""

    @abstractmethod
    def _mishap(self, status: int) -> Refusal:
        """What the vendor says with this status: 400 no JSON, 404 no such call, 429 too many, 5xx broken."""

    def _headers(self, token: str) -> Mapping[str, str]:
        """What every answer carries; `token` is its digest."""
        return {}

    def _perform(self, route: Route[World], call: Call, *, doomed: bool) -> Answer:
        """The deed, inside a transaction. `doomed`: what it begins shall fail."""
        return route.handler(self._world, call)

    async def _performed(self) -> None:
        """What follows a deed, once it is written down."""

    async def _started(self) -> None:
        """Take up what an earlier run left undone."""

    async def _stopped(self) -> None:
        """Before the database is closed."""

    def _more(self, application: web.Application) -> None:
        """Routes that the vendor has not: for whoever runs the twin."""

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=1 << 20)
        application.router.add_route("PUT", CONTROL, self._control)
        self._more(application)
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        await self._started()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner:
            await self._runner.shutdown()
            await self._runner.cleanup()
        for task in self._late:
            task.cancel()
        await self._stopped()
        self._database.close()

    async def _control(self, request: web.Request) -> web.Response:
        """Another script of faults, from now on."""
        try:
            self.faults.load(msgspec.json.decode(await request.read(), type=Script))
        except msgspec.DecodeError as error:
            return web.Response(status=400, text=f"{error}\n")
        return web.Response(status=204)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        token = _token(request)
        matched = self._routes.match(request.method, request.path)
        operation = matched[0].operation if matched else f"{request.method} {request.path}"
        number = self._database.run(
            "INSERT INTO requests (at, method, path, operation, token) VALUES (?, ?, ?, ?, ?)",
            self._clock(),
            request.method,
            request.path,
            operation,
            digest(token),
        )
        fault: Fault | None = None
        body: object = None
        try:
            body = self._json(raw)
            self._admit(token, operation, matched[0] if matched else None)
            self._database.run("UPDATE requests SET counted = 1 WHERE id = ?", number)
            fault = self.faults.draw(operation)
            answer = await self._answer(request, matched, body, token, fault)
        except Refusal as refusal:
            answer = Answer(refusal.status, self._said(refusal), refusal.headers)
        except _Cut:
            answer = None
        if answer:
            headers = {**self._headers(digest(token)), **answer.headers}
            answer = Answer(answer.status, answer.body, headers)
        self._database.run(
            "UPDATE requests SET status = ?, fault = ? WHERE id = ?",
            answer.status if answer else 0,
            str(fault or ""),
            number,
        )
        if self._watch:
            self._watch(Exchange(request.method, request.path, dict(request.query), body, answer))
        if answer is None:
            if request.transport:
                request.transport.abort()
            return web.Response(status=500)  # goes nowhere: the connection is closed
        return web.Response(
            status=answer.status,
            headers=dict(answer.headers),
            body=None if answer.body is None else json.dumps(answer.body).encode(),
            content_type=None if answer.body is None else "application/json",
        )

    async def _answer(
        self,
        request: web.Request,
        matched: tuple[Route[World], dict[str, str]] | None,
        body: object,
        token: str,
        fault: Fault | None,
    ) -> Answer:
        """The deed, with its fault before or after it."""
        await self._strike(fault, "before")
        if matched is None:
            raise self._mishap(404)
        route, args = matched
        call = Call(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            body=body if isinstance(body, dict) else {},
            base=self.url,
            args=args,
            token=token,
        )
        if fault is not None and fault.kind == "late":
            task = asyncio.get_running_loop().create_task(self._later(route, call, fault.seconds))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            raise _Cut
        answer = await self._do(route, call, doomed=fault is not None and fault.kind == "doom")
        await self._strike(fault, "after")
        return answer

    async def _do(self, route: Route[World], call: Call, *, doomed: bool = False) -> Answer:
        """The deed: all of it or nothing."""
        with self._database.transaction():
            answer = self._perform(route, call, doomed=doomed)
        await self._performed()
        return answer

    async def _later(self, route: Route[World], call: Call, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(Refusal):
            await self._do(route, call)

    async def _strike(self, fault: Fault | None, when: str) -> None:
        if fault is None or fault.when != when:
            return
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "hold":
            script = self.faults.script
            while self.faults.script is script:  # noqa: ASYNC110  (another thread may load it)
                await asyncio.sleep(0.01)
        elif fault.kind == "error":
            raise self._mishap(fault.status)
        elif fault.kind == "limit":
            refusal = self._mishap(429)
            refusal.headers["retry-after"] = str(round(fault.seconds))
            raise refusal
        elif fault.kind == "cut":
            raise _Cut

    def _json(self, raw: bytes) -> Json | list[object] | None:
        if not raw:
            return None
        try:
            return json.loads(raw)  # type: ignore[no-any-return]
        except ValueError as error:
            raise self._mishap(400) from error


class _Cut(Exception):
    """Close the connection without an answer."""


def digest(token: str) -> str:
    """What stands for a token in the database."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
