"""Which token, at which address; and what the token must be permitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dynia.interfaces.errors import DyniaError
from dynia.providers.api_url import api_url
from dynia.providers.guard import FREE, Guard

URL = "https://api.cloudflare.com"
PATH = "/client/v4"
TOKEN_NAME = "CLOUDFLARE_API_TOKEN"  # noqa: S105  (the name of the variable)
URL_NAME = "DYNIA_CLOUDFLARE_URL"
ZONE_READ, DNS_EDIT = "Zone / Zone / Read", "Zone / DNS / Edit"
SSL_EDIT = "Zone / SSL and Certificates / Edit"
NEW_TOKEN = (
    f"make one at dash.cloudflare.com/profile/api-tokens with {ZONE_READ} and {DNS_EDIT}"
    f" (and {SSL_EDIT} for tls cloudflare-origin), for this zone"
)


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
