"""At which address a vendor's API is: the vendor's own, or what a variable of the environment names."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from dynia.interfaces.errors import DyniaError


def api_url(environment: Mapping[str, str], name: str, default: str) -> str:
    """The URL that the variable `name` holds, without a slash at its end. A token goes over https, or nowhere
    but to the lab."""
    url = environment.get(name, "").strip().rstrip("/") or default
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DyniaError(f"{name} is no URL: {url}", hint=f"leave it out for {default}")
    if parts.scheme == "http" and not _of_the_lab(parts.hostname):
        raise DyniaError(
            f"{name}: the token would cross the network in plain text to {parts.hostname}",
            hint="use https; http is for a twin on this machine or in 198.18.0.0/15",
        )
    return url


def _of_the_lab(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address in ipaddress.ip_network("198.18.0.0/15")
