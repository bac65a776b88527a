"""The lab as a `NodeProvider`: the same promises as a cloud, kept with containers and labelled volumes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import Offer, ProviderAddress, ProviderNode
from dynia.providers.guard import FREE, Guard
from dynia.providers.nodes.docker import addresses
from dynia.providers.nodes.docker.addresses import Holder
from dynia.providers.nodes.docker.docker_cli import DockerRefused, docker, inspect, listed
from dynia.providers.nodes.docker.images import node_image
from dynia.providers.nodes.docker.lab import (
    CLUSTER,
    CONTAINER,
    HOST_KEY,
    LAB,
    LINEAGE,
    NODE_NAME,
    ORDINAL,
    Lab,
)
from dynia.providers.nodes.docker.machine import Machine, bounding_set, create_arguments
from dynia.providers.nodes.docker.network import NODE_TAILS, RESERVED_TAILS, network
from dynia.providers.nodes.docker.ready import make_ready
from dynia.providers.nodes.docker.seed import seed
from dynia.providers.nodes.docker.ssh_answers import ssh_answers
from dynia.providers.protocols import NodeOrder

ATTEMPTS = 3
# `created` never ran: it may lack its keys, so it is not a machine yet.
STATUS: dict[str, Literal["running", "off"]] = {
    "running": "running",
    "paused": "running",
    "restarting": "running",
    "exited": "off",
}


class DockerNodeProvider:
    """Nodes and reserved IPs of one lab. A node's provider_id is the name of its container. `guard` says
    before each command that changes something whether this run may still act."""

    def __init__(self, lab: Lab, tell: Callable[[str], None] = lambda _: None, guard: Guard = FREE) -> None:
        self._deed = partial(docker, guard=guard)
        self._lab = lab
        self._tell = tell
        self._making_ready = asyncio.Lock()
        self._ready = False

    async def list_nodes(self, lineage: str, cluster: str) -> tuple[ProviderNode, ...]:
        filters = (self._lab.mark, f"label={LINEAGE}={lineage}", f"label={CLUSTER}={cluster}")
        seen = await inspect("container", await listed("container", *filters))
        return tuple(sorted((_node(self._lab, one) for one in seen), key=lambda n: n.ordinal))

    async def lineages(self, cluster: str) -> tuple[str, ...]:
        filters = (self._lab.mark, f"label={CLUSTER}={cluster}", f"label={ORDINAL}")
        seen = await inspect("container", await listed("container", *filters))
        return tuple(sorted({one["Config"]["Labels"].get(LINEAGE, "") for one in seen} - {""}))

    async def offer(self, lineage: str, cluster: str, *, size: str, image: str, region: str) -> Offer:
        return Offer()

    async def create_node(self, order: NodeOrder) -> ProviderNode:
        name = _container(self._lab, order.lineage, order.cluster, order.ordinal)
        for _ in range(ATTEMPTS):
            found = await self._find(name)
            if found is None or found.status == "absent":
                await self._remove(name)  # one half made, or what is left of one that is gone
                with contextlib.suppress(_TwinMade):
                    await self._make(name, order)
                    return await self._started(name)
            elif found.status == "off":
                return await self._started(name)
            else:
                await ssh_answers(found)
                return found
        raise DyniaError(f"node {order.name}: another run is making the same machine")

    async def start_node(self, provider_id: str) -> ProviderNode:
        await self._ours(provider_id)
        found = await self._find(provider_id)
        if found is None or found.status == "absent":
            raise DyniaError(f"machine {provider_id} is not there")
        return found if found.status == "running" else await self._started(provider_id)

    async def delete_node(self, provider_id: str) -> None:
        await self._ours(provider_id)
        await self._remove(provider_id)

    async def list_reserved_ips(self, lineage: str, cluster: str) -> tuple[ProviderAddress, ...]:
        found = await addresses.claims(self._lab, lineage, cluster, "reserved-ip")
        return tuple(ProviderAddress(provider_id=one.volume, address=one.address) for one in found)

    async def allocate_reserved_ip(self, lineage: str, cluster: str) -> ProviderAddress:
        for known in await self.list_reserved_ips(lineage, cluster):
            return known
        await self._make_ready(node_image())
        holder = Holder(lineage=lineage, cluster=cluster, kind="reserved-ip")
        won = await addresses.claim(self._lab, await network(self._lab), RESERVED_TAILS, holder, self._deed)
        return ProviderAddress(provider_id=won.volume, address=won.address)

    async def release_reserved_ip(self, provider_id: str) -> None:
        for seen in await inspect("volume", (provider_id,)):
            _check_ours(self._lab, provider_id, seen.get("Labels"))
        await addresses.drop(provider_id, self._deed)

    async def attach_reserved_ip(self, provider_id: str, node_provider_id: str) -> None:
        raise _no_api()

    async def detach_reserved_ip(self, provider_id: str) -> None:
        raise _no_api()

    async def _started(self, name: str) -> ProviderNode:
        await self._deed("start", name)
        found = await self._find(name)
        if found is None:
            raise DyniaError(f"machine {name} is gone")
        await ssh_answers(found)
        return found

    async def _make_ready(self, image: str) -> None:
        async with self._making_ready:
            if not self._ready:
                await make_ready(self._lab, self._tell, images=frozenset({image}))
                self._ready = True

    async def _make(self, name: str, order: NodeOrder) -> None:
        """Create, give keys, and leave the start to the caller: what was started has its keys."""
        image = order.image or node_image()
        await self._make_ready(image)
        holder = Holder(
            lineage=order.lineage, cluster=order.cluster, kind="node", ordinal=order.ordinal, container=name
        )
        claimed = await addresses.claim(self._lab, await network(self._lab), NODE_TAILS, holder, self._deed)
        machine = Machine(
            name=name,
            hostname=order.name,
            image=image,
            network=self._lab.name,
            address=claimed.address,
            volume=claimed.volume,
            labels={
                LAB: self._lab.id,
                LINEAGE: order.lineage,
                CLUSTER: order.cluster,
                ORDINAL: str(order.ordinal),
                NODE_NAME: order.name,
                HOST_KEY: " ".join(order.host_public_key.split()[:2]),
            },
        )
        cgroup = (await docker("info", "--format", "{{.CgroupVersion}}")).strip()
        try:
            await self._deed(*create_arguments(machine, bounding_set(), cgroup))
        except DockerRefused as error:
            if "already in use" in error.said:
                raise _TwinMade from error
            raise
        keys = seed(order.host_private_key, order.host_public_key, order.authorized_key)
        await self._deed("cp", "-", f"{name}:/", stdin=keys)

    async def _find(self, name: str) -> ProviderNode | None:
        for seen in await inspect("container", (name,)):
            return _node(self._lab, seen)
        return None

    async def _ours(self, name: str) -> None:
        for seen in await inspect("container", (name,)):
            _check_ours(self._lab, name, seen["Config"].get("Labels"))

    async def _remove(self, name: str) -> None:
        """The container and its claim, found by identity, so that a half done removal can be ended."""
        with contextlib.suppress(DockerRefused):
            await self._deed("rm", "--force", "--volumes", name)
        if await inspect("container", (name,)):
            raise DyniaError(f"{name} could not be removed")
        for volume in await listed("volume", self._lab.mark, f"label={CONTAINER}={name}"):
            await addresses.drop(volume, self._deed)


class _TwinMade(Exception):
    """The name was taken between looking and creating."""


def _container(lab: Lab, lineage: str, cluster: str, ordinal: int) -> str:
    """A name per identity: Docker itself then refuses a twin."""
    short = hashlib.sha256(lineage.encode()).hexdigest()[:6]
    return f"{lab.name}-{short}-{cluster}-{ordinal}"


def _node(lab: Lab, seen: dict[str, Any]) -> ProviderNode:
    labels = seen["Config"]["Labels"]
    wired = seen["NetworkSettings"]["Networks"].get(lab.name) or {}
    address = (wired.get("IPAMConfig") or {}).get("IPv4Address") or wired.get("IPAddress") or ""
    return ProviderNode(
        provider_id=seen["Name"].removeprefix("/"),
        name=labels.get(NODE_NAME, ""),
        ordinal=int(labels.get(ORDINAL) or 0),
        status=STATUS.get(seen["State"]["Status"], "absent"),
        public_ip=address,
        private_ip=address,
        host_key=labels.get(HOST_KEY, ""),
    )


def _check_ours(lab: Lab, name: str, labels: dict[str, str] | None) -> None:
    if (labels or {}).get(LAB) != lab.id:
        raise Refused(f"{name} does not carry the label of the lab of {lab.root}")


def _no_api() -> DyniaError:
    return DyniaError(
        "entry kind api is not for the lab", hint="use `entry: {kind: vip}`: keepalived moves it"
    )
