"""The reserved IP of a cluster: allocated once, moved, released, and found again after any crash.

DigitalOcean's reserved IPs take neither names nor tags, so the mark is a tag that is on nothing and names the
address. It can be written only when the address is known, so before the create another tag says for which
droplet it will be: an address on that droplet is then ours although its answer was lost.
"""

from __future__ import annotations

from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import ProviderAddress
from dynia.providers.nodes.digitalocean.catalogue import check_room
from dynia.providers.nodes.digitalocean.droplets import Droplets, delete_tag
from dynia.providers.nodes.digitalocean.marks import (
    ClusterMarks,
    address_mark,
    address_tag,
    claim_tag,
    cluster_marks,
)
from dynia.providers.nodes.digitalocean.vendor import Vendor
from dynia.providers.vendor_calls import (
    Gone,
    Json,
    Lacking,
    Pending,
    Settled,
    VendorRefused,
)

UNDER_WAY = "another event of it is under way"


class ReservedIps:
    def __init__(self, vendor: Vendor, droplets: Droplets) -> None:
        self._vendor, self._droplets = vendor, droplets

    async def find(self, lineage: str, cluster: str) -> tuple[ProviderAddress, ...]:
        marks = cluster_marks(await self.tags(), lineage, cluster)
        if not marks.addresses and not marks.claims:
            return ()
        return tuple(as_address(one) for one in _ours(await self._all(), marks))

    async def allocate(self, lineage: str, cluster: str) -> ProviderAddress:
        """One for a droplet of the cluster. There must be a droplet: the address is born on it."""

        async def look() -> Settled[ProviderAddress] | Pending | Lacking:
            marks = cluster_marks(await self.tags(), lineage, cluster)
            listed = await self._all()
            ours, claim = _ours(listed, marks), min(marks.claims, default=None)
            if not ours:
                if claim is not None and any(one["locked"] and not one["droplet"] for one in listed):
                    return Pending("an address that may be ours is being assigned")
                return await self._next(lineage, cluster, claim, listed)
            one = ours[0]
            if one["ip"] not in marks.addresses:
                return Lacking("mark", lambda: self.put_tag(address_tag(lineage, cluster, one["ip"])))
            if claim is not None:
                return Lacking("unclaim", lambda: self._drop_claim(lineage, cluster, claim))
            return Pending("it is being assigned") if one["locked"] else Settled(as_address(one))

        return await self._vendor.settle("the reserved IP", look)

    async def _next(self, lineage: str, cluster: str, claim: int | None, listed: list[Json]) -> Lacking:
        """Claim a droplet, then allocate for it; a claim on a droplet that can't take one is dropped."""
        taken = {one["droplet"]["id"] for one in listed if one["droplet"]}
        found = await self._droplets.find(lineage, cluster)
        free = [one["id"] for one, _ in found if one["status"] == "active" and one["id"] not in taken]
        if claim is not None and claim in free:
            return Lacking("allocate", lambda: self._create(lineage, cluster, claim))
        if claim is not None:
            return Lacking("unclaim", lambda: self._drop_claim(lineage, cluster, claim))
        if not free:
            raise DyniaError(
                f"DigitalOcean: no running droplet of {cluster} is free to take a reserved IP",
                hint="a droplet has one at most; unassign a foreign one, or create a node first",
            )
        await check_room(self._vendor, addresses=1)
        return Lacking("claim", lambda: self.put_tag(claim_tag(lineage, cluster, free[0])))

    async def _drop_claim(self, lineage: str, cluster: str, droplet: int) -> None:
        await delete_tag(self._vendor, claim_tag(lineage, cluster, droplet))

    async def release(self, address: str) -> None:
        if not await self._exists(address):
            return await self._forget(address)

        async def look() -> Settled[None] | Pending | Lacking:
            try:
                one = await self.get(address)
            except Gone:
                return Settled(None)
            if one["locked"]:
                return Pending(UNDER_WAY)
            return Lacking("release", lambda: self._delete(address))

        await self._vendor.settle(f"reserved IP {address}", look)
        return await self._forget(address)

    async def attach(self, address: str, node: str) -> None:
        mark = await self._droplets.ours(node)
        if (mark.lineage, mark.cluster, address) not in await self._marks(address):
            raise Refused(f"reserved IP {address} is not of the cluster of droplet {node} ({mark.cluster})")

        async def look() -> Settled[None] | Pending | Lacking:
            one = await self.get(address)
            if one["locked"]:
                return Pending(UNDER_WAY)
            if one["droplet"] and str(one["droplet"]["id"]) == node:
                return Settled(None)
            assign = {"type": "assign", "droplet_id": int(node)}
            return Lacking("assign", lambda: self._act(address, assign))

        await self._vendor.settle(f"reserved IP {address}", look)

    async def detach(self, address: str) -> None:
        if not await self._exists(address):
            return

        async def look() -> Settled[None] | Pending | Lacking:
            try:
                one = await self.get(address)
            except Gone:
                return Settled(None)
            if one["locked"]:
                return Pending(UNDER_WAY)
            if not one["droplet"]:
                return Settled(None)
            return Lacking("unassign", lambda: self._act(address, {"type": "unassign"}))

        await self._vendor.settle(f"reserved IP {address}", look)

    async def _create(self, lineage: str, cluster: str, droplet: int) -> None:
        made = await self._vendor.ask(
            "reserved_ip:create", "reserved_ips.create", repeatable=False, body={"droplet_id": droplet}
        )
        # At once: were the assignment to fail, the droplet would no longer tell that the address is ours.
        await self.put_tag(address_tag(lineage, cluster, made["reserved_ip"]["ip"]))
        for action in made["links"]["actions"]:
            await self._done(made["reserved_ip"]["ip"], int(action["id"]))

    async def _act(self, address: str, body: Json) -> None:
        begun = await self._vendor.ask(
            "reserved_ip:update",
            "reserved_ips_actions.post",
            repeatable=False,
            reserved_ip=address,
            body=body,
        )
        await self._done(address, int(begun["action"]["id"]))

    async def _delete(self, address: str) -> None:
        try:
            await self._vendor.ask("reserved_ip:delete", "reserved_ips.delete", reserved_ip=address)
        except Gone:
            return  # an answer was lost, and the call made again

    async def put_tag(self, tag: str) -> None:
        """Exists already is as good: the answer to the first try was lost."""
        try:
            await self._vendor.ask("tag:create", "tags.create", body={"name": tag})
        except VendorRefused as error:
            if error.status != 422:
                raise
            await self._vendor.ask("tag:read", "tags.get", tag_id=tag)

    async def _done(self, address: str, action: int) -> None:
        await self._vendor.finished(
            lambda: self._vendor.ask(
                "reserved_ip:read", "reserved_ips_actions.get", reserved_ip=address, action_id=action
            )
        )

    async def _exists(self, address: str) -> bool:
        """False: there is no such address. Raises where it is somebody else's."""
        if await self._is_gone(address):
            return False
        if not await self._marks(address):
            raise Refused(
                f"reserved IP {address} does not carry a mark of Dynia's",
                hint="it was allocated by somebody else: nothing was done to it",
            )
        return True

    async def _forget(self, address: str) -> None:
        """Its mark, and those of its cluster whose address is gone: a run that died between the two calls of
        a release may have left one that nothing else leads to."""
        marks = [mark for mark in map(address_mark, await self.tags()) if mark]
        clusters = {mark[:2] for mark in marks if mark[2] == address}
        for mark in marks:
            if mark[2] == address or (mark[:2] in clusters and await self._is_gone(mark[2])):
                await delete_tag(self._vendor, address_tag(*mark))

    async def _is_gone(self, address: str) -> bool:
        try:
            await self.get(address)
        except Gone:
            return True
        return False

    async def _marks(self, address: str) -> list[tuple[str, str, str]]:
        found = [address_mark(tag) for tag in await self.tags()]
        return [mark for mark in found if mark and mark[2] == address]

    async def get(self, address: str) -> Json:
        got = await self._vendor.ask("reserved_ip:read", "reserved_ips.get", reserved_ip=address)
        one: Json = got["reserved_ip"]
        return one

    async def _all(self) -> list[Json]:
        return await self._vendor.pages("reserved_ip:read", "reserved_ips.list", "reserved_ips")

    async def tags(self) -> list[str]:
        return [str(one["name"]) for one in await self._vendor.pages("tag:read", "tags.list", "tags")]


def _ours(listed: list[Json], marks: ClusterMarks) -> list[Json]:
    ours = [
        one
        for one in listed
        if one["ip"] in marks.addresses or (one["droplet"] and one["droplet"]["id"] in marks.claims)
    ]
    return sorted(ours, key=lambda one: (one["ip"] not in marks.addresses, one["ip"]))


def as_address(one: Json) -> ProviderAddress:
    owner = str(one["droplet"]["id"]) if one["droplet"] else ""
    return ProviderAddress(provider_id=one["ip"], address=one["ip"], owner=owner)
