"""Who has which address of the lab: a claim is a labelled volume, whose creation by name is atomic."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

import msgspec

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.shape import Shape
from dynia.providers.nodes.docker.docker_cli import Deed, DockerRefused, docker, inspect, listed
from dynia.providers.nodes.docker.lab import CLUSTER, CONTAINER, KIND, LAB, LINEAGE, ORDINAL, Lab


class Holder(Shape):
    """Whose an address is: a node's by ordinal, or the cluster's reserved IP."""

    lineage: str
    cluster: str
    kind: str  # "node" or "reserved-ip"
    ordinal: int = 0
    container: str = ""


class Claim(Shape):
    """An address and its holder. `volume` is the claim itself, and a node's /var/lib/docker."""

    volume: str
    address: str
    holder: Holder


async def claims(lab: Lab, lineage: str, cluster: str, kind: str) -> tuple[Claim, ...]:
    """The claims of a cluster, of one kind."""
    filters = (lab.mark, f"label={LINEAGE}={lineage}", f"label={CLUSTER}={cluster}", f"label={KIND}={kind}")
    seen = await inspect("volume", await listed("volume", *filters))
    return tuple(sorted((_claim(lab, one) for one in seen), key=lambda c: IPv4Address(c.address)))


async def claim(
    lab: Lab, subnet: IPv4Network, tails: Iterable[int], holder: Holder, deed: Deed = docker
) -> Claim:
    """A free address for the holder. Creating a volume that exists changes nothing: labels say who won."""
    taken = set(await listed("volume", lab.mark))
    for tail in tails:
        name = _volume(lab, str(subnet[tail]))
        if name in taken:
            continue
        labels = {LAB: lab.id, **_labels(holder)}
        marked = [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
        await deed("volume", "create", *marked, name)
        for seen in await inspect("volume", (name,)):
            won = _claim(lab, seen)
            if won.holder == holder:
                return won
    raise DyniaError(
        f"no address is free in the lab's network {subnet}", hint="destroy a cluster of this lab"
    )


async def drop(name: str, deed: Deed = docker) -> None:
    """Give a claim back. Already gone is not an error."""
    try:
        await deed("volume", "rm", "--force", name)
    except DockerRefused as error:
        if "no such volume" not in error.said.lower():
            raise


def _volume(lab: Lab, address: str) -> str:
    return f"{lab.name}-{address}"


def _labels(holder: Holder) -> dict[str, str]:
    return {
        LINEAGE: holder.lineage,
        CLUSTER: holder.cluster,
        KIND: holder.kind,
        ORDINAL: str(holder.ordinal),
        CONTAINER: holder.container,
    }


def _claim(lab: Lab, seen: dict[str, object]) -> Claim:
    labels = msgspec.convert(seen.get("Labels") or {}, dict[str, str])
    name = str(seen["Name"])
    holder = Holder(
        lineage=labels.get(LINEAGE, ""),
        cluster=labels.get(CLUSTER, ""),
        kind=labels.get(KIND, ""),
        ordinal=int(labels.get(ORDINAL) or 0),
        container=labels.get(CONTAINER, ""),
    )
    return Claim(volume=name, address=name.removeprefix(f"{lab.name}-"), holder=holder)
