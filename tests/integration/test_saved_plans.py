"""The verbs of saved plans as whole processes: over hosts where nobody listens, and a registry on this machine."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
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

DYNIA = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "dynia"
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


def dynia(folder: Path, *argv: str) -> tuple[int, str, str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("DYNIA_", "COLUMNS"))}
    done = subprocess.run(
        [str(DYNIA), *argv],
        cwd=folder,
        env={**environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, " ".join(done.stderr.split())


def kept(folder: Path) -> str:
    """The plan is kept; its digest."""
    code, out, told = dynia(folder, "plan", "--cluster", "prod", "--json", "--out", "prod.plan")
    assert code in (0, 4), told
    assert "Saved as prod.plan" in told
    digest: str = json.loads(out)["digest"]
    return digest


@pytest.mark.parametrize("way", ["file", "digest"])
def test_a_plan_is_kept_shown_and_taken_up_once(folder: Path, way: str) -> None:
    """The host is recorded, and then does not answer: the plan was taken up, without a question."""
    digest = kept(folder)
    code, out, _ = dynia(folder, "show", "prod.plan")
    assert code == 0 and f"Digest  {digest}" in out and "File and state are as they were" in out
    code, out, _ = dynia(folder, "plan", "--cluster", "prod", "--full")
    assert out.splitlines()[-2] == f"Digest  {digest}"
    arguments = ("prod.plan",) if way == "file" else ("--cluster", "prod", "--expect", digest)
    code, out, told = dynia(folder, "apply", *arguments)
    assert code not in (0, 1, 6), told
    nodes = json.loads((folder / "state.json").read_text())["nodes"]
    assert [node["name"] for node in nodes] == ["web-1"]
    code, _, told = dynia(folder, "apply", *arguments)
    assert code == 6, told
    assert "another apply ran since" in dynia(folder, "show", "prod.plan")[1]


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("greeting/text", "morning", "evening", "service api: greeting/text was edited"),
        ("compose.yaml", "8000", "8001", "service api: compose.yaml was edited"),
        ("clusters.yaml", "default: true", "default: true, health: {path: /up}", "clusters.yaml: services.api was edited"),
    ],
)  # fmt: skip
def test_what_was_edited_since_the_review_ends_in_exit_6(
    folder: Path, path: str, old: str, new: str, said: str
) -> None:
    digest = kept(folder)
    (folder / path).write_text((folder / path).read_text().replace(old, new))
    state = {p: p.read_bytes() for p in folder.rglob("state.json")}
    code, _, told = dynia(folder, "apply", "prod.plan")
    assert code == 6 and said in told, told
    code, _, told = dynia(folder, "apply", "--cluster", "prod", "--expect", digest)
    assert code == 6 and "not the one that was reviewed" in told and digest in told, told
    assert {p: p.read_bytes() for p in folder.rglob("state.json")} == state


def test_a_tag_that_moved_since_the_review_is_named(folder: Path) -> None:
    kept(folder)
    Registry.means = "2"
    code, _, told = dynia(folder, "apply", "prod.plan")
    assert code == 6 and "means sha256:222222222222 now, not sha256:111111111111" in told, told


def test_another_folder_makes_no_plan_stale(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    digest = kept(folder)
    elsewhere = tmp_path_factory.mktemp("checkout") / "deep"
    elsewhere.mkdir()
    subprocess.run(["cp", "-a", f"{folder}/.", str(elsewhere)], check=True)
    code, out, _ = dynia(elsewhere, "plan", "--cluster", "prod", "--json")
    assert json.loads(out)["digest"] == digest and code in (0, 4)
