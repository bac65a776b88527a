"""A folder with a clusters.yaml of one service, and a registry on this machine that knows its images."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

FILE = """\
clusters:
  prod:
    provider: {{kind: ssh}}
    nodes:
      - {{name: web-1, host: 127.0.0.1, port: 1, private_ip: 198.18.7.11, host_key: "{key}"}}
    ssh: {{key: ./id, connect_timeout: 2s}}
    caddy: {{image: "127.0.0.1:{port}/caddy:1"}}
    services:
      api: {{compose: ./compose.yaml, default: true}}
"""
COMPOSE = """\
services:
  web:
    image: 127.0.0.1:{port}/api:1
    expose: ["8000"]
    volumes: ["./greeting:/etc/greeting:ro"]
"""


class Registry(http.server.BaseHTTPRequestHandler):
    """Knows every image; what a tag means is the server's `means`."""

    means = "1"

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Docker-Content-Digest", f"sha256:{self.means * 64}")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    Registry.means = "1"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    pair = Ed25519PrivateKey.generate()
    public = pair.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    private = pair.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    (tmp_path / "id").write_bytes(private)
    (tmp_path / "id").chmod(0o600)
    (tmp_path / "id.pub").write_text(public + "\n")
    (tmp_path / "clusters.yaml").write_text(FILE.format(key=public, port=port))
    (tmp_path / "compose.yaml").write_text(COMPOSE.format(port=port))
    (tmp_path / "greeting").mkdir()
    (tmp_path / "greeting" / "text").write_text("good morning\n")
    yield tmp_path
    server.shutdown()
    server.server_close()
