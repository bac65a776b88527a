"""One simulated account: its database, its limits, and the clock that all of it reads."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlencode

from dynia.twin.database import Database
from dynia.twin.digitalocean.bodies import Bodies
from dynia.twin.exchange import Answer, Call, Json, Refusal

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits of the account and of its calls. `hour`, `minute`: all calls; the others within 60 seconds."""

    droplets: int = 25
    reserved_ips: int = 3
    hour: int = 5000
    minute: int = 250
    key_lists: int = 10
    reserved_ip_creates: int = 12


@dataclass(slots=True)
class Cloud:
    """What every handler works on. `begun` collects actions that this call began, to be carried out."""

    database: Database
    bodies: Bodies
    quota: Quota = field(default_factory=Quota)
    clock: Callable[[], float] = time.time
    account: str = str(uuid.UUID(int=1))
    doomed: bool = False
    begun: list[int] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)

    def begin(
        self, type: str, region: str, *, droplet: int | None = None, reserved_ip: int | None = None
    ) -> int:
        """A new action, in progress."""
        number = self.database.run(
            "INSERT INTO actions (type, status, droplet, reserved_ip, region, doomed, started)"
            " VALUES (?, 'in-progress', ?, ?, ?, ?, ?)",
            type,
            droplet,
            reserved_ip,
            region,
            int(self.doomed),
            self.clock(),
        )
        self.begun.append(number)
        return number


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def not_found() -> Refusal:
    return Refusal(404, "not_found", "The resource you were accessing could not be found.")


def unprocessable(message: str) -> Refusal:
    return Refusal(422, "unprocessable_entity", message)


def number(text: str) -> int:
    """A number in a path; what is none names nothing."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise not_found()
    return int(text)


def paged(call: Call, name: str, rows: Sequence[Row], as_json: Callable[[Row], Json]) -> Answer:
    """One page of a list: 20 a page unless asked for up to 200; `links.pages` only with pages that exist."""
    page, per_page = _whole(call, "page", 1), min(_whole(call, "per_page", 20), 200)
    shown = rows[(page - 1) * per_page : page * per_page]
    last = max(1, -(-len(rows) // per_page))
    pages: dict[str, str] = {}
    if page > 1:
        pages |= {"first": _link(call, 1), "prev": _link(call, page - 1)}
    if page < last:
        pages |= {"next": _link(call, page + 1), "last": _link(call, last)}
    return Answer(
        200,
        {
            name: [as_json(row) for row in shown],
            "links": {"pages": pages} if pages else {},
            "meta": {"total": len(rows)},
        },
    )


def _link(call: Call, page: int) -> str:
    return f"{call.base}{call.path}?{urlencode({**call.query, 'page': page})}"


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 9 and int(text) > 0 else default
