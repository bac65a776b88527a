"""Which implementation stands behind each `kind`: vendors are imported when they are chosen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dynia.interfaces.desired import (
    ClusterSpec,
    DigitalOceanProvider,
    DockerProvider,
    Ssh,
    SshProvider,
    ZoneDns,
)
from dynia.interfaces.errors import DyniaError
from dynia.providers.dns.registry import dns_for
from dynia.providers.guard import FREE, Guard
from dynia.providers.identity import KEY_VARIABLE
from dynia.providers.images import Images
from dynia.providers.protocols import DnsProvider, ImageSource, NodeConnection, NodeProvider
from dynia.services.actions.base import HostKey
from dynia.services.session import Vendors
from dynia.state.model import Node, State

if TYPE_CHECKING:
    from dynia.providers.nodes.docker.lab import Lab
    from dynia.providers.ssh.keys import KnownHosts, OperatorKey

Tell = Callable[[str], None]


def vendors_for(
    cluster: str,
    spec: ClusterSpec | None,
    state: State,
    folder: Path,
    logins: dict[str, tuple[str, str]],
    tell: Tell = lambda _: None,
    guard: Guard = FREE,
) -> Vendors:
    """The vendors of a cluster. `spec` is None for one that only the state still knows: then what the
    state remembers must do."""
    home = state.cluster(cluster)
    kind = _kind(spec) if spec else home.provider if home else ""
    ssh = spec.ssh if spec else Ssh()
    ssh = msgspec.structs.replace(ssh, key=os.environ.get(KEY_VARIABLE) or ssh.key)
    images = Images(logins)
    if kind == "docker":
        return LabVendors(folder, ssh, images, tell, guard)
    if kind == "ssh":
        return HostVendors(cluster, spec, state, ssh, images, guard)
    if kind == "digitalocean":
        return DigitalOceanVendors(cluster, spec, ssh, images, guard)
    raise DyniaError(f"cluster {cluster}: there is no provider {kind!r}")


class LabVendors:
    """The lab: nodes are containers on this machine."""

    def __init__(self, folder: Path, ssh: Ssh, images: Images, tell: Tell, guard: Guard = FREE) -> None:
        self._guard = guard
        self._folder, self._ssh, self._images, self._tell = folder, ssh, images, tell
        self._key: OperatorKey | None = None
        self._provider: NodeProvider | None = None

    async def nodes(self) -> NodeProvider:
        if self._provider is None:
            from dynia.providers.nodes.docker.provider import DockerNodeProvider

            self._provider = DockerNodeProvider(self._lab(), self._tell, self._guard)
        return self._provider

    async def dns(self, dns: ZoneDns) -> DnsProvider:
        return dns_for(dns, os.environ, self._guard)

    async def images(self) -> ImageSource:
        return self._images

    async def connect(self, node: Node) -> NodeConnection:
        return await _connect(node, self._ssh, self._operator_key(), None)

    async def authorized_key(self) -> str:
        return self._operator_key().public

    def new_host_key(self) -> HostKey:
        return _new_host_key()

    def _lab(self) -> Lab:
        from dynia.providers.nodes.docker.lab import find_lab

        return find_lab(self._folder, os.environ)

    def _operator_key(self) -> OperatorKey:
        if self._key is None:
            from dynia.providers.nodes.docker.operator_key import operator_key
            from dynia.providers.ssh.keys import load_operator_key

            self._key = load_operator_key(self._ssh.key or str(operator_key(self._lab())))
        return self._key


class HostVendors:
    """Hosts that exist already."""

    def __init__(
        self,
        cluster: str,
        spec: ClusterSpec | None,
        state: State,
        ssh: Ssh,
        images: Images,
        guard: Guard = FREE,
    ) -> None:
        self._guard = guard
        self._cluster, self._spec, self._state = cluster, spec, state
        self._ssh, self._images = ssh, images
        self._key: OperatorKey | None = None
        self._known: KnownHosts | None = None

    async def nodes(self) -> NodeProvider:
        from dynia.providers.nodes.ssh.provider import SshNodeProvider

        hosts = self._spec.hosts if self._spec else ()
        return SshNodeProvider(hosts, self._known_hosts())

    async def dns(self, dns: ZoneDns) -> DnsProvider:
        return dns_for(dns, os.environ, self._guard)

    async def images(self) -> ImageSource:
        return self._images

    async def connect(self, node: Node) -> NodeConnection:
        return await _connect(node, self._ssh, self._operator_key(), self._known_hosts())

    async def authorized_key(self) -> str:
        return self._operator_key().public

    def new_host_key(self) -> HostKey:
        return _new_host_key()

    def _operator_key(self) -> OperatorKey:
        if self._key is None:
            self._key = _operators_own(self._cluster, self._ssh)
        return self._key

    def _known_hosts(self) -> KnownHosts | None:
        provider = self._spec.provider if self._spec else None
        if self._known is None and isinstance(provider, SshProvider) and provider.known_hosts:
            from dynia.providers.ssh.keys import load_known_hosts

            self._known = load_known_hosts(provider.known_hosts)
        return self._known


class DigitalOceanVendors:
    """Droplets of the account that the environment names."""

    def __init__(
        self, cluster: str, spec: ClusterSpec | None, ssh: Ssh, images: Images, guard: Guard = FREE
    ) -> None:
        self._guard = guard
        self._cluster, self._spec, self._ssh, self._images = cluster, spec, ssh, images
        self._key: OperatorKey | None = None
        self._provider: NodeProvider | None = None

    async def nodes(self) -> NodeProvider:
        if self._provider is None:
            from dynia.providers.nodes.digitalocean.account import account
            from dynia.providers.nodes.digitalocean.droplets import Defaults
            from dynia.providers.nodes.digitalocean.provider import DigitalOceanNodeProvider

            said = self._spec.provider if self._spec else None
            defaults = Defaults()
            if isinstance(said, DigitalOceanProvider):
                defaults = Defaults(region=said.region, size=said.size, image=said.image, vpc=said.vpc)
            self._provider = DigitalOceanNodeProvider(account(os.environ, self._guard), defaults)
        return self._provider

    async def dns(self, dns: ZoneDns) -> DnsProvider:
        return dns_for(dns, os.environ, self._guard)

    async def images(self) -> ImageSource:
        return self._images

    async def connect(self, node: Node) -> NodeConnection:
        return await _connect(node, self._ssh, self._operator_key(), None)

    async def authorized_key(self) -> str:
        from dynia.providers.ssh.keys import public_of

        return await public_of(self._operator_key())

    def new_host_key(self) -> HostKey:
        return _new_host_key()

    def _operator_key(self) -> OperatorKey:
        if self._key is None:
            self._key = _operators_own(self._cluster, self._ssh)
        return self._key


def _operators_own(cluster: str, ssh: Ssh) -> OperatorKey:
    """The key that the file names, else the agent's, else the one that ssh itself would take."""
    from dynia.providers.ssh.keys import agent_key, load_operator_key, usual_key

    agent = os.environ.get("SSH_AUTH_SOCK", "")
    if ssh.key:
        return load_operator_key(ssh.key)
    if agent:
        return agent_key(agent)
    if found := usual_key(Path.home()):
        return load_operator_key(str(found))
    raise DyniaError(
        f"cluster {cluster}: there is no SSH key",
        hint="give `ssh: {key: ...}`, start ssh-agent and add a key, or make one: ssh-keygen -t ed25519",
    )


async def _connect(node: Node, ssh: Ssh, key: OperatorKey, known_hosts: KnownHosts | None) -> NodeConnection:
    from dynia.providers.ssh.connect import SshTarget, connect

    target = SshTarget(
        node=node.name,
        host=node.address,
        port=node.port,
        user=node.user,
        host_keys=(node.host_key,) if node.host_key else (),
        jump=ssh.jump,
        connect_timeout=ssh.connect_timeout,
    )
    return await connect(target, key, known_hosts=known_hosts)


def _new_host_key() -> HostKey:
    from dynia.providers.ssh.keys import fresh_key

    private, public = fresh_key()
    return HostKey(private=private, public=public)


def _kind(spec: ClusterSpec) -> str:
    if isinstance(spec.provider, DigitalOceanProvider):
        return "digitalocean"
    return "docker" if isinstance(spec.provider, DockerProvider) else "ssh"
