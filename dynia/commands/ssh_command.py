"""The command line of the system's ssh to a node: pinned key, its port and user. Pure."""

from __future__ import annotations

import shlex

from dynia.state.model import Node


def host_alias(cluster: str, node: Node) -> str:
    """The name under which ssh looks the key up: the node's own, since addresses are used again."""
    return f"dynia.{cluster}.{node.name}"


def known_hosts_line(cluster: str, node: Node) -> str:
    """The line of known_hosts that pins the node's key."""
    kind, key, *_ = [*node.host_key.split(), "", ""]
    return f"{host_alias(cluster, node)} {kind} {key}\n"


def ssh_command(
    cluster: str, node: Node, *, known_hosts: str, identity: str, jump: str, argv: tuple[str, ...]
) -> tuple[str, ...]:
    """The whole argv. Only the pinned key is accepted, whatever the user's own configuration says."""
    words = ["ssh", "-p", str(node.port)]
    for option in (
        f"UserKnownHostsFile={_quoted(known_hosts)}",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        f"HostKeyAlias={host_alias(cluster, node)}",
        "UpdateHostKeys=no",
    ):
        words += ["-o", option]
    if identity:
        words += ["-i", identity, "-o", "IdentitiesOnly=yes"]
    if jump:
        words += ["-J", jump]
    words += ["--", f"{node.user}@{node.address}"]
    # One word is a line for the shell there, as with ssh; several are an argv that arrives as it is.
    command = argv[0] if len(argv) == 1 else shlex.join(argv)
    return (*words, command) if command else tuple(words)


def _quoted(path: str) -> str:
    """ssh reads several files where a path has blanks, and a % begins one of its own words."""
    escaped = path.replace("%", "%%")
    return f'"{escaped}"' if " " in escaped else escaped
