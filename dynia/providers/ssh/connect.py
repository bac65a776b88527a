"""Opens a connection to a node: exactly the pinned host key, exactly the given key, in bounded time."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import asyncssh

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.interfaces.shape import Shape
from dynia.providers.ssh.connection import SshConnection
from dynia.providers.ssh.keys import KnownHosts, OperatorKey, fingerprint
from dynia.providers.ssh.scripts import Places

_KEEPALIVE_S = 5
_KEEPALIVES_MISSED = 3
_HOST_KEY_KINDS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)


class SshTarget(Shape):
    """Where a node is. `host_keys` are the public key lines of which exactly one is accepted; without any,
    those that known_hosts has for the address. `jump` is ``user@host[:port]``."""

    node: str
    host: str
    port: int = 22
    user: str = "root"
    host_keys: tuple[str, ...] = ()
    jump: str = ""
    connect_timeout: float = 10.0


async def connect(
    target: SshTarget,
    key: OperatorKey,
    *,
    known_hosts: KnownHosts | None = None,
    places: Places = Places(),  # noqa: B008 - a frozen value
    now: Callable[[], float] = time.time,
) -> SshConnection:
    """One open connection. Raises NotObservedError with a reason that a person understands."""
    async with AsyncExitStack() as opened:
        jump = None
        if target.jump:
            jump_target = _jump_target(target)
            jump = await _open(jump_target, key, known_hosts, None)
            opened.callback(jump.close)
        connection = await _open(target, key, known_hosts, jump)
        opened.pop_all()
        return SshConnection(
            connection, jump=jump, node=target.node, user=target.user, places=places, now=now
        )
    raise AssertionError("not reached")


class _Pinned(asyncssh.SSHClient):
    """Accepts the pinned host keys and remembers the one that it refused."""

    def __init__(self, pinned: Sequence[asyncssh.SSHKey]) -> None:
        self._pinned = {key.public_data for key in pinned}
        self.refused: asyncssh.SSHKey | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        if key.public_data in self._pinned:
            return True
        self.refused = key
        return False


async def _open(
    target: SshTarget,
    key: OperatorKey,
    known_hosts: KnownHosts | None,
    tunnel: asyncssh.SSHClientConnection | None,
) -> asyncssh.SSHClientConnection:
    pinned = _pinned_keys(target, known_hosts)
    client = _Pinned(pinned)
    where = f"{target.host}:{target.port}"
    try:
        async with asyncio.timeout(target.connect_timeout):
            return await asyncssh.connect(
                target.host,
                target.port,
                tunnel=tunnel,
                username=target.user,
                client_keys=list(key.private) or None,
                agent_path=key.agent or None,
                client_factory=lambda: client,
                known_hosts=([], [], []),
                server_host_key_algs=_algorithms(pinned),
                config=None,
                preferred_auth="publickey",
                gss_host=None,
                compression_algs=None,
                keepalive_interval=_KEEPALIVE_S,
                keepalive_count_max=_KEEPALIVES_MISSED,
                connect_timeout=target.connect_timeout,
                login_timeout=target.connect_timeout,
            )
    except TimeoutError as error:
        reason, hint, cause = (
            f"no answer from {where} within {target.connect_timeout:g} s (frozen?)",
            "",
            error,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise _host_key_differs(target, pinned, client.refused) from error
    except asyncssh.PermissionDenied as error:
        raise NotObservedError(
            f"permission denied for {target.user} at {where} with {key.name}",
            hint=f"put its public half into ~{target.user}/.ssh/authorized_keys there",
        ) from error
    except asyncssh.Error as error:
        if "host key" in str(error).lower():
            raise _host_key_differs(target, pinned, client.refused) from error
        raise NotObservedError(f"{where} broke off: {error.reason or 'connection lost'}") from error
    except socket.gaierror as error:
        raise NotObservedError(f"{target.host} does not resolve to an address") from error
    except ConnectionRefusedError as error:
        raise NotObservedError(f"connection refused by {where}") from error
    except OSError as error:
        raise NotObservedError(f"{where}: {(error.strerror or str(error)).lower()}") from error
    raise NotObservedError(reason, hint=hint) from cause


def _pinned_keys(target: SshTarget, known_hosts: KnownHosts | None) -> tuple[asyncssh.SSHKey, ...]:
    try:
        keys = tuple(asyncssh.import_public_key(line) for line in target.host_keys if line)
    except asyncssh.KeyImportError as error:
        raise DyniaError(
            f"the host key of {target.node} is not a public key line",
            hint='it looks like "ssh-ed25519 AAAA...", as in /etc/ssh/ssh_host_ed25519_key.pub on the host',
        ) from error
    if not keys and known_hosts is not None:
        keys = known_hosts.keys_of(target.host, target.port)
    if not keys:
        raise DyniaError(
            f"no host key is pinned for {target.node} ({target.host}:{target.port})",
            hint="give `host_key` (a line of /etc/ssh/ssh_host_*_key.pub on the host) or `known_hosts`; "
            "nothing is trusted on first use",
        )
    return keys


def _algorithms(keys: tuple[asyncssh.SSHKey, ...]) -> list[str]:
    """The pinned kinds first, so that the server shows one of them if it can; the others after, so that a
    refusal can name what it showed instead."""
    names = [name.decode() for key in keys for name in key.sig_algorithms]
    return list(dict.fromkeys([*names, *_HOST_KEY_KINDS]))


def _host_key_differs(
    target: SshTarget, pinned: tuple[asyncssh.SSHKey, ...], seen: asyncssh.SSHKey | None
) -> NotObservedError:
    wanted = ", ".join(fingerprint(key) for key in pinned)
    shown = fingerprint(seen) if seen else "none"
    return NotObservedError(
        f"host key differs: {target.host}:{target.port} shows {shown}, pinned is {wanted}",
        hint=f"either {target.node} was reinstalled, or somebody stands in between. If it was you, pin the "
        "new key: `host_key` or `known_hosts` for a host of yours, else delete the machine and apply again",
    )


def _jump_target(target: SshTarget) -> SshTarget:
    user, _, rest = target.jump.rpartition("@")
    host, _, port = rest.partition(":")
    return SshTarget(
        node=f"the jump host {host}",
        host=host,
        port=int(port) if port.isdigit() else 22,
        user=user or target.user,
        connect_timeout=target.connect_timeout,
    )
