"""Where the token goes: over https, or to the lab, or nowhere."""

from __future__ import annotations

import pytest

from dynia.interfaces.errors import DyniaError
from dynia.providers.nodes.digitalocean.account import SCOPES, account


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "http://127.0.0.1:8080/",
        "http://localhost:1",
        "http://198.18.0.1",
        "http://[::1]:9",
    ],
)
def test_a_url_that_keeps_the_token_safe_is_taken(url: str) -> None:
    got = account({"DIGITALOCEAN_ACCESS_TOKEN": " secret\n", "DYNIA_DIGITALOCEAN_URL": url})
    assert (got.token, got.url) == ("secret", url.rstrip("/"))
    assert "secret" not in repr(got)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.digitalocean.com",
        "http://10.0.0.1",
        "ftp://x",
        "api.digitalocean.com",
        "http://localhost.example.com",
    ],
)
def test_a_url_that_does_not_is_refused(url: str) -> None:
    with pytest.raises(DyniaError, match="DYNIA_DIGITALOCEAN_URL") as caught:
        account({"DIGITALOCEAN_ACCESS_TOKEN": "secret", "DYNIA_DIGITALOCEAN_URL": url})
    assert "secret" not in str(caught.value) + caught.value.hint


def test_without_a_token_the_scopes_of_one_are_told() -> None:
    with pytest.raises(DyniaError, match="DIGITALOCEAN_ACCESS_TOKEN is not set") as caught:
        account({"DIGITALOCEAN_ACCESS_TOKEN": " "})
    assert all(scope in caught.value.hint for scope in SCOPES)
    assert account({"DIGITALOCEAN_ACCESS_TOKEN": "x"}).url == "https://api.digitalocean.com"
