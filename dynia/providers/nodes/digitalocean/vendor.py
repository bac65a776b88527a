"""One conversation with DigitalOcean: the SDK's client, retries, and what its errors mean for people."""

from __future__ import annotations

import asyncio
import collections
import operator
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.providers.nodes.digitalocean.account import NEW_TOKEN, TOKEN_NAME, Account
from dynia.providers.nodes.digitalocean.pace import Pace, Patience

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

Json = dict[str, Any]
Value = TypeVar("Value")
PER_PAGE = 200
TIMEOUTS = {"connection_timeout": 5, "read_timeout": 30}


class VendorRefused(DyniaError):
    """DigitalOcean said no. `status` is HTTP's, `said` its own message."""

    def __init__(self, message: str, *, status: int, said: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status, self.said = status, said


class Gone(VendorRefused):
    """404: there is no such thing (any more)."""


class Unsure(Exception):
    """The call may have been carried out or not: there was no answer. Look before it is made again."""


class Errored(Exception):
    """An action was begun and ended as ``errored``."""


@dataclass(frozen=True, slots=True)
class Settled(Generic[Value]):
    """It is as it should be."""

    value: Value


@dataclass(frozen=True, slots=True)
class Pending:
    """Somebody is at it: look again later. `what` is for people."""

    what: str


@dataclass(frozen=True, slots=True)
class Lacking:
    """It is not so, and this makes it so. `what` tells the deeds of one purpose apart."""

    what: str
    deed: Callable[[], Awaitable[object]]


class Vendor:
    """Everything that is asked of the API goes through here, inside ``async with``.

    It may be entered more than once at a time; the connection is closed when the last one leaves, so nobody
    has to close a provider.
    """

    def __init__(self, account: Account, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self._account = account
        self._pace = Pace(self.patience)
        self._inside = 0
        self._client: Any = None

    async def __aenter__(self) -> Vendor:
        if self._client is None:
            self._client = _client(self._account)
        self._inside += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside -= 1
        if self._inside == 0:
            client, self._client = self._client, None
            await client.close()

    async def ask(self, scope: str, call: str, *, repeatable: bool = True, **arguments: Any) -> Json:
        """One call of the SDK (``droplets.list``), until there is an answer or patience ends.

        A call that is not `repeatable` is made again only where it was surely not carried out; else `Unsure`.
        """
        tried = 0
        while True:
            await asyncio.sleep(self._pace.reserve())
            failed = await self._once(scope, call, arguments)
            if not isinstance(failed, _NoAnswer):
                return failed
            tried += 1
            if failed.may_be_done and not repeatable:
                raise Unsure(failed.reason)
            if tried >= self.patience.attempts or failed.wait > self.patience.longest:
                waits = f"; it asks to wait {failed.wait:.0f} s" if failed.wait else ""
                raise NotObservedError(
                    f"DigitalOcean: no answer to {call} ({failed.reason}, asked {tried} times{waits})",
                    hint="see status.digitalocean.com; nothing is lost: run it again",
                )
            await asyncio.sleep(max(failed.wait, self.patience.back_off(tried)))

    async def pages(self, scope: str, call: str, name: str, **arguments: Any) -> list[Json]:
        """All of a list. Where it changed between two pages, an item may have slid past: then once more."""
        for _ in range(self.patience.attempts):
            found: dict[object, Json] = {}
            totals: set[int] = set()
            page, more = 1, True
            while more:
                got = await self.ask(scope, call, per_page=PER_PAGE, page=page, **arguments)
                found |= {_identity(item): item for item in got[name]}
                totals.add(int(got["meta"]["total"]))
                more = bool(((got.get("links") or {}).get("pages") or {}).get("next"))
                page += 1
            if totals == {len(found)}:
                return list(found.values())
        raise NotObservedError(
            f"DigitalOcean: the answers to {call} contradict each other ({len(found)} of {totals})",
            hint="somebody is changing many of them now: run it again",
        )

    async def finished(self, look: Callable[[], Awaitable[Json]]) -> None:
        """Wait for an action; `look` asks for it. `Errored` where it failed or is gone with its resource."""
        begun, wait = time.monotonic(), self.patience.poll
        while True:
            try:
                action = (await look())["action"]
            except Gone as error:
                raise Errored("what it was about is gone") from error
            if action["status"] == "completed":
                return
            if action["status"] == "errored":
                raise Errored(f"DigitalOcean's action {action['id']} ({action.get('type')}) failed")
            if time.monotonic() - begun > self.patience.within:
                return  # the caller looks at the resource itself, and has the same bound
            await asyncio.sleep(wait)
            wait = self.patience.next_poll(wait)

    async def settle(
        self, what: str, look: Callable[[], Awaitable[Settled[Value] | Pending | Lacking]]
    ) -> Value:
        """Look, do what is lacking, look again, until it is seen to be so; a deed's answer is not believed.

        `look` must see what an earlier run left, so that nothing is done twice. A deed that was done and is
        not seen is not repeated at once: what was made may be listed late.
        """
        begun, wait = time.monotonic(), self.patience.poll
        done: collections.Counter[str] = collections.Counter()
        hold, last, reason = 0, "", ""
        while True:
            seen = await look()
            if isinstance(seen, Settled):
                return seen.value
            if isinstance(seen, Pending):
                reason = seen.what
            elif hold and seen.what == last:
                hold -= 1
            elif done[seen.what] == self.patience.deeds:
                times = f"{seen.what}, {done[seen.what]} times"
                raise NotObservedError(
                    f"{what}: {times}, and it is not seen ({reason or 'no error'})",
                    hint="see status.digitalocean.com; nothing is lost: run it again",
                )
            else:
                last, hold = seen.what, self.patience.looks
                done[last] += 1
                try:
                    await seen.deed()
                    continue
                except Unsure as error:
                    reason = str(error)
                except Errored as error:
                    reason, hold = str(error), 0
                except VendorRefused as error:
                    if not _busy(error):
                        raise
                    reason, hold = error.said, 0
                    done[last] -= 1
            if time.monotonic() - begun > self.patience.within:
                raise NotObservedError(
                    f"{what}: not so after {self.patience.within:.0f} s ({reason or 'no error'})",
                    hint="look at it in DigitalOcean's control panel, or run it again",
                )
            await asyncio.sleep(wait)
            wait = self.patience.next_poll(wait)

    async def _once(self, scope: str, call: str, arguments: Json) -> Json | _NoAnswer:
        from azure.core.exceptions import AzureError, HttpResponseError

        status: list[int] = []
        try:
            got = await operator.attrgetter(call)(self._client)(
                **arguments,
                raw_response_hook=lambda answer: status.append(answer.http_response.status_code),
            )
        except HttpResponseError as error:
            return self._said_no(scope, call, error)
        except AzureError as error:
            return _NoAnswer(_reason(error), may_be_done=not _never_sent(error))
        if status[-1:] == [404]:  # the SDK returns the body of a 404 as if it were an answer
            said = str((got or {}).get("message", ""))
            raise Gone(f"DigitalOcean: {call}: {said or 'not found'}", status=404, said=said)
        return got or {}

    def _said_no(self, scope: str, call: str, error: Any) -> _NoAnswer:
        """Retryable, or raised in words."""
        status, headers = int(error.status_code or 0), error.response.headers
        said = _message(error)
        if status < 400:
            return _NoAnswer("an answer that is no JSON", may_be_done=True)
        if status == 429:
            return _NoAnswer("too many requests", may_be_done=False, wait=_wait(headers))
        if status >= 500 or status == 408:
            return _NoAnswer(f"HTTP {status}", may_be_done=True, wait=_retry_after(headers))
        if status == 401:
            raise VendorRefused(
                f"DigitalOcean does not know the token in {TOKEN_NAME} ({said})",
                status=status,
                said=said,
                hint=f"it may have expired; {NEW_TOKEN}",
            )
        if status == 403:
            raise VendorRefused(
                f"DigitalOcean: the token in {TOKEN_NAME} lacks the scope {scope} for {call} ({said})",
                status=status,
                said=said,
                hint=NEW_TOKEN,
            )
        kind = Gone if status == 404 else VendorRefused
        raise kind(f"DigitalOcean refused {call}: {said} (HTTP {status})", status=status, said=said)


@dataclass(frozen=True, slots=True)
class _NoAnswer:
    reason: str
    may_be_done: bool
    wait: float = 0.0


def _identity(item: Json) -> object:
    return next(item[word] for word in ("id", "ip", "slug", "name") if item.get(word) is not None)


def _client(account: Account) -> Any:
    """The SDK's client. It retries, redirects and refuses http by itself: all of that is decided here."""
    from azure.core.pipeline import PipelineRequest
    from azure.core.pipeline.policies import SansIOHTTPPolicy
    from pydo.aio import Client

    class Bearer(SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: PipelineRequest[Any]) -> None:
            request.http_request.headers["Authorization"] = f"Bearer {account.token}"

    return Client(
        account.token,
        endpoint=account.url,
        authentication_policy=Bearer(),
        retry_total=0,
        permit_redirects=False,
        **TIMEOUTS,
    )


def _busy(error: VendorRefused) -> bool:
    """422 because something else is under way. The words are the vendor's; the document has none."""
    said = error.said.lower()
    return error.status == 422 and any(word in said for word in ("pending event", "locked", "in progress"))


def _never_sent(error: AzureError) -> bool:
    from aiohttp import ClientConnectorError

    return isinstance(getattr(error, "inner_exception", None), ClientConnectorError)


def _reason(error: AzureError) -> str:
    return str(error).splitlines()[0][:120] or type(error).__name__


def _message(error: Any) -> str:
    """The vendor's own message; bounded, for a terminal."""
    try:
        text = str(error.response.json()["message"])
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        text = str(error.reason or "no reason given")
    return "".join(letter for letter in text[:300] if letter.isprintable())


def _wait(headers: Any) -> float:
    """How long a 429 asks to wait. Only bursts have retry-after; else the hour's limit was reached."""
    wait = _retry_after(headers)
    if wait or headers.get("retry-after"):
        return wait
    reset = str(headers.get("ratelimit-reset", ""))
    return max(0.0, int(reset) - time.time()) if reset.isdigit() else 0.0


def _retry_after(headers: Any) -> float:
    text = str(headers.get("retry-after", ""))
    return float(text) if text.isascii() and text.isdigit() else 0.0
