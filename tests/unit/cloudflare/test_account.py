"""Where the token goes: over https, or to the lab, or nowhere. And that nobody pays for an SDK that is not used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dynia.interfaces.errors import DyniaError
from dynia.providers.dns.cloudflare.account import account

TOKEN, URL = "CLOUDFLARE_API_TOKEN", "DYNIA_CLOUDFLARE_URL"


@pytest.mark.parametrize("url", ["https://api.example.com", "http://127.0.0.1:8080/", "http://198.18.0.1"])
def test_a_url_that_keeps_the_token_safe_is_taken(url: str) -> None:
    got = account({TOKEN: " secret\n", URL: url})
    assert (got.token, got.url) == ("secret", url.rstrip("/"))
    assert "secret" not in repr(got)


@pytest.mark.parametrize("url", ["http://api.cloudflare.com", "http://10.0.0.1", "api.cloudflare.com"])
def test_a_url_that_does_not_is_refused(url: str) -> None:
    with pytest.raises(DyniaError, match=URL) as caught:
        account({TOKEN: "secret", URL: url})
    assert "secret" not in str(caught.value) + caught.value.hint


def test_without_a_token_the_permissions_of_one_are_told() -> None:
    with pytest.raises(DyniaError, match="CLOUDFLARE_API_TOKEN is not set") as caught:
        account({TOKEN: " "})
    for permission in ("Zone / Zone / Read", "Zone / DNS / Edit", "Zone / SSL and Certificates / Edit"):
        assert permission in caught.value.hint
    assert account({TOKEN: "x"}).url == "https://api.cloudflare.com"


def test_the_sdk_and_the_cryptography_are_loaded_when_something_is_asked_and_not_before() -> None:
    code = """
import sys
import dynia.providers.dns.cloudflare.provider, dynia.providers.dns.cloudflare.origin_ca
print(*sorted({"cloudflare", "httpx", "cryptography", "pydantic"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
