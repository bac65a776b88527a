"""The provider of hosts that exist: it tells what the file says, and makes and deletes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from dynia.interfaces.desired import SshHost
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.observed import Offer, ProviderAddress, ProviderNode
from dynia.providers.protocols import NodeOrder

if TYPE_CHECKING:
    from dynia.providers.ssh.keys import KnownHosts


class SshNodeProvider:
    """A host's id is its name in the file. Whether it answers is seen when it is observed, not here.

    A host without `host_key` has the one that `known_hosts` knows for its address.
    """

    def __init__(self, hosts: tuple[SshHost, ...], known_hosts: KnownHosts | None = None) -> None:
        self._hosts = hosts
        self._known_hosts = known_hosts

    async def list_nodes(self, lineage: str, cluster: str) -> tuple[ProviderNode, ...]:
        return tuple(self._as_node(host, at) for at, host in enumerate(self._hosts, start=1))

    async def lineages(self, cluster: str) -> tuple[str, ...]:
        """Only the hosts themselves say whose they are."""
        return ()

    async def offer(self, lineage: str, cluster: str, *, size: str, image: str, region: str) -> Offer:
        return Offer()

    async def create_node(self, order: NodeOrder) -> ProviderNode:
        """The host as it is; its own host key stays."""
        return self._find(order.name, order.ordinal)

    async def start_node(self, provider_id: str) -> ProviderNode:
        return self._find(provider_id, 0)

    async def delete_node(self, provider_id: str) -> None:
        """A host outlives its cluster."""

    async def list_reserved_ips(self, lineage: str, cluster: str) -> tuple[ProviderAddress, ...]:
        return ()

    async def allocate_reserved_ip(self, lineage: str, cluster: str) -> ProviderAddress:
        _no_addresses()

    async def release_reserved_ip(self, provider_id: str) -> None:
        """There is none to give back."""

    async def attach_reserved_ip(self, provider_id: str, node_provider_id: str) -> None:
        _no_addresses()

    async def detach_reserved_ip(self, provider_id: str) -> None:
        _no_addresses()

    def _find(self, name: str, ordinal: int) -> ProviderNode:
        for at, host in enumerate(self._hosts, start=1):
            if host.name == name:
                return self._as_node(host, ordinal or at)
        known = ", ".join(host.name for host in self._hosts) or "none"
        raise DyniaError(
            f"there is no host {name} in the file (hosts: {known})",
            hint="hosts of kind ssh exist already: add it under `nodes`",
        )

    def _as_node(self, host: SshHost, ordinal: int) -> ProviderNode:
        return ProviderNode(
            provider_id=host.name,
            name=host.name,
            ordinal=ordinal,
            status="running",
            public_ip=host.host,
            private_ip=host.private_ip,
            host_key=host.host_key or self._known_key(host),
        )

    def _known_key(self, host: SshHost) -> str:
        return self._known_hosts.line_of(host.host, host.port) if self._known_hosts else ""


def _no_addresses() -> NoReturn:
    raise DyniaError(
        "hosts of kind ssh have no provider that could allocate or move an address",
        hint="name a free address of their network: `entry: {kind: vip, address: ...}`, or take `kind: none`",
    )
