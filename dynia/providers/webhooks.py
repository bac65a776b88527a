"""Facts posted to a URL of the team's over HTTPS, a few times if need be; of the answer only its status."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from dynia.interfaces.https_url import is_https

TRY_S = 10.0
PAUSES_S = (1.0, 3.0)
# What may be otherwise a moment later, beside the server's own trouble.
_AGAIN = (408, 425, 429)

Pause = Callable[[float], Awaitable[None]]


async def post(url: str, body: bytes, pause: Pause = asyncio.sleep) -> str:
    """Why it did not arrive, or nothing. The URL is a secret itself as a rule, so nothing of it is told."""
    if not is_https(url):
        return "its URL is not one of https"
    said, tries = "", 0
    for wait in (0.0, *PAUSES_S):
        if wait:
            await pause(wait)
        tries += 1
        said, again = await _once(url, body)
        if not again:
            break
    return f"{said} ({tries} {'try' if tries == 1 else 'tries'})" if said else ""


async def _once(url: str, body: bytes) -> tuple[str, bool]:
    """Why not, and whether it may be tried again. A redirect is not followed, and no body is read."""
    import httpx

    headers = {"Content-Type": "application/json", "User-Agent": "dynia"}
    try:
        async with (
            asyncio.timeout(TRY_S),
            httpx.AsyncClient(timeout=TRY_S) as client,
            client.stream("POST", url, content=body, headers=headers) as answer,
        ):
            status = answer.status_code
    except (TimeoutError, httpx.TimeoutException):
        return f"no answer within {TRY_S:g} s", True
    except httpx.TransportError as error:
        return str(error) or type(error).__name__, True
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError):
        return "its URL cannot be asked", False
    if 200 <= status < 300:
        return "", False
    return f"HTTP {status}", status >= 500 or status in _AGAIN
