"""Keys and known hosts: read once per command, never per connection."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from dynia.interfaces.errors import DyniaError

USUAL = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """How the operator shows who they are. `name` is for messages; `public` is the authorized_keys line,
    empty if only an agent is asked; `agent` is the agent's socket, empty if it is not to be asked."""

    name: str
    public: str = ""
    private: tuple[asyncssh.SSHKey, ...] = ()
    agent: str = ""


def load_operator_key(path: str) -> OperatorKey:
    """The key of a file. Raises DyniaError if it can't be read or needs a passphrase."""
    try:
        key = asyncssh.read_private_key(path)
    except asyncssh.KeyEncryptionError as error:
        raise DyniaError(
            f"the key {path} needs a passphrase",
            hint="load it into ssh-agent and leave `ssh.key` out, or use a key without one",
        ) from error
    except (OSError, asyncssh.KeyImportError) as error:
        raise DyniaError(
            f"the key {path} can't be read: {error}", hint="`ssh.key` names a private key in OpenSSH format"
        ) from error
    public = key.export_public_key().decode().strip()
    return OperatorKey(name=path, public=public, private=(key,))


def agent_key(socket: str) -> OperatorKey:
    """The keys of a running ssh-agent; `socket` is what SSH_AUTH_SOCK says."""
    return OperatorKey(name="the keys of ssh-agent", agent=socket)


def usual_key(home: Path) -> Path | None:
    """The private key that ssh takes where nobody names one."""
    return next((p for name in USUAL if (p := home / ".ssh" / name).is_file()), None)


async def public_of(key: OperatorKey) -> str:
    """The authorized_keys line of a new machine; an agent is asked for its first key."""
    if key.public or not key.agent:
        return key.public
    try:
        async with asyncssh.connect_agent(key.agent) as agent:
            offered = await agent.get_keys()
    except (OSError, ValueError) as error:
        raise DyniaError(f"ssh-agent does not answer: {error}", hint="give `ssh: {key: ...}`") from error
    if not offered:
        raise DyniaError("ssh-agent has no key", hint="ssh-add, or give `ssh: {key: ...}`")
    return f"{offered[0].algorithm.decode()} {base64.b64encode(offered[0].public_data).decode()}"


def fresh_key() -> tuple[str, str]:
    """A new ed25519 key as OpenSSH text: private, public."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    return key.export_private_key().decode(), key.export_public_key().decode().strip()


def public_line(text: str) -> str:
    """A public key as one line without its comment. Raises DyniaError where it is none."""
    try:
        key = asyncssh.import_public_key(text)
    except (ValueError, asyncssh.KeyImportError) as error:
        raise DyniaError(
            "that is no public host key", hint="it is a line like: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5..."
        ) from error
    return " ".join(key.export_public_key().decode().split()[:2])


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """An OpenSSH known_hosts file."""

    name: str
    entries: asyncssh.SSHKnownHosts

    def keys_of(self, host: str, port: int) -> tuple[asyncssh.SSHKey, ...]:
        """The keys that the file has for an address; certificates are not looked at."""
        return tuple(self.entries.match(host, host, port)[0])

    def line_of(self, host: str, port: int) -> str:
        """The strongest kind of key that the file has for an address, as a public key line; empty: none."""
        lines = [key.export_public_key().decode().strip() for key in self.keys_of(host, port)]
        return min(lines, key=lambda line: not line.startswith("ssh-ed25519 "), default="")


def load_known_hosts(path: str) -> KnownHosts:
    """Raises DyniaError if the file can't be read."""
    try:
        entries = asyncssh.import_known_hosts(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DyniaError(f"the known_hosts file {path} can't be read: {error}") from error
    return KnownHosts(name=path, entries=entries)


def fingerprint(key: asyncssh.SSHKey) -> str:
    """As ``ssh-keygen -l`` shows it."""
    return key.get_fingerprint("sha256")
