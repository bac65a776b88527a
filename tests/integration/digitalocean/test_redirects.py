"""The token goes to the address that was named and to no other, not even where that one points elsewhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dynia.interfaces.errors import DyniaError
from dynia.providers.nodes.digitalocean.account import Account
from dynia.providers.nodes.digitalocean.droplets import Defaults
from dynia.providers.nodes.digitalocean.provider import DigitalOceanNodeProvider
from tests.contract.digitalocean_world import QUICK


@contextmanager
def server(location: str, seen: list[str]) -> Iterator[str]:
    """Sends everybody to `location`, and notes what they brought."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_response(302)
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def test_a_redirect_is_not_followed() -> None:
    here: list[str] = []
    elsewhere: list[str] = []
    with server("http://127.0.0.1:1/", elsewhere) as other, server(f"{other}/v2/droplets", here) as url:
        provider = DigitalOceanNodeProvider(Account("secret", url), Defaults(region="lon1"), QUICK)
        with pytest.raises(DyniaError):
            asyncio.run(provider.list_nodes("l", "c"))
    assert set(here) == {"Bearer secret"}
    assert elsewhere == []
