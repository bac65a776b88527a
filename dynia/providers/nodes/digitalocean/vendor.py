"""One conversation with DigitalOcean: the SDK's client, lists and actions, and what its errors say."""

from __future__ import annotations

import asyncio
import operator
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from dynia.interfaces.errors import NotObservedError
from dynia.providers.answers import MOST_ITEMS, nonsense
from dynia.providers.nodes.digitalocean.account import NEW_TOKEN, TOKEN_NAME, Account
from dynia.providers.nodes.digitalocean.answers import SHAPES
from dynia.providers.pace import Patience
from dynia.providers.vendor_calls import (
    About,
    Errored,
    Gone,
    Json,
    NoAnswer,
    VendorCalls,
    VendorRefused,
    for_terminal,
    retry_after,
)

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

PER_PAGE = 200
TIMEOUTS = {"connection_timeout": 5, "read_timeout": 30}
ABOUT = About(name="DigitalOcean", status_page="status.digitalocean.com")


class Vendor(VendorCalls):
    """The API of one account."""

    def __init__(self, account: Account, patience: Patience | None = None) -> None:
        super().__init__(ABOUT, patience or Patience(), account.guard)
        self._account = account

    def _open(self) -> Any:
        return _client(self._account)

    def _look_again(self, error: VendorRefused) -> bool:
        return _busy(error)

    async def pages(self, scope: str, call: str, name: str, **arguments: Any) -> list[Json]:
        """All of a list. Where it changed between two pages, an item may have slid past: then once more."""
        for _ in range(self.patience.attempts):
            found: dict[object, Json] = {}
            totals: set[int] = set()
            page, more = 1, True
            while more:
                before = len(found)
                got = await self.ask(scope, call, per_page=PER_PAGE, page=page, **arguments)
                found |= {_identity(item): item for item in got[name]}
                totals.add(int(got["meta"]["total"]))
                more = bool(((got.get("links") or {}).get("pages") or {}).get("next"))
                # A page that brings nothing new may be followed by itself for ever.
                more = more and before < len(found) <= MOST_ITEMS
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

    async def _once(self, scope: str, call: str, arguments: Json) -> Json | NoAnswer:
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
            return NoAnswer(_reason(error), may_be_done=not _never_sent(error))
        except (
            ValueError,
            RecursionError,
        ) as error:  # the SDK reads JSON, and lets through what that lets through
            return NoAnswer(f"an answer that is no JSON ({type(error).__name__})", may_be_done=True)
        if status[-1:] == [404]:  # the SDK returns the body of a 404 as if it were an answer
            said = for_terminal(str(got.get("message", ""))) if isinstance(got, dict) else ""
            raise Gone(f"DigitalOcean: {call}: {said or 'not found'}", status=404, said=said)
        if wrong := nonsense(SHAPES, call, got):
            return NoAnswer(for_terminal(wrong), may_be_done=True)
        return got if isinstance(got, dict) else {}

    def _said_no(self, scope: str, call: str, error: Any) -> NoAnswer:
        """Retryable, or raised in words."""
        status, headers = int(error.status_code or 0), error.response.headers
        said = _message(error)
        if status < 400:
            return NoAnswer("an answer that is no JSON", may_be_done=True)
        if status == 429:
            return NoAnswer("too many requests", may_be_done=False, wait=_wait(headers))
        if status >= 500 or status == 408:
            return NoAnswer(f"HTTP {status}", may_be_done=True, wait=retry_after(headers))
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
    return for_terminal((str(error).splitlines() or [""])[0])[:120] or type(error).__name__


def _message(error: Any) -> str:
    """The vendor's own message; bounded, for a terminal."""
    try:
        text = str(error.response.json()["message"])
    except (ValueError, KeyError, TypeError, UnicodeDecodeError, RecursionError):
        text = str(error.reason or "no reason given")
    return for_terminal(text)


def _wait(headers: Any) -> float:
    """How long a 429 asks to wait. Only bursts have retry-after; else the hour's limit was reached."""
    wait = retry_after(headers)
    if wait or headers.get("retry-after"):
        return wait
    reset = str(headers.get("ratelimit-reset", ""))
    return max(0.0, float(reset) - time.time()) if reset.isascii() and reset.isdigit() else 0.0
