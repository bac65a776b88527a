"""One simulated account: its database, its tokens, and the clock that all of it reads."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from dynia.twin.database import Database
from dynia.twin.exchange import Answer, Call, Json, Refusal

Row = TypeVar("Row")
ZONE_READ, DNS_EDIT, SSL_EDIT = "Zone:Read", "DNS:Edit", "SSL and Certificates:Edit"
# What a token may do in which zone; "*" stands for all zones.
Token = Mapping[str, frozenset[str]]
# As cloudflare.com/ips has them; who runs a twin may say others, which its visitors come from.
NETWORKS = (
    "103.21.244.0/22 103.22.200.0/22 103.31.4.0/22 104.16.0.0/13 104.24.0.0/14 108.162.192.0/18 131.0.72.0/22"
    " 141.101.64.0/18 162.158.0.0/15 172.64.0.0/13 173.245.48.0/20 188.114.96.0/20 190.93.240.0/20"
    " 197.234.240.0/22 198.41.128.0/17 2400:cb00::/32 2405:8100::/32 2405:b500::/32 2606:4700::/32"
    " 2803:f800::/32 2a06:98c0::/29 2c0f:f248::/32"
)


@dataclass(frozen=True, slots=True)
class Quota:
    """Calls of one user within `window` seconds; whoever makes more is shut out for `block` seconds."""

    calls: int = 1200
    window: float = 300.0
    block: float = 300.0


@dataclass(frozen=True, slots=True)
class Edge:
    """What every handler works on. `tokens` None: any token may do anything."""

    database: Database
    quota: Quota
    tokens: Mapping[str, Token] | None
    clock: Callable[[], float] = time.time
    networks: tuple[str, ...] = tuple(NETWORKS.split())
    account: str = uuid.UUID(int=1).hex

    def may(self, token: str, zone: str, scope: str) -> bool:
        """`zone` is a name."""
        if self.tokens is None:
            return True
        given = self.tokens.get(token, {})
        return scope in given.get(zone, frozenset()) | given.get("*", frozenset())

    def zone(self, call: Call, scope: str, id: str = "") -> sqlite3.Row:
        """The zone that a call names, if its token may do that there."""
        row = self.database.one("SELECT * FROM zones WHERE id = ?", id or call.args["zone_id"])
        if row is None or not self.may(call.token, row["name"], scope):
            # Whoever may not see a zone is not told whether there is one.
            raise Refusal(403, "10000", "Authentication error")
        return row


Handler = Callable[[Edge, Call], Answer]


class Invalid(Refusal):
    """What was sent breaks a rule of DNS: the general code, and in its chain the one of the rule."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(400, "1004", "DNS Validation Error")
        self.chain = ({"code": code, "message": message},)


def success(result: object, **more: object) -> Answer:
    return Answer(200, {"success": True, "errors": [], "messages": [], "result": result, **more})


def failure(refusal: Refusal) -> Json:
    error: Json = {"code": int(refusal.id), "message": refusal.message}
    if isinstance(refusal, Invalid):
        error["error_chain"] = list(refusal.chain)
    return {"success": False, "errors": [error], "messages": [], "result": None}


def paged(
    call: Call,
    rows: Sequence[Row],
    as_json: Callable[[Row], Json],
    *,
    per_page: int,
    least: int,
    most: int,
) -> Answer:
    """One page of a list, `per_page` long where the call says nothing."""
    page, size = _whole(call, "page", 1), _whole(call, "per_page", per_page)
    if page < 1 or not least <= size <= most:
        raise Refusal(400, "1004", f"page is at least 1, per_page from {least} to {most}")
    shown = rows[(page - 1) * size : page * size]
    told = {
        "page": page,
        "per_page": size,
        "count": len(shown),
        "total_count": len(rows),
    }
    return success([as_json(row) for row in shown], result_info=told)


def fresh_id() -> str:
    return uuid.uuid4().hex


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def text_of(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else default
