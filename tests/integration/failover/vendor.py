"""A cloud on loopback as nodes see it: the metadata service, the API that moves the address, HAProxy, and the address itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dynia.interfaces.shape import Shape

ADDRESS = "198.18.9.9"
TOKEN = "dop_v1_c0ffee5eed"


class Claim(Shape):
    """One call that the API got: for which node, with which headers, and what ran on the machine meanwhile."""

    node: str
    path: str
    authorization: str
    body: str
    processes: str
    at: int


class Cloud:
    """`owner` has the address. `answers` are the statuses of the next calls (then 201): a status, 0 for a cut
    connection, -201 for the deed done and the answer lost. `delayed`: a claim is accepted and not yet done.
    `pause` is called in the middle of a question, with its path."""

    def __init__(self, *nodes: str) -> None:
        self.ids = {node: 101 + index for index, node in enumerate(nodes)}
        self.owner = nodes[0]
        self.dead: set[str] = set()
        self.mute: set[str] = set()
        self.others: dict[str, str] = {}
        self.answers: list[int] = []
        self.retry_after = "1"
        self.delayed = False
        self.claims: list[Claim] = []
        self.looks: dict[str, int] = dict.fromkeys(nodes, 0)
        self.asked = 0
        self.looked = threading.Condition()
        self.pause: Callable[[str], None] = lambda path: None
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator[Cloud]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def get(self, path: str) -> tuple[int, str]:
        node, _, rest = path.strip("/").partition("/")
        if node == "entry":
            self.asked += 1
            word = rest.rpartition("/")[2]
            return (503, "") if self.owner in self.dead or not self.owner else (200, word)
        if rest == "alive":
            return (503, "") if node in self.dead else (200, "alive")
        if rest.endswith("/active"):
            with self.looked:
                self.looks[node] += 1
                self.looked.notify_all()
        if node in self.mute:
            return 503, ""
        mine = self.owner == node
        match rest.removeprefix("metadata/v1/"):
            case "id":
                return 200, str(self.ids[node])
            case "reserved_ip/ipv4/active":
                return 200, "true" if mine or node in self.others else "false"
            case "reserved_ip/ipv4/ip_address":
                return 200, self.others.get(node, ADDRESS)
            case _:
                return 404, ""

    def claim(self, claim: Claim) -> int:
        self.claims.append(claim)
        status = self.answers.pop(0) if self.answers else 201
        if abs(status) == 201 and not self.delayed:
            self.owner = claim.node
        return status

    def node_of(self, droplet: int) -> str:
        return next(node for node, known in self.ids.items() if known == droplet)


def uptime() -> int:
    """Hundredths of a second, by the clock that the script goes by."""
    return int(Path("/proc/uptime").read_text().split()[0].replace(".", ""))


def command_lines() -> str:
    """Everything that `ps` would show now."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def _handler(cloud: Cloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            cloud.pause(self.path)
            self._answer(*cloud.get(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status = cloud.claim(
                Claim(
                    node=cloud.node_of(json.loads(body)["droplet_id"]),
                    path=self.path,
                    authorization=self.headers.get("Authorization", ""),
                    body=body,
                    processes=command_lines(),
                    at=uptime(),
                )
            )
            if status > 0:
                self._answer(status, "{}", retry_after=cloud.retry_after if status == 429 else "")

        def _answer(self, status: int, body: str, retry_after: str = "") -> None:
            try:
                self.send_response(status)
                if retry_after:
                    self.send_header("Retry-After", retry_after)
                self.end_headers()
                self.wfile.write(body.encode())
            except OSError:
                return  # whoever asked was frozen or gave up

        def log_message(self, *args: object) -> None:
            return

    return Handler
