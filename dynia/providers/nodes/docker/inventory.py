"""What a lab has now, as `dynia lab status` shows it."""

from __future__ import annotations

from dynia.interfaces.shape import Shape
from dynia.providers.nodes.docker.docker_cli import inspect, listed
from dynia.providers.nodes.docker.images import images_there
from dynia.providers.nodes.docker.lab import CLUSTER, KIND, NODE_NAME, Lab
from dynia.providers.nodes.docker.network import find_network


class LabNode(Shape):
    """A container of the lab; `state` is Docker's own word."""

    cluster: str
    name: str
    state: str
    address: str


class Inventory(Shape):
    """Everything that carries the lab's label. `reserved` is (cluster, address)."""

    subnet: str
    images: tuple[str, ...]
    nodes: tuple[LabNode, ...]
    reserved: tuple[tuple[str, str], ...]


async def take_inventory(lab: Lab) -> Inventory:
    """Look at all of it."""
    subnet = await find_network(lab)
    containers = await inspect("container", await listed("container", lab.mark))
    volumes = await inspect("volume", await listed("volume", lab.mark, f"label={KIND}=reserved-ip"))
    nodes = (
        LabNode(
            cluster=one["Config"]["Labels"].get(CLUSTER, "?"),
            name=one["Config"]["Labels"].get(NODE_NAME, one["Name"].removeprefix("/")),
            state=one["State"]["Status"],
            address=(one["NetworkSettings"]["Networks"].get(lab.name) or {}).get("IPAddress", ""),
        )
        for one in containers
    )
    reserved = ((v["Labels"].get(CLUSTER, "?"), v["Name"].removeprefix(f"{lab.name}-")) for v in volumes)
    return Inventory(
        subnet=str(subnet) if subnet else "",
        images=tuple(sorted(await images_there())),
        nodes=tuple(sorted(nodes, key=lambda n: (n.cluster, n.name))),
        reserved=tuple(sorted(reserved)),
    )
