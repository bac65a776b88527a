"""DigitalOcean as a `NodeProvider`: a node's id is its droplet's number, a reserved IP's id is itself."""

from __future__ import annotations

from dynia.interfaces.observed import Offer, ProviderAddress, ProviderNode
from dynia.providers.nodes.digitalocean.account import Account
from dynia.providers.nodes.digitalocean.adoption import Adoption
from dynia.providers.nodes.digitalocean.droplets import Defaults, Droplets, as_node
from dynia.providers.nodes.digitalocean.offers import Offers
from dynia.providers.nodes.digitalocean.reserved_ips import ReservedIps
from dynia.providers.nodes.digitalocean.vendor import Vendor
from dynia.providers.pace import Patience
from dynia.providers.protocols import AdoptableAddress, AdoptableNode, NodeOrder


class DigitalOceanNodeProvider:
    """Droplets of one account. Every call looks first and believes only what it sees afterwards."""

    def __init__(self, account: Account, defaults: Defaults, patience: Patience | None = None) -> None:
        self._vendor = Vendor(account, patience)
        self._droplets = Droplets(self._vendor, defaults)
        self._addresses = ReservedIps(self._vendor, self._droplets)
        self._offers = Offers(self._vendor, self._droplets)
        self._adoption = Adoption(self._vendor, self._droplets, self._addresses, defaults)

    async def list_nodes(self, lineage: str, cluster: str) -> tuple[ProviderNode, ...]:
        async with self._vendor:
            found = await self._droplets.find(lineage, cluster)
        return tuple(sorted((as_node(*one) for one in found), key=lambda node: node.ordinal))

    async def lineages(self, cluster: str) -> tuple[str, ...]:
        async with self._vendor:
            return await self._droplets.lineages(cluster)

    async def offer(self, lineage: str, cluster: str, *, size: str, image: str, region: str) -> Offer:
        async with self._vendor:
            return await self._offers.ask(lineage, cluster, self._droplets.wanted(size, image, region))

    async def create_node(self, order: NodeOrder) -> ProviderNode:
        async with self._vendor:
            return await self._droplets.create(order)

    async def start_node(self, provider_id: str) -> ProviderNode:
        async with self._vendor:
            return await self._droplets.start(provider_id)

    async def delete_node(self, provider_id: str) -> None:
        async with self._vendor:
            await self._droplets.delete(provider_id)

    async def list_reserved_ips(self, lineage: str, cluster: str) -> tuple[ProviderAddress, ...]:
        async with self._vendor:
            return await self._addresses.find(lineage, cluster)

    async def allocate_reserved_ip(self, lineage: str, cluster: str) -> ProviderAddress:
        async with self._vendor:
            return await self._addresses.allocate(lineage, cluster)

    async def release_reserved_ip(self, provider_id: str) -> None:
        async with self._vendor:
            await self._addresses.release(provider_id)

    async def attach_reserved_ip(self, provider_id: str, node_provider_id: str) -> None:
        async with self._vendor:
            await self._addresses.attach(provider_id, node_provider_id)

    async def detach_reserved_ip(self, provider_id: str) -> None:
        async with self._vendor:
            await self._addresses.detach(provider_id)

    async def find_node(self, lineage: str, cluster: str, said: str) -> AdoptableNode:
        async with self._vendor:
            return await self._adoption.find_node(lineage, cluster, said)

    async def adopt_node(
        self, lineage: str, cluster: str, provider_id: str, ordinal: int, host_key: str
    ) -> ProviderNode:
        async with self._vendor:
            return await self._adoption.adopt_node(lineage, cluster, provider_id, ordinal, host_key)

    async def find_address(self, lineage: str, cluster: str, said: str) -> AdoptableAddress:
        async with self._vendor:
            return await self._adoption.find_address(lineage, cluster, said)

    async def adopt_address(self, lineage: str, cluster: str, address: str) -> ProviderAddress:
        async with self._vendor:
            return await self._adoption.adopt_address(lineage, cluster, address)
