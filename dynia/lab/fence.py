"""A fence around a rehearsal: while it stands, this process and the nodes of the lab reach nothing outside.

For this process it is one of Python's audit hooks (PEP 578), which sees every connect, whatever library makes
it. For the nodes it is an nftables table of the lab's own, at the place where packets would leave the lab.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from ipaddress import IPv4Network, ip_address

from dynia.interfaces.errors import DyniaError
from dynia.lab.packets import run
from dynia.providers.nodes.docker.lab import Lab

LAB = IPv4Network("198.18.0.0/15")
# Documentation addresses (RFC 5737): nobody is there, so trying one proves the fence and harms nobody.
PROOF = "192.0.2.1"
_EVENTS = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
_RULES = """\
table inet {table}
delete table inet {table}
table inet {table} {{
  chain leaving {{
    type filter hook forward priority -20
    iifname "{bridge}" ip daddr != {lab} counter reject
    iifname "{bridge}" meta nfproto ipv6 counter reject
  }}
}}
"""


class Fence:
    """``with Fence():`` for this process. `refused` is where something wanted to go, in order."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self._stands = False
        self._hooked = False

    def __enter__(self) -> Fence:
        if not self._hooked:
            # A hook cannot be taken away again: it looks whether the fence still stands.
            sys.addaudithook(self._seen)
            self._hooked = True
        self._stands = True
        return self

    def __exit__(self, *_: object) -> None:
        self._stands = False

    def prove(self) -> None:
        """Raise unless this process is refused an address outside, by the fence and by nothing else."""
        before = len(self.refused)
        try:
            socket.create_connection((PROOF, 443), timeout=0.5).close()
        except OSError:
            if self.refused[before:] == [f"{PROOF}:443"]:
                del self.refused[before:]
                return
        raise DyniaError("the fence around this rehearsal does not hold, so nothing was begun")

    def _seen(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._stands:
            return
        if event in _EVENTS and len(arguments) > 1 and isinstance(arguments[1], tuple):
            host, port = arguments[1][:2]
            if not is_here(str(host)):
                self.refused.append(f"{host}:{port}")
                raise ConnectionRefusedError(errno.ECONNREFUSED, f"a rehearsal reaches nobody: {host}:{port}")
        elif (
            event == "socket.getaddrinfo" and isinstance(arguments[0], str) and not _named_here(arguments[0])
        ):
            self.refused.append(f"{arguments[0]}:{arguments[1]}")
            raise socket.gaierror(socket.EAI_NONAME, f"a rehearsal looks nobody up: {arguments[0]}")


def is_here(host: str) -> bool:
    """Loopback or the lab."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    return address.is_loopback or (address.version == 4 and address in LAB)


def _named_here(host: str) -> bool:
    """An address needs no look-up, and is judged when it is connected to."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return host in ("", "localhost")
    return True


async def fence_nodes(lab: Lab, bridge: str) -> None:
    """From now on no packet of the lab's nodes leaves for anywhere but 198.18.0.0/15."""
    await run("nft", "-f", "-", stdin=_RULES.format(table=_table(lab), bridge=bridge, lab=LAB))


async def unfence_nodes(lab: Lab) -> None:
    """Already gone is not an error."""
    with contextlib.suppress(DyniaError):
        await run("nft", "delete", "table", "inet", _table(lab))


def _table(lab: Lab) -> str:
    return f"{lab.name}-fence"
