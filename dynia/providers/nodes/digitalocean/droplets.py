"""Droplets as nodes: found by tag, made once, started, deleted."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from typing import Literal

from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import ProviderNode
from dynia.interfaces.shape import Shape
from dynia.providers.nodes.digitalocean.catalogue import Wanted, check_room, check_wanted
from dynia.providers.nodes.digitalocean.marks import NodeMark, cluster_tag, node_mark, node_tag
from dynia.providers.nodes.digitalocean.rights import check_rights
from dynia.providers.nodes.digitalocean.user_data import user_data
from dynia.providers.nodes.digitalocean.vendor import Vendor
from dynia.providers.protocols import NodeOrder
from dynia.providers.vendor_calls import (
    Gone,
    Json,
    Lacking,
    Pending,
    Settled,
    VendorRefused,
)

STATUS: dict[str, Literal["running", "off", "absent"]] = {
    "active": "running",
    "off": "off",
    "archive": "off",
    "new": "absent",
}
Identity = tuple[str, str, int]
CREATE_SCOPES = "droplet:create (with tag:create and ssh_key:read)"


class Defaults(Shape):
    """What an order leaves open. `vpc` is a UUID; empty: the default VPC of the region."""

    region: str = ""
    size: str = "s-1vcpu-1gb"
    image: str = "debian-13-x64"
    vpc: str = ""


class Droplets:
    def __init__(self, vendor: Vendor, defaults: Defaults) -> None:
        self._vendor, self._defaults = vendor, defaults
        self._checked: set[Wanted] = set()
        self._checking = asyncio.Lock()
        # Orders whose droplet is not there yet: room is checked for all of them before the first is made, and
        # one that was refused still counts for those beside it.
        self._in_hand: set[Identity] = set()
        self._at_work = 0

    async def find(self, lineage: str, cluster: str) -> list[tuple[Json, NodeMark]]:
        """The droplets of a cluster, oldest first."""
        tag = cluster_tag(lineage, cluster)
        listed = await self._vendor.pages("droplet:read", "droplets.list", "droplets", tag_name=tag)
        found = [(droplet, node_mark(droplet["tags"])) for droplet in listed]
        ours = [
            (droplet, mark)
            for droplet, mark in found
            if mark is not None and (mark.lineage, mark.cluster) == (lineage, cluster)
        ]
        return sorted(ours, key=lambda one: int(one[0]["id"]))

    async def lineages(self, cluster: str) -> tuple[str, ...]:
        """By the droplets' own tags: one that is on nothing any more says nothing."""
        listed = await self._vendor.pages("droplet:read", "droplets.list", "droplets")
        marks = (node_mark(droplet["tags"]) for droplet in listed)
        return tuple(sorted({m.lineage for m in marks if m is not None and m.cluster == cluster}))

    def wanted(self, size: str, image: str, region: str) -> Wanted:
        """An order, with what it leaves open."""
        return Wanted(
            size=size or self._defaults.size,
            image=image or self._defaults.image,
            region=region or self._defaults.region,
        )

    async def create(self, order: NodeOrder) -> ProviderNode:
        identity = (order.lineage, order.cluster, order.ordinal)
        self._in_hand.add(identity)
        self._at_work += 1

        async def look() -> Settled[ProviderNode] | Pending | Lacking:
            for droplet, mark in await self.find(order.lineage, order.cluster):
                if mark.ordinal == order.ordinal:
                    self._in_hand.discard(identity)
                    return self._awaited(droplet, mark)
            return Lacking("create", lambda: self._make(order, identity))

        try:
            return await self._vendor.settle(f"node {order.name}", look)
        finally:
            self._at_work -= 1
            if not self._at_work:
                self._in_hand.clear()

    async def start(self, provider_id: str) -> ProviderNode:
        async def look() -> Settled[ProviderNode] | Pending | Lacking:
            return self._awaited(*await self._ours(provider_id))

        return await self._vendor.settle(f"droplet {provider_id}", look)

    async def delete(self, provider_id: str) -> None:
        """The droplet and its disk, and the tag that was its own."""
        tags: list[str] = []

        async def look() -> Settled[None] | Pending | Lacking:
            try:
                droplet, mark = await self._ours(provider_id)
            except Gone:
                return Settled(None)
            tags[:] = [mark.tag]
            if droplet["locked"]:
                return Pending("another event of it is under way")
            return Lacking("delete", lambda: self._destroy(int(droplet["id"])))

        await self._vendor.settle(f"droplet {provider_id}", look)
        for tag in tags:
            await delete_tag(self._vendor, tag)

    async def ours(self, provider_id: str) -> NodeMark:
        """Raise unless this is a droplet that Dynia made."""
        return (await self._ours(provider_id))[1]

    def _awaited(self, droplet: Json, mark: NodeMark) -> Settled[ProviderNode] | Pending | Lacking:
        """A droplet that shall run."""
        node = as_node(droplet, mark)
        if node.status == "running" and node.public_ip and node.private_ip:
            return Settled(node)
        if node.status != "off" or droplet["locked"]:
            return Pending(f"it is {droplet['status']}, another event of it is under way")
        return Lacking("power on", lambda: self._power_on(int(droplet["id"])))

    async def _make(self, order: NodeOrder, identity: Identity) -> None:
        self._in_hand.add(identity)
        wanted = self.wanted(order.size, order.image, order.region)
        async with self._checking:
            if wanted not in self._checked:
                await check_wanted(self._vendor, wanted)
                await check_rights(self._vendor)
                self._checked.add(wanted)
        await check_room(self._vendor, droplets=len(self._in_hand))
        body: Json = {
            "name": order.name,
            "region": wanted.region,
            "size": wanted.size,
            "image": int(wanted.image) if wanted.image.isdigit() else wanted.image,
            "ssh_keys": [await self._key(order.authorized_key)],
            "tags": [
                cluster_tag(order.lineage, order.cluster),
                node_tag(order.lineage, order.cluster, order.ordinal, order.host_public_key),
            ],
            "user_data": user_data(order),
        }
        if self._defaults.vpc:
            body["vpc_uuid"] = self._defaults.vpc
        self._in_hand.discard(identity)  # from here on it is in what the account has
        made = await self._vendor.ask(CREATE_SCOPES, "droplets.create", repeatable=False, body=body)
        for action in made["links"]["actions"]:
            await self._done(int(made["droplet"]["id"]), int(action["id"]))

    async def _key(self, public: str) -> str:
        """The operator's key in the account, by fingerprint. Without one, DigitalOcean sets a root password
        that has expired, and every log-in ends at it. The key stays: others may use it."""
        mark = fingerprint(public)

        async def look() -> Settled[str] | Lacking:
            try:
                await self._vendor.ask("ssh_key:read", "ssh_keys.get", ssh_key_identifier=mark)
            except Gone:
                return Lacking("add", add)
            return Settled(mark)

        async def add() -> None:
            body = {"name": f"dynia-{mark.replace(':', '')[:8]}", "public_key": public}
            try:
                await self._vendor.ask("ssh_key:create", "ssh_keys.create", repeatable=False, body=body)
            except VendorRefused as error:
                if error.status != 422 or "already" not in error.said:
                    raise

        return await self._vendor.settle("the SSH key", look)

    async def _power_on(self, droplet: int) -> None:
        begun = await self._vendor.ask(
            "droplet:update",
            "droplet_actions.post",
            repeatable=False,
            droplet_id=droplet,
            body={"type": "power_on"},
        )
        await self._done(droplet, int(begun["action"]["id"]))

    async def _destroy(self, droplet: int) -> None:
        try:
            await self._vendor.ask("droplet:delete", "droplets.destroy", droplet_id=droplet)
        except Gone:
            return  # an answer was lost, and the call made again

    async def _done(self, droplet: int, action: int) -> None:
        await self._vendor.finished(
            lambda: self._vendor.ask(
                "droplet:read", "droplet_actions.get", droplet_id=droplet, action_id=action
            )
        )

    async def get(self, provider_id: str) -> Json:
        """A droplet, whosoever it is. `Gone` where there is none."""
        if not provider_id.isascii() or not provider_id.isdigit():
            raise Refused(f"{provider_id} is no droplet of DigitalOcean's (they have numbers)")
        try:
            got = await self._vendor.ask("droplet:read", "droplets.get", droplet_id=int(provider_id))
        except Gone as error:
            message = f"there is no droplet {provider_id} (any more)"
            raise Gone(message, status=error.status, said=error.said) from error
        droplet: Json = got["droplet"]
        return droplet

    async def _ours(self, provider_id: str) -> tuple[Json, NodeMark]:
        droplet = await self.get(provider_id)
        mark = node_mark(droplet["tags"])
        if mark is None:
            raise Refused(
                f"droplet {provider_id} ({droplet['name']}) does not carry a tag of Dynia's",
                hint="it was made by somebody else, or its tags were removed: nothing was done to it",
            )
        return droplet, mark


async def delete_tag(vendor: Vendor, tag: str) -> None:
    """Gone already is as good."""
    try:
        await vendor.ask("tag:delete", "tags.delete", tag_id=tag)
    except Gone:
        return


def as_node(droplet: Json, mark: NodeMark) -> ProviderNode:
    addresses = {one["type"]: one["ip_address"] for one in droplet["networks"]["v4"]}
    return ProviderNode(
        provider_id=str(droplet["id"]),
        name=droplet["name"],
        ordinal=mark.ordinal,
        status=STATUS[droplet["status"]],
        public_ip=addresses.get("public", ""),
        private_ip=addresses.get("private", ""),
        host_key=mark.host_key,
    )


def fingerprint(public: str) -> str:
    """MD5, colons: how DigitalOcean names a key."""
    try:
        blob = base64.b64decode(public.split()[1], validate=True)
    except (IndexError, binascii.Error) as error:
        raise DyniaError("the operator's public key is not one line of OpenSSH's format") from error
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, 32, 2))
