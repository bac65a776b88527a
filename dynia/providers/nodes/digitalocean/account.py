"""Which account, with which token, at which address; and the scopes that the token needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dynia.interfaces.errors import DyniaError
from dynia.providers.api_url import api_url
from dynia.providers.guard import FREE, Guard

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
    "firewall:read",
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
    """`url` is the API's, without a path; `guard` says before each call whether this run may still act."""

    token: str = field(repr=False)
    url: str = URL
    guard: Guard = FREE


def account(environment: Mapping[str, str], guard: Guard = FREE) -> Account:
    """The account that the environment names. A token goes over https, or nowhere but to the lab."""
    token = environment.get(TOKEN_NAME, "").strip()
    if not token:
        raise DyniaError(f"{TOKEN_NAME} is not set", hint=NEW_TOKEN)
    return Account(token=token, url=api_url(environment, URL_NAME, URL), guard=guard)
