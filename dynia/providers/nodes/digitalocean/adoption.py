"""Droplets and reserved IPs that somebody else made: looked at, and given the marks of a cluster.

A tag is put on without a condition. Whoever else marks the same thing at the same moment is seen just after:
then nothing is claimed, and the message says which tag to take away.
"""

from __future__ import annotations

from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import ProviderAddress, ProviderNode
from dynia.providers.nodes.digitalocean.droplets import Defaults, Droplets, as_node
from dynia.providers.nodes.digitalocean.marks import (
    NodeMark,
    address_mark,
    address_tag,
    claim_mark,
    cluster_tag,
    node_mark,
    node_tag,
)
from dynia.providers.nodes.digitalocean.reserved_ips import ReservedIps, as_address
from dynia.providers.nodes.digitalocean.vendor import Vendor
from dynia.providers.protocols import AdoptableAddress, AdoptableNode
from dynia.providers.vendor_calls import Gone, Json, Lacking, Settled

NOT_THEIRS = "nothing was done to it"


class Adoption:
    def __init__(
        self, vendor: Vendor, droplets: Droplets, addresses: ReservedIps, defaults: Defaults
    ) -> None:
        self._vendor, self._droplets, self._addresses = vendor, droplets, addresses
        self._defaults = defaults

    async def find_node(self, lineage: str, cluster: str, said: str) -> AdoptableNode:
        listed = await self._vendor.pages("droplet:read", "droplets.list", "droplets")
        found = [one for one in listed if said in _words_for(one)]
        if not found:
            raise Refused(
                f"DigitalOcean: no droplet has the id, the name or the address {said}",
                hint="the token sees the droplets of one team; `doctl compute droplet list` shows them",
            )
        if len(found) > 1:
            ids = ", ".join(str(one["id"]) for one in found)
            raise Refused(f"DigitalOcean: several droplets are called {said}", hint=f"say the id: {ids}")
        droplet = await self._droplets.get(str(found[0]["id"]))
        mark = _mark_of(droplet, lineage, cluster)
        if mark is None:
            mark = NodeMark(tag="", lineage=lineage, cluster=cluster, ordinal=0, host_key="")
        node = as_node(droplet, mark)
        if node.status != "running":
            raise Refused(f"{_title(droplet)} is {droplet['status']}", hint="start it, then import it")
        if not node.public_ip or not node.private_ip:
            lacks = "private" if node.public_ip else "public"
            raise Refused(f"{_title(droplet)} has no {lacks} IPv4 address", hint="a node needs both")
        siblings = [one for one, _ in await self._droplets.find(lineage, cluster)]
        self._refuse_elsewhere(droplet, siblings)
        return AdoptableNode(node=node, notes=self._differences(droplet))

    async def adopt_node(
        self, lineage: str, cluster: str, provider_id: str, ordinal: int, host_key: str
    ) -> ProviderNode:
        own = node_tag(lineage, cluster, ordinal, host_key)

        async def look() -> Settled[ProviderNode] | Lacking:
            droplet = await self._droplets.get(provider_id)
            mark = _mark_of(droplet, lineage, cluster)
            if mark is not None and mark.tag != own:
                raise Refused(
                    f"{_title(droplet)} is node {mark.ordinal} of {cluster} already", hint=NOT_THEIRS
                )
            # The one that makes it a node comes last.
            for tag in (cluster_tag(lineage, cluster), own):
                if tag not in droplet["tags"]:
                    return Lacking(f"tag {tag}", lambda tag=tag: self._tag(tag, int(provider_id)))  # type: ignore[misc]
            return Settled(as_node(droplet, mark or _read(own)))

        return await self._vendor.settle(f"droplet {provider_id}", look)

    async def find_address(self, lineage: str, cluster: str, said: str) -> AdoptableAddress:
        try:
            one = await self._addresses.get(said)
        except Gone as error:
            raise Refused(
                f"DigitalOcean: the account has no reserved IP {said}",
                hint="the token sees the addresses of one team; `doctl compute reserved-ip list` shows them",
            ) from error
        self._refuse_marked(await self._addresses.tags(), one, lineage, cluster)
        region = _region(one)
        if region != self._defaults.region:
            raise Refused(
                f"reserved IP {said} is in {region}, and the file says {self._defaults.region}",
                hint="an address never leaves its region",
            )
        address = as_address(one)
        ours = {str(droplet["id"]) for droplet, _ in await self._droplets.find(lineage, cluster)}
        notes: tuple[str, ...] = ()
        if address.owner and address.owner not in ours:
            where = f"droplet {address.owner} has it, which is no node of {cluster}"
            notes = (f"{where}: the next apply moves it away",)
        return AdoptableAddress(address=address, notes=notes)

    async def adopt_address(self, lineage: str, cluster: str, address: str) -> ProviderAddress:
        own = address_tag(lineage, cluster, address)

        async def look() -> Settled[ProviderAddress] | Lacking:
            one, tags = await self._addresses.get(address), await self._addresses.tags()
            self._refuse_marked(tags, one, lineage, cluster)
            if own not in tags:
                return Lacking("mark", lambda: self._addresses.put_tag(own))
            return Settled(as_address(one))

        return await self._vendor.settle(f"reserved IP {address}", look)

    async def _tag(self, tag: str, droplet: int) -> None:
        await self._addresses.put_tag(tag)
        resource = {"resource_id": str(droplet), "resource_type": "droplet"}
        await self._vendor.ask(
            "tag:create", "tags.assign_resources", tag_id=tag, body={"resources": [resource]}
        )

    def _refuse_elsewhere(self, droplet: Json, siblings: list[Json]) -> None:
        """Where its private address would not reach the other nodes."""
        region, vpc = _region(droplet), str(droplet.get("vpc_uuid") or "")
        if region != self._defaults.region:
            raise Refused(
                f"{_title(droplet)} is in {region}, and the file says {self._defaults.region}",
                hint="private addresses do not reach from one region to another",
            )
        others = {str(one.get("vpc_uuid") or "") for one in siblings}
        wanted = {self._defaults.vpc} if self._defaults.vpc else others
        if wanted and vpc not in wanted:
            theirs = ", ".join(sorted(wanted))
            raise Refused(
                f"{_title(droplet)} is in VPC {vpc or '(none)'}, and the cluster in {theirs}",
                hint="private addresses do not reach from one VPC to another",
            )

    def _refuse_marked(self, tags: list[str], one: Json, lineage: str, cluster: str) -> None:
        """An address that another cluster has, or that is being made for one of its droplets."""
        droplet = one["droplet"]["id"] if one["droplet"] else None
        marks = [mark[:2] for mark in map(address_mark, tags) if mark and mark[2] == one["ip"]]
        marks += [claim[:2] for claim in map(claim_mark, tags) if claim and claim[2] == droplet]
        for whose, name in marks:
            if (whose, name) != (lineage, cluster):
                raise Refused(
                    f"reserved IP {one['ip']} is of cluster {name} of lineage {whose}", hint=NOT_THEIRS
                )

    def _differences(self, droplet: Json) -> tuple[str, ...]:
        """What is not as the file says, and stays as it is."""
        wanted, image = self._defaults, droplet.get("image") or {}
        made_from = {str(image.get("slug") or ""), str(image.get("id") or "")}
        found = []
        size = str(droplet.get("size_slug") or "unknown")
        if size != wanted.size:
            found.append(f"its size is {size}, the file says {wanted.size}: it stays as it is")
        if wanted.image not in made_from:
            said = str(image.get("slug") or image.get("id") or "unknown")
            found.append(f"its image is {said}, the file says {wanted.image}: it stays as it is")
        return tuple(found)


