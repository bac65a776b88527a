"""One conversation with Cloudflare: the SDK's client, lists, and what its errors say."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.providers.answers import MOST_ITEMS, nonsense
from dynia.providers.dns.cloudflare.account import NEW_TOKEN, PATH, TOKEN_NAME, ZONE_READ, Account
from dynia.providers.dns.cloudflare.answers import SHAPES
from dynia.providers.pace import Patience
from dynia.providers.vendor_calls import (
    About,
    Gone,
    Json,
    NoAnswer,
    VendorCalls,
    VendorRefused,
    for_terminal,
    retry_after,
)

if TYPE_CHECKING:
    from cloudflare import APIConnectionError, APIStatusError

ABOUT = About(name="Cloudflare", status_page="www.cloudflarestatus.com")
CONNECT, READ = 5.0, 30.0
# 1,200 calls in five minutes shut the user out for five more; others may use the token.
PATIENCE = Patience(calls=1000, window=300.0)
ZONES_A_PAGE = 50
IDENTICAL = frozenset((81057, 81058))
NAME_TAKEN = frozenset((81053, 81054))
NO_TOKEN = frozenset((1000, 6003, 6111, 9106))


class Taken(VendorRefused):
    """Somebody was faster. `identical`: the very record is there already."""

    def __init__(self, message: str, *, status: int, said: str, identical: bool) -> None:
        super().__init__(message, status=status, said=said)
        self.identical = identical


class Vendor(VendorCalls):
    """The API as one token may use it."""

    def __init__(self, account: Account, patience: Patience | None = None) -> None:
        super().__init__(ABOUT, patience or PATIENCE, account.guard)
        self._account = account
        self._zones: dict[str, str] = {}

    async def pages(self, scope: str, call: str, per_page: int, **arguments: Any) -> list[Json]:
        """All of a list. Where it changed between two pages, an item may have slid past: then once more."""
        for _ in range(self.patience.attempts):
            found: dict[str, Json] = {}
            totals: set[int] = set()
            page, more = 1, True
            while more:
                before = len(found)
                got = await self.ask(scope, call, page=page, per_page=per_page, **arguments)
                found |= {str(item["id"]): item for item in got["result"]}
                total = int(got["result_info"]["total_count"])
                totals.add(total)
                # A page that brings nothing new may be followed by itself for ever.
                more = page * per_page < total and before < len(found) <= MOST_ITEMS
                page += 1
            if totals == {len(found)}:
                return list(found.values())
        raise NotObservedError(
            f"Cloudflare: the answers to {call} contradict each other ({len(found)} of {totals})",
            hint="somebody is changing many of them now: run it again",
        )

    async def zone_id(self, zone: str) -> str:
        if zone not in self._zones:
            for found in await self.pages(ZONE_READ, "zones.list", ZONES_A_PAGE, name=zone):
                self._zones[str(found["name"]).lower()] = str(found["id"])
        if zone not in self._zones:
            raise DyniaError(
                f"Cloudflare: the token in {TOKEN_NAME} sees no zone {zone}",
                hint=f"add the zone to the account, or give the token {ZONE_READ} for it",
            )
        return self._zones[zone]

    async def zones(self) -> list[str]:
        return [str(one["name"]).lower() for one in await self.pages(ZONE_READ, "zones.list", ZONES_A_PAGE)]

    def _open(self) -> Any:
        return _client(self._account)

    def _look_again(self, error: VendorRefused) -> bool:
        return isinstance(error, Taken)

    async def _once(self, scope: str, call: str, arguments: Json) -> Json | NoAnswer:
        from cloudflare import APIConnectionError, APIStatusError

        resource, _, verb = call.rpartition(".")
        try:
            got = await operator.attrgetter(f"{resource}.with_raw_response.{verb}")(self._client)(**arguments)
        except APIStatusError as error:
            return _said_no(scope, call, error)
        except APIConnectionError as error:
            return NoAnswer(_reason(error), may_be_done=not _never_sent(error))
        try:
            body = got.http_response.json()
        except (ValueError, UnicodeDecodeError, RecursionError):
            body = None
        # A record's delete answers without `success`.
        if not isinstance(body, dict) or "result" not in body or body.get("success") is False:
            return NoAnswer("an answer that makes no sense", may_be_done=True)
        if wrong := nonsense(SHAPES, call, body):
            return NoAnswer(for_terminal(wrong), may_be_done=True)
        return body


def _client(account: Account) -> Any:
    """The SDK's client. Left alone it retries, redirects, and prefers other credentials that it finds in the
    environment."""
    import httpx
    from cloudflare import AsyncCloudflare, DefaultAsyncHttpxClient

    limits = httpx.Timeout(READ, connect=CONNECT)
    client = AsyncCloudflare(
        api_token=account.token,
        base_url=account.url + PATH,
        max_retries=0,
        timeout=limits,
        http_client=DefaultAsyncHttpxClient(follow_redirects=False, timeout=limits),
    )
    client.api_email = client.api_key = client.user_service_key = None
    return client


def _said_no(scope: str, call: str, error: APIStatusError) -> NoAnswer:
    """Retryable, or raised in words."""
    status, headers = error.status_code, error.response.headers
    codes, said = _errors(error)
    if status < 400:
        return NoAnswer(f"HTTP {status}", may_be_done=True)
    if status == 429:
        return NoAnswer("too many requests", may_be_done=False, wait=retry_after(headers))
    if status >= 500 or status == 408:
        return NoAnswer(f"HTTP {status}", may_be_done=True, wait=retry_after(headers))
    if status == 401 or codes & NO_TOKEN or "access token" in said.lower():
        raise VendorRefused(
            f"Cloudflare does not know the token in {TOKEN_NAME} ({said})",
            status=status,
            said=said,
            hint=f"it may have expired or been rolled; {NEW_TOKEN}",
        )
    if status == 403:
        raise VendorRefused(
            f"Cloudflare: the token in {TOKEN_NAME} lacks the permission {scope} for {call} ({said})",
            status=status,
            said=said,
            hint=NEW_TOKEN,
        )
    words = f"Cloudflare refused {call}: {said} (HTTP {status})"
    if status == 404:
        raise Gone(words, status=status, said=said)
    if codes & (IDENTICAL | NAME_TAKEN):
        raise Taken(words, status=status, said=said, identical=bool(codes & IDENTICAL))
    raise VendorRefused(words, status=status, said=said)


def _errors(error: APIStatusError) -> tuple[frozenset[int], str]:
    """Codes and words of an answer, chains included; bounded, for a terminal."""
    body = error.body if isinstance(error.body, dict) else {}
    listed = _dicts(body.get("errors"))
    chained = [more for one in listed for more in _dicts(one.get("error_chain"))]
    codes = frozenset(one["code"] for one in (*listed, *chained) if isinstance(one.get("code"), int))
    words = [f"{one.get('message')} ({one.get('code')})" for one in (*listed, *chained)]
    return codes, for_terminal("; ".join(words) or "no reason given")


def _dicts(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _never_sent(error: APIConnectionError) -> bool:
    import httpx

    return isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _reason(error: APIConnectionError) -> str:
    cause = error.__cause__ or error
    return for_terminal((str(cause).splitlines() or [""])[0])[:120] or type(cause).__name__
