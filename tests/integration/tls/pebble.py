"""A real Pebble (Let's Encrypt's own test server) on free ports of loopback: a child process of the test."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import urllib.request

from tests.fakes.certificates import authority


class Pebble:
    """`dns` is the server (address:port) that it asks for proofs. `directory` and `ca` go into `tls:`."""

    def __init__(
        self, folder: pathlib.Path, dns: str, *, address: str = "127.0.0.1", nonce_reject: int = 0
    ) -> None:
        self.address = address
        self.port, self._management = _free_ports(address)
        pair = authority().sign("localhost", addresses=(address,))
        self.ca = str(folder / "ca.pem")
        (folder / "pebble.pem").write_text(pair.chain)
        (folder / "pebble.key").write_text(pair.key)
        pathlib.Path(self.ca).write_text(authority().pem)
        config = folder / "pebble.json"
        config.write_text(
            json.dumps(
                {
                    "pebble": {
                        "listenAddress": f"{address}:{self.port}",
                        "managementListenAddress": f"{address}:{self._management}",
                        "certificate": str(folder / "pebble.pem"),
                        "privateKey": str(folder / "pebble.key"),
                        "httpPort": 9,
                        "tlsPort": 9,
                        "ocspResponderURL": "",
                        "externalAccountBindingRequired": False,
                    }
                }
            )
        )
        self.log = folder / "pebble.log"
        self._process = subprocess.Popen(
            [_pebble(), "-config", str(config), "-dnsserver", dns],
            env={
                **os.environ,
                "PEBBLE_VA_NOSLEEP": "1",
                "PEBBLE_AUTHZREUSE": "0",
                "PEBBLE_WFE_NONCEREJECT": str(nonce_reject),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line.decode(errors="replace"))
            if "ACME directory available" in said[-1]:
                break
        else:
            raise AssertionError("pebble did not start:\n" + "".join(said))
        # It says so just before it listens.
        while not _listens(address, self.port) and self._process.poll() is None:
            pass
        with self.log.open("wb") as log:
            self._drain = subprocess.Popen(["cat"], stdin=self._process.stdout, stdout=log)

    @property
    def directory(self) -> str:
        return f"https://{self.address}:{self.port}/dir"

    def root(self) -> str:
        """The certificate of the authority that it made for this run."""
        trusted = ssl.create_default_context(cafile=self.ca)
        with urllib.request.urlopen(
            f"https://{self.address}:{self._management}/roots/0", context=trusted, timeout=10
        ) as answer:
            return str(answer.read().decode())

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._drain.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()


def _pebble() -> str:
    found = shutil.which("pebble")
    assert found is not None, "there is no Pebble here: sh scripts/test-tools.sh"
    return found


def _free_ports(address: str) -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind((address, 0))
        other.bind((address, 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])


def _listens(address: str, port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((address, port)) == 0
