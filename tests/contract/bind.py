"""A real BIND on a free port of loopback: a child process of the test, with a configuration of its own."""

from __future__ import annotations

import base64
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess

import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.tsig
import dns.update

KEY = "dynia-key"
CONFIG = """\
options {{
    directory "{folder}"; listen-on port {port} {{ {address}; }}; listen-on-v6 {{ none; }}; pid-file none;
    session-keyfile none; recursion no; dnssec-validation no; allow-transfer {{ key {key}; }}; notify no;
    allow-query {{ any; }};
}};
controls {{ }};
key {key} {{ algorithm hmac-sha256; secret "{secret}"; }};
key reader {{ algorithm hmac-sha256; secret "{secret}"; }};
{zones}
"""
ZONE = """\
$TTL 300
@ SOA ns.{zone}. admin.{zone}. 1 3600 600 86400 60
@ NS ns.{zone}.
ns A {address}
"""


class Bind:
    """`zones` are served and may be changed with the key. `stop` ends it."""

    def __init__(self, folder: pathlib.Path, *zones: str, address: str = "127.0.0.1", more: str = "") -> None:
        self.folder, self.address, self.port = folder, address, _free_port(address)
        self.secret = base64.b64encode(secrets.token_bytes(32)).decode()
        blocks = []
        for zone in zones:
            (folder / zone).write_text(ZONE.format(zone=zone, address=address))
            blocks.append(
                f'zone "{zone}" {{ type primary; file "{zone}"; '
                f"update-policy {{ grant {KEY} zonesub ANY; }}; }};"
            )
        config = folder / "named.conf"
        config.write_text(
            CONFIG.format(
                folder=folder,
                port=self.port,
                address=address,
                key=KEY,
                secret=self.secret,
                zones="\n".join((*blocks, more)),
            )
        )
        # The profile that Debian ships for its path would keep it out of this folder.
        program = shutil.copy(_named(), folder / "named")
        self._log = (folder / "log").open("w+b")
        self._process = subprocess.Popen(
            [program, "-g", "-c", str(config)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line.decode(errors="replace"))
            if said[-1].rstrip().endswith(" running"):
                break
        else:
            raise AssertionError("named did not start:\n" + "".join(said))
        # Nobody reads on: it goes to a file, or a full pipe would stop the server.
        self._drain = subprocess.Popen(
            ["cat"], stdin=self._process.stdout, stdout=self._log, stderr=subprocess.DEVNULL
        )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._drain.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def pause(self) -> None:
        """It keeps its port and says nothing."""
        self._process.send_signal(signal.SIGSTOP)
        # the signal takes a moment to arrive
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def dig(self, name: str, kind: str) -> list[str]:
        """What anybody is answered: values, or the answer's code where there is none."""
        query = dns.message.make_query(name, kind)
        query.flags &= ~0x0100
        answer = dns.query.tcp(query, self.address, port=self.port, timeout=10)
        found = [
            rdata.to_text()
            for rrset in answer.answer
            if rrset.name == dns.name.from_text(name) and rrset.rdtype == dns.rdatatype.from_text(kind)
            for rdata in rrset
        ]
        return sorted(found)

    def zone(self, zone: str) -> set[str]:
        """Every record but the SOA, as an administrator would list them."""
        key = dns.tsig.Key(KEY, self.secret, "hmac-sha256")
        found: set[str] = set()
        for message in dns.query.xfr(
            self.address, zone, port=self.port, keyring=key, relativize=False, lifetime=10
        ):
            for rrset in message.answer:
                if rrset.rdtype != dns.rdatatype.SOA:
                    kind = dns.rdatatype.to_text(rrset.rdtype)
                    found |= {f"{rrset.name} {kind} {rdata.to_text()}" for rdata in rrset}
        return found

    def by_hand(self, zone: str, *changes: tuple[str, str, str]) -> None:
        """(+ or -, name, "TYPE value"; - with a type alone takes all of them), as with nsupdate."""
        update = dns.update.UpdateMessage(zone, keyring=dns.tsig.Key(KEY, self.secret, "hmac-sha256"))
        for sign, name, rest in changes:
            kind, _, value = rest.partition(" ")
            if sign == "+":
                update.add(f"{name}.", 300, kind, value)
            elif value:
                update.delete(f"{name}.", kind, value)
            else:
                update.delete(f"{name}.", kind)
        answer = dns.query.tcp(update, self.address, port=self.port, timeout=10)
        assert answer.rcode() == 0, answer


def _named() -> str:
    found = shutil.which("named", path="/usr/sbin:/usr/local/sbin:/usr/bin:/sbin")
    assert found is not None, "there is no BIND here: sh scripts/test-tools.sh"
    return found


def _free_port(address: str) -> int:
    with socket.socket() as one:
        one.bind((address, 0))
        return int(one.getsockname()[1])
