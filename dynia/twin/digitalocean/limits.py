"""Rate limits: so many calls an hour (sliding) and a minute, and fewer for some of them."""

from __future__ import annotations

import math

from dynia.twin.digitalocean.cloud import Cloud
from dynia.twin.exchange import Refusal

HOUR, MINUTE = 3600.0, 60.0
SLOW = "API rate limit exceeded."


def headers(cloud: Cloud, token: str) -> dict[str, str]:
    """The three that every answer carries; `reset` is when the oldest call of the hour is forgotten."""
    now = cloud.clock()
    oldest = cloud.database.one(
        "SELECT min(at) AS at FROM requests WHERE counted AND token = ? AND at > ?", token, now - HOUR
    )
    first = oldest["at"] if oldest and oldest["at"] is not None else now
    return {
        "ratelimit-limit": str(cloud.quota.hour),
        "ratelimit-remaining": str(max(0, cloud.quota.hour - _calls(cloud, token, HOUR))),
        "ratelimit-reset": str(math.ceil(first + HOUR)),
    }


def check(cloud: Cloud, token: str, operation: str) -> None:
    """Refuse the call that comes too soon. Only bursts are told how long to wait (`retry-after`)."""
    if _calls(cloud, token, HOUR) >= cloud.quota.hour:
        raise Refusal(429, "too_many_requests", SLOW)
    bursts = {
        "": cloud.quota.minute,
        "GET /v2/account/keys": cloud.quota.key_lists,
        "POST /v2/reserved_ips": cloud.quota.reserved_ip_creates,
    }
    for one, limit in bursts.items():
        if one in ("", operation) and _calls(cloud, token, MINUTE, one) >= limit:
            raise Refusal(
                429, "too_many_requests", SLOW, {"retry-after": str(_wait(cloud, token, one, limit))}
            )


def _calls(cloud: Cloud, token: str, seconds: float, operation: str = "") -> int:
    return cloud.database.count(
        "SELECT count(*) FROM requests WHERE counted AND token = ? AND at > ? AND (? = '' OR operation = ?)",
        token,
        cloud.clock() - seconds,
        operation,
        operation,
    )


def _wait(cloud: Cloud, token: str, operation: str, limit: int) -> int:
    """Whole seconds until one of the last `limit` calls is a minute old."""
    row = cloud.database.one(
        "SELECT at FROM requests WHERE counted AND token = ? AND (? = '' OR operation = ?)"
        " ORDER BY at DESC LIMIT 1 OFFSET ?",
        token,
        operation,
        operation,
        limit - 1,
    )
    return max(1, math.ceil((row["at"] if row else cloud.clock()) + MINUTE - cloud.clock()))
