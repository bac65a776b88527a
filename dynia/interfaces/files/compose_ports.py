"""Ports of a container: what it publishes on the node, and what it listens on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.mistakes import mistake
from dynia.interfaces.files.yaml_tree import Mapping, Path, Scalar, Spot, Tree, child, items, text_of
from dynia.interfaces.shape import Shape

# sshd, HAProxy (HTTP, HTTPS), Caddy, HAProxy's statistics
OURS = {22: "sshd", 80: "HAProxy", 443: "HAProxy", 8080: "Caddy", 8404: "HAProxy"}
_SHORT = re.compile(
    r"(?:(?:(?P<ip>[0-9.]+|\[[0-9a-fA-F:]+\]):)?(?P<published>[0-9]*(?:-[0-9]+)?):)?"
    r"(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>tcp|udp|sctp))?"
)

# Ranges are written in a few characters each; target and published count both.
MOST_PORTS = 2 * 65535


class Port(Shape):
    """`published` is empty when nothing is published on a port of the node that is known beforehand."""

    target: tuple[int, ...]
    published: tuple[int, ...]
    protocol: str
    address: str
    spot: Spot
    path: Path


def ports(container: Tree, path: Path, found: list[Mistake]) -> tuple[Port, ...]:
    """What stands under ``ports``."""
    result: list[Port] = []
    total = 0
    for index, item in enumerate(items(child(container, "ports"))):
        here = (*path, "ports", index)
        port = _long(item, here) if isinstance(item, Mapping) else _short(item, here)
        if port is None:
            message, hint = "not a port", 'for example "5353:5353/udp", or "9000"'
            found.append(mistake(item.spot, here, "bad-port", message, hint))
        else:
            result.append(port)
            total += len(port.target) + len(port.published)
        if total > MOST_PORTS:
            message = "more ports than a machine has"
            found.append(mistake(item.spot, here, "too-many-ports", message))
            break
    return tuple(result)


def exposed(container: Tree, path: Path, found: list[Mistake]) -> tuple[int, ...]:
    """What stands under ``expose``, TCP only."""
    result: list[int] = []
    for index, item in enumerate(items(child(container, "expose"))):
        text = text_of(item) or ""
        port, _, protocol = text.partition("/")
        numbers = _range(port)
        if not numbers or protocol not in ("", "tcp", "udp", "sctp"):
            found.append(mistake(item.spot, (*path, "expose", index), "bad-port", "not a port"))
        elif protocol in ("", "tcp"):
            result.extend(numbers)
        if len(result) > MOST_PORTS:
            message = "more ports than a machine has"
            found.append(mistake(item.spot, (*path, "expose", index), "too-many-ports", message))
            break
    return tuple(result)


def _short(item: Tree, path: Path) -> Port | None:
    match = _SHORT.fullmatch(item.text) if isinstance(item, Scalar) else None
    if not match:
        return None
    target, published = _range(match["target"]), _range(match["published"] or "")
    if not target or (match["published"] and not published):
        return None
    if published and len(target) > 1 and len(published) != len(target):
        return None
    protocol = match["protocol"] or "tcp"
    return Port(
        target=target,
        published=published if len(published) == len(target) else (),
        protocol=protocol,
        address=(match["ip"] or "").strip("[]"),
        spot=item.spot,
        path=path,
    )


def _long(item: Mapping, path: Path) -> Port | None:
    target = _range(text_of(child(item, "target")) or "")
    published = _range(text_of(child(item, "published")) or "")
    if not target or ("published" in item.entries and not published):
        return None
    shown = item.entries.get("published")
    return Port(
        target=target,
        published=published if len(published) == len(target) else (),
        protocol=text_of(child(item, "protocol")) or "tcp",
        address=text_of(child(item, "host_ip")) or "",
        spot=shown.value.spot if shown else item.spot,
        path=(*path, "published") if shown else path,
    )


def _range(text: str) -> tuple[int, ...]:
    first, _, last = text.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal() or len(text) > 11:
        return ()
    low, high = int(first), int(last or first)
    return tuple(range(low, high + 1)) if 1 <= low <= high <= 65535 else ()


def taken(name: str, port: Port, owners: dict[tuple[int, str], list[tuple[str, str]]]) -> Iterator[Mistake]:
    """Ports of the node that somebody has already; `owners` grows by this one's. `name` is for messages."""
    for number in port.published:
        if port.protocol == "tcp" and number in OURS:
            message = f"port {number} of every node belongs to {OURS[number]}"
            hint = "remove it: requests reach the container through its target port"
            yield mistake(port.spot, port.path, "port-taken", message, hint)
            return
        others = owners.setdefault((number, port.protocol), [])
        clash = next((who for who, address in others if _overlap(address, port.address)), None)
        if clash is not None:
            message = f"port {number}/{port.protocol} of every node is published by {clash}"
            yield mistake(port.spot, port.path, "port-taken", message, "publish another one")
            return
        others.append((name, port.address))


def _overlap(one: str, other: str) -> bool:
    everywhere = ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return one == other or one in everywhere or other in everywhere
