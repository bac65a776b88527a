"""Two nodes on loopback: a real Caddy each with the rendered Caddyfile, and a service behind both."""

from __future__ import annotations

import base64
import hashlib
import http.server
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import httpx

from dynia.interfaces.node_requests import Fence, Sent, Traffic
from dynia.providers.ssh import answers
from dynia.providers.ssh.scripts import script
from tests.integration.haproxy.program import free_port
from tests.integration.node_scripts.machine import LINEAGE, Machine

NAME = "api.example.com"
LOOKS = 150
_WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Answer(http.server.BaseHTTPRequestHandler):
    """``/held`` is answered once it may be; an upgrade gets every line back; the rest is answered at once."""

    protocol_version = "HTTP/1.1"
    may = threading.Event()

    def do_GET(self) -> None:
        if "Upgrade" in self.headers:
            self._echo()
            return
        if self.path == "/held":
            self.may.wait(60)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def _echo(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + _WEBSOCKET
        self.send_response_only(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header(
            "Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        )
        self.end_headers()
        self.close_connection = True
        while line := self.rfile.readline():
            self.wfile.write(line)
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        return


class Service:
    """What both Caddys lead to."""

    def __init__(self) -> None:
        Answer.may.clear()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        Answer.may.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class CaddyNode:
    """`text` is the rendered Caddyfile; only addresses, ports and the folder of the flags are changed."""

    def __init__(self, root: pathlib.Path, text: str, service: int) -> None:
        self.machine = Machine(root)
        root.mkdir()
        self.machine.bootstrap()
        self.port, self.admin = free_port(), free_port()
        changes = (
            (r"127\.0\.0\.1:2019", f"127.0.0.1:{self.admin}"),
            (r"^:8080 \{", f"http://:{self.port} {{\n\tbind 127.0.0.1"),
            (r"/etc/caddy/drain", self.machine.path("caddy/drain")),
            (r"api-[0-9a-f]{8}:8000", f"127.0.0.1:{service}"),
        )
        for old, new in changes:
            text = re.sub(old, new, text, flags=re.MULTILINE)
        self.machine.write("caddy/Caddyfile", text)
        self._tools(service)
        self._log = (root / "caddy.log").open("wb")
        self._process = subprocess.Popen(
            [_program(), "run", *self._config()], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        until(lambda: self._process.poll() is None and self.asked() == 200)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._log.close()

    def asked(self, **headers: str) -> int:
        """How it answers on the health path; 0: not at all."""
        named = {"Host": NAME, **{name.replace("_", "-"): value for name, value in headers.items()}}
        try:
            return httpx.get(
                f"http://127.0.0.1:{self.port}/healthz", headers=named, trust_env=False
            ).status_code
        except httpx.HTTPError:
            return 0

    def reload(self) -> None:
        """With another release in its Caddyfile."""
        text = self.machine.read("caddy/Caddyfile")
        self.machine.write("caddy/Caddyfile", re.sub(r"(X-Dynia-Release) \S+", r"\1 another", text))
        asked = [_program(), "reload", "--address", f"127.0.0.1:{self.admin}", *self._config()]
        subprocess.run(asked, check=True, capture_output=True, timeout=30)

    def complaints(self) -> list[str]:
        """The errors in Caddy's log."""
        log = (self.machine.root / "caddy.log").read_text()
        return [line for line in log.splitlines() if '"level":"error"' in line]

    def drain(self, lasts_s: int, what: str = "api") -> tuple[str, ...]:
        fence = Fence(lineage=LINEAGE, cluster="prod", number=7)
        argv = ("20", "sh", "-c", script("drain"), "dynia", str(lasts_s), what)
        told = self.machine.cut(script("deed"), argv, b"", fence)
        assert told is not None
        return answers.parse_drained(told)

    def traffic(self, alive: int) -> Traffic:
        """As the node's own script tells it; its HAProxy is the one that tells of itself at `alive`."""
        text = script("traffic").replace("127.0.0.1:8404", f"127.0.0.1:{alive}")
        text = text.replace("127.0.0.1:2019", f"127.0.0.1:{self.admin}")
        path = f"{self.machine.root}/tools:{os.environ['PATH']}"
        told = subprocess.run(
            ["sh", "-c", text, "dynia", "own"],
            env={**self.machine.environment, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=True,
        )
        return answers.parse_traffic(told.stdout)

    def _tools(self, service: int) -> None:
        """There is no container here: its network is this one, and its name is what the Caddyfile named before."""
        tools = self.machine.root / "tools"
        tools.mkdir()
        nsenter = f"#!/bin/sh\nshift 3\n\"$@\" | sed 's/127.0.0.1:{service}/api-0123abcd:8000/g'\n"
        for name, text in (("docker", "#!/bin/sh\necho 1\n"), ("nsenter", nsenter)):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)

    def _config(self) -> tuple[str, ...]:
        return "--config", self.machine.path("caddy/Caddyfile"), "--adapter", "caddyfile"


class WebSocket:
    """An open one, through `port`."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {NAME}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert b" 101 " in self._socket.recv(4096)

    def echo(self) -> bytes:
        self._socket.sendall(b"hello\n")
        return self._socket.recv(100)

    def close(self) -> None:
        self._socket.close()


def of(traffic: Traffic, node: str) -> Sent:
    return next(sent for sent in traffic.sent if (sent.service, sent.node) == ("api", node))


def until(so: Callable[[], bool]) -> None:
    """Looks again and again, each look being a question to a program that takes its time."""
    wait = threading.Event()
    for _ in range(LOOKS):
        if so():
            return
        wait.wait(0.05)
    raise AssertionError(f"not so after {LOOKS} looks")


def _program() -> str:
    return str(pathlib.Path(sys.executable).parent / "caddy")