def _mark_of(droplet: Json, lineage: str, cluster: str) -> NodeMark | None:
    """Its mark of this cluster. Refused where it has one of another, of whatever lineage."""
    marks = [mark for tag in droplet["tags"] if (mark := node_mark([tag]))]
    for mark in marks:
        if (mark.lineage, mark.cluster) != (lineage, cluster):
            whose = f"cluster {mark.cluster} of lineage {mark.lineage}"
            raise Refused(
                f"{_title(droplet)} is node {mark.ordinal} of {whose}",
                hint=f"{NOT_THEIRS}; if that cluster is gone, take the tag {mark.tag} off it",
            )
    if len(marks) > 1:
        tags = ", ".join(mark.tag for mark in marks)
        raise Refused(f"{_title(droplet)} carries several marks of nodes", hint=f"leave one of: {tags}")
    return marks[0] if marks else None


def _read(tag: str) -> NodeMark:
    mark = node_mark([tag])
    if mark is None:
        raise DyniaError(f"{tag} is no mark of a node")
    return mark


def _words_for(droplet: Json) -> tuple[str, ...]:
    addresses = (str(one["ip_address"]) for one in droplet["networks"]["v4"])
    return (str(droplet["id"]), str(droplet["name"]), *addresses)


def _region(one: Json) -> str:
    return str((one.get("region") or {}).get("slug") or "an unknown region")


def _title(droplet: Json) -> str:
    return f"droplet {droplet['id']} ({droplet['name']})"
