"""Which container and port requests go to."""

from __future__ import annotations

import re

from dynia.interfaces.desired import Target
from dynia.interfaces.files.mistakes import did_you_mean
from dynia.interfaces.shape import Shape

_TARGET = re.compile(r"([a-zA-Z0-9._-]+)(?::([0-9]{1,5}))?")


class NoTarget(Shape):
    """Why there is none."""

    rule: str
    message: str
    hint: str


def find_target(written: str, listening: dict[str, tuple[int, ...]]) -> Target | NoTarget:
    """`written` is the `target` of the file, maybe empty; `listening` the TCP ports of each container."""
    choices = [f"{name}:{port}" for name, ports in listening.items() for port in ports]
    if not written:
        return _only(listening, choices)
    match = _TARGET.fullmatch(written)
    if not match or (match[2] and not 1 <= int(match[2]) <= 65535):
        return NoTarget(
            rule="bad-target", message=f"{written!r} is not container:port", hint="for example web:8080"
        )
    name, port = match[1], match[2]
    if name not in listening:
        hint = did_you_mean(name, listening)
        return NoTarget(rule="bad-target", message=f"the compose file has no container {name}", hint=hint)
    if port:
        return Target(container=name, port=int(port))
    ports = sorted(set(listening[name]))
    if len(ports) == 1:
        return Target(container=name, port=ports[0])
    if not ports:
        hint = f"write {name}:PORT, or add expose: to the container"
        return NoTarget(rule="target-unclear", message=f"{name} names no port", hint=hint)
    hint = "write " + " or ".join(f"{name}:{each}" for each in ports)
    return NoTarget(rule="target-unclear", message=f"{name} has {len(ports)} ports", hint=hint)


def _only(listening: dict[str, tuple[int, ...]], choices: list[str]) -> Target | NoTarget:
    unique = sorted(set(choices))
    if len(unique) == 1:
        name, _, port = unique[0].rpartition(":")
        return Target(container=name, port=int(port))
    if unique:
        hint = "add target: " + " or ".join(unique)
        return NoTarget(rule="target-unclear", message=f"{len(unique)} ports could be meant", hint=hint)
    names = " or ".join(f"{name}:PORT" for name in listening) or "container:PORT"
    message = "nothing says on which port the service listens"
    return NoTarget(rule="target-unclear", message=message, hint=f"add target: {names}")
