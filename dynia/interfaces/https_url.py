"""What a URL of https is, and what of it may be told where the rest is a secret."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        return False


def host_of(url: str) -> str:
    return urlsplit(url).hostname or "" if is_https(url) else ""
