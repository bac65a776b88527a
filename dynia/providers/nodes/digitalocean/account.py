"""Which account, with which token, at which address; and the scopes that the token needs."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dynia.interfaces.errors import DyniaError

URL = "https://api.digitalocean.com"
TOKEN_NAME = "DIGITALOCEAN_ACCESS_TOKEN"  # noqa: S105  (the name of the variable)
URL_NAME = "DYNIA_DIGITALOCEAN_URL"
# Each is asked for by a call of this package; without any one of them some command fails.
SCOPES = (
    "account:read",
    "droplet:create",
    "droplet:delete",
    "droplet:read",
    "droplet:update",
    "image:read",
    "regions:read",
    "reserved_ip:create",
    "reserved_ip:delete",
    "reserved_ip:read",
    "reserved_ip:update",
    "sizes:read",
    "ssh_key:create",
    "ssh_key:read",
    "tag:create",
    "tag:delete",
    "tag:read",
)
NEW_TOKEN = f"make one at cloud.digitalocean.com/account/api/tokens with these scopes: {' '.join(SCOPES)}"


@dataclass(frozen=True, slots=True)
class Account:
    """`url` is the API's, without a path."""

    token: str = field(repr=False)
    url: str = URL


def account(environment: Mapping[str, str]) -> Account:
    """The account that the environment names. A token goes over https, or nowhere but to the lab."""
    token = environment.get(TOKEN_NAME, "").strip()
    url = environment.get(URL_NAME, "").strip().rstrip("/") or URL
    if not token:
        raise DyniaError(f"{TOKEN_NAME} is not set", hint=NEW_TOKEN)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DyniaError(f"{URL_NAME} is no URL: {url}", hint=f"leave it out for {URL}")
    if parts.scheme == "http" and not _of_the_lab(parts.hostname):
        raise DyniaError(
            f"{URL_NAME}: the token would cross the network in plain text to {parts.hostname}",
            hint="use https; http is for a twin on this machine or in 198.18.0.0/15",
        )
    return Account(token=token, url=url)


def _of_the_lab(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address in ipaddress.ip_network("198.18.0.0/15")
