"""A real HAProxy on free ports of loopback with a rendered configuration, and a backend that tells what it was sent."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading

from tests.fakes.certificates import Pair


class Backend(http.server.BaseHTTPRequestHandler):
    """Answers with the headers that it was sent, as JSON."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


class Haproxy:
    """`http` and `https` are where it listens, `alive` where it tells of itself. Only addresses, ports and folders of
    the text are changed. `behind` are ports for its servers in turn; else each is the backend that tells."""

    def __init__(
        self,
        folder: pathlib.Path,
        text: str,
        pair: Pair | None,
        networks: str = "",
        behind: tuple[int, ...] = (),
    ) -> None:
        self.http, self.https, self.alive = free_port(), free_port(), free_port()
        self._backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
        self._thread = threading.Thread(target=self._backend.serve_forever, daemon=True)
        self._thread.start()
        pem = folder / "cluster.pem"
        if pair is not None:
            pem.write_text(pair.chain + pair.key)
        (folder / "networks").write_text(networks)
        changes = (
            (r"\*:80\b", f"127.0.0.1:{self.http}"),
            (r"\*:443\b", f"127.0.0.1:{self.https}"),
            (r"127\.0\.0\.1:8404", f"127.0.0.1:{self.alive}"),
            *(
                (rf"(server \S+) 198\.18\.[0-9.]+\.{n + 11}:8080", rf"\1 127.0.0.1:{p}")
                for n, p in enumerate(behind)
            ),
            (r"198\.18\.[0-9.]+:8080", f"127.0.0.1:{self._backend.server_port}"),
            (r"/opt/dynia/tls/cluster\.pem", str(pem)),
            (r"/opt/dynia/haproxy/cloudflare-networks", str(folder / "networks")),
            (r"/run/haproxy/admin\.sock", str(folder / "admin.sock")),
            (r"    (user|group|chroot) .*\n", ""),
        )
        for old, new in changes:
            text = re.sub(old, new, text)
        config = folder / "haproxy.cfg"
        config.write_text(text)
        program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert program is not None, "there is no HAProxy here: sh scripts/test-tools.sh"
        self._argv = [program, "-W", "-S", str(folder / "master.sock"), "-f", str(config)]
        self._start()

    def _start(self) -> None:
        ready, told = os.pipe()
        self._said = os.fdopen(ready, errors="replace")
        self._process = subprocess.Popen(
            self._argv,
            env={**os.environ, "DYNIA_NODE": "misty-owl"},
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.STDOUT,
        )
        os.close(told)
        self._loaded()

    def _loaded(self) -> None:
        lines = []
        for line in self._said:
            lines.append(line)
            if "Loading success" in line:
                return
        raise AssertionError("haproxy did not start:\n" + "".join(lines))

    def reload(self) -> None:
        """As systemd does: the next process takes the sockets over, and the old one ends with its last connection."""
        self._process.send_signal(signal.SIGUSR2)
        self._loaded()

    def restart(self) -> None:
        """As systemd does: it ends with whatever it is doing, and begins anew."""
        self._end()
        self._start()

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._said.close()

    def stop(self) -> None:
        self._end()
        self._backend.shutdown()
        self._backend.server_close()
        self._thread.join(10)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
