"""The HTTP server of the twin: tokens, limits and faults stand in front of the API."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import msgspec
from aiohttp import web

from dynia.twin.database import Database
from dynia.twin.digitalocean import api, limits
from dynia.twin.digitalocean.bodies import Bodies, Bodiless
from dynia.twin.digitalocean.cloud import Cloud, Quota, not_found
from dynia.twin.digitalocean.schema import SCHEMA
from dynia.twin.digitalocean.work import Work
from dynia.twin.exchange import Answer, Call, Exchange, Json, Refusal
from dynia.twin.faults import Fault, Faults, Script

Watch = Callable[[Exchange], None]
CONTROL = "/twin/faults"


class DigitalOceanTwin:
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
        self.url = ""
        self.faults = Faults(faults)
        self._host, self._port = host, port
        self._tokens = tokens
        self._watch = watch
        self._cloud = Cloud(Database(path, SCHEMA), bodies or Bodiless(), quota or Quota(), clock)
        self._work = Work(self._cloud, delay)
        self._runner: web.AppRunner | None = None
        self._late: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> DigitalOceanTwin:
        application = web.Application(client_max_size=1 << 20)
        application.router.add_route("PUT", CONTROL, self._control)
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        self._work.resume()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner:
            await self._runner.shutdown()
            await self._runner.cleanup()
        for task in self._late:
            task.cancel()
        await self._work.stop()
        self._cloud.database.close()

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
        matched = api.match(request.method, request.path)
        operation = matched[0].operation if matched else f"{request.method} {request.path}"
        number = self._cloud.database.run(
            "INSERT INTO requests (at, method, path, operation, token) VALUES (?, ?, ?, ?, ?)",
            self._cloud.clock(),
            request.method,
            request.path,
            operation,
            _digest(token),
        )
        fault: Fault | None = None
        body: object = None
        try:
            body = _json(raw)
            self._admit(number, token, operation, matched[0] if matched else None)
            fault = self.faults.draw(operation)
            answer = await self._answer(request, matched, body, fault)
        except Refusal as refusal:
            said = {"id": refusal.id, "message": refusal.message, "request_id": str(uuid.uuid4())}
            answer = Answer(refusal.status, said, refusal.headers)
        except _Cut:
            answer = None
        if answer:
            told = {**limits.headers(self._cloud, _digest(token)), "x-request-id": str(uuid.uuid4())}
            answer = Answer(answer.status, answer.body, {**told, **answer.headers})
        self._cloud.database.run(
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

    def _admit(self, number: int, token: str, operation: str, route: api.Route | None) -> None:
        """Raise unless the token is known, has the scopes, and has calls left."""
        if not token or (self._tokens is not None and token not in self._tokens):
            raise Refusal(401, "Unauthorized", "Unable to authenticate you")
        scopes = self._tokens[token] if self._tokens is not None else None
        if scopes is not None and route and not scopes.issuperset(route.scopes):
            raise Refusal(403, "Forbidden", "You are not authorized to perform this operation")
        limits.check(self._cloud, _digest(token), operation)
        self._cloud.database.run("UPDATE requests SET counted = 1 WHERE id = ?", number)

    async def _answer(
        self,
        request: web.Request,
        matched: tuple[api.Route, dict[str, str]] | None,
        body: object,
        fault: Fault | None,
    ) -> Answer:
        """The deed, with its fault before or after it."""
        await _strike(fault, "before")
        if matched is None:
            raise not_found()
        route, args = matched
        call = Call(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            body=body if isinstance(body, dict) else {},
            base=self.url,
            args=args,
        )
        if fault is not None and fault.kind == "late":
            task = asyncio.get_running_loop().create_task(self._later(route, call, fault.seconds))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            raise _Cut
        answer = self._do(route, call, doomed=fault is not None and fault.kind == "doom")
        await _strike(fault, "after")
        return answer

    def _do(self, route: api.Route, call: Call, *, doomed: bool = False) -> Answer:
        """The deed: all of it or nothing."""
        self._cloud.doomed = doomed
        try:
            with self._cloud.database.transaction():
                answer = route.handler(self._cloud, call)
        except BaseException:
            self._cloud.begun.clear()
            self._cloud.deleted.clear()
            raise
        finally:
            self._cloud.doomed = False
        self._work.take_up()
        return answer

    async def _later(self, route: api.Route, call: Call, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(Refusal):
            self._do(route, call)


class _Cut(Exception):
    """Close the connection without an answer."""


async def _strike(fault: Fault | None, when: str) -> None:
    if fault is None or fault.when != when:
        return
    if fault.kind == "delay":
        await asyncio.sleep(fault.seconds)
    elif fault.kind == "error":
        raise Refusal(fault.status, "server_error", "Server was unable to give you a response.")
    elif fault.kind == "limit":
        raise Refusal(429, "too_many_requests", limits.SLOW, {"retry-after": str(round(fault.seconds))})
    elif fault.kind == "cut":
        raise _Cut


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _digest(token: str) -> str:
    """What stands for a token in the database."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


def _json(raw: bytes) -> Json | list[object] | None:
    if not raw:
        return None
    try:
        return json.loads(raw)  # type: ignore[no-any-return]
    except ValueError as error:
        raise Refusal(400, "bad_request", "The request body is not JSON.") from error
