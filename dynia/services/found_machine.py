"""A machine that somebody else told of (a provider, the file), as the node that it is or becomes."""

from __future__ import annotations

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import ProviderNode
from dynia.services.planning.names import priority
from dynia.state.model import Node


def as_node(spec: ClusterSpec, machine: ProviderNode, known: Node | None = None) -> Node:
    """Reached as the file says. `known` vouches for a host key that the provider does not tell."""
    host = next((h for h in spec.hosts if h.name == machine.provider_id), None)
    return Node(
        cluster=spec.name,
        name=machine.name,
        ordinal=machine.ordinal,
        provider_id=machine.provider_id,
        address=machine.public_ip,
        private_ip=machine.private_ip,
        host_key=machine.host_key or (known.host_key if known else ""),
        user=host.user if host else spec.ssh.user,
        port=host.port if host else spec.ssh.port,
        priority=priority(machine.ordinal),
    )
