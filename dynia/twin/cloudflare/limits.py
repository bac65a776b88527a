"""The rate limit: so many calls of a user in five minutes, and then five minutes of none."""

from __future__ import annotations

import math

from dynia.twin.cloudflare.edge import Edge
from dynia.twin.exchange import Refusal

SLOW = "Please wait and consider throttling your request speed"


def check(edge: Edge) -> None:
    """Refuse the call that is too many. All tokens are one user's."""
    now, quota = edge.clock(), edge.quota
    row = edge.database.one("SELECT max(until) AS until FROM blocks")
    until = float(row["until"] or 0.0) if row else 0.0
    if until <= now:
        made = edge.database.count(
            "SELECT count(*) FROM requests WHERE counted AND at > ?", max(now - quota.window, until)
        )
        if made < quota.calls:
            return
        until = now + quota.block
        edge.database.run("INSERT INTO blocks (until) VALUES (?)", until)
    raise Refusal(429, "10429", SLOW, {"retry-after": str(math.ceil(until - now))})
