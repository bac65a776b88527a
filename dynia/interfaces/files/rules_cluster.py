"""Rules about one cluster: nodes, hosts, the entry address, the firewall, the rollout, registries."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator

from dynia.interfaces.durations import seconds, written
from dynia.interfaces.errors import Mistake
from dynia.interfaces.files import raw
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.rules_names import is_host, names
from dynia.interfaces.files.yaml_tree import Path

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:_-]*[A-Za-z0-9])?")
_JUMP = re.compile(r"([a-z_][a-z0-9_-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_REGISTRY = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
IMAGE = re.compile(
    rf"(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


def cluster(ground: Ground, path: Path, spec: raw.Cluster) -> Iterator[Mistake]:
    """Everything but the services."""
    yield from _nodes(ground, path, spec)
    yield from _rollout(ground, (*path, "rollout"), spec)
    yield from _entry(ground, (*path, "entry"), spec)
    yield from _ssh(ground, (*path, "ssh"), spec.ssh)
    for side in ("ssh", "http"):
        yield from _reach(ground, (*path, "firewall", side), getattr(spec.firewall, side))
    yield from _registries(ground, (*path, "registries"), spec.registries)
    if spec.caddy and not IMAGE.fullmatch(spec.caddy.image):
        yield ground.at((*path, "caddy", "image"), "bad-image", f"{spec.caddy.image!r} is not an image")
    if isinstance(spec.provider, raw.DigitalOceanProvider):
        yield from _vpc(ground, (*path, "provider", "vpc"), spec.provider.vpc)
    image = spec.provider.image if isinstance(spec.provider, raw.DockerProvider) else ""
    if image and not IMAGE.fullmatch(image):
        yield ground.at((*path, "provider", "image"), "bad-image", f"{image!r} is not an image")


def node_count(spec: raw.Cluster) -> int:
    return spec.nodes.count if isinstance(spec.nodes, raw.Count) else len(spec.nodes)


def may_be_out(spec: raw.Cluster) -> int:
    """How many nodes that is: of a part as many as are whole, and one at least."""
    asked = spec.rollout.max_unavailable
    return asked if isinstance(asked, int) else max(1, node_count(spec) * int(asked[:-1]) // 100)


def _nodes(ground: Ground, path: Path, spec: raw.Cluster) -> Iterator[Mistake]:
    here = (*path, "nodes")
    ssh = isinstance(spec.provider, raw.SshProvider)
    if isinstance(spec.nodes, raw.Count):
        if spec.nodes.size is not None and isinstance(spec.provider, raw.DockerProvider):
            message = "nodes of the lab are as big as this machine"
            yield ground.at((*here, "size"), "size-and-provider", message, "leave it out")
        if ssh:
            hint = "list them: [{name, host, private_ip, host_key}]"
            yield ground.at(here, "nodes-and-provider", "provider ssh makes no nodes", hint)
        return
    if not ssh:
        hint = "write {count: 3}, or provider: {kind: ssh}"
        yield ground.at(here, "nodes-and-provider", "only provider ssh takes a list of hosts", hint)
        return
    if not spec.nodes:
        yield ground.at(here, "bad-count", "a cluster has at least one node")
    for index, host in enumerate(spec.nodes):
        yield from _host(ground, (*here, index), host, spec)
    yield from _twins(ground, here, "name", [host.name.lower() for host in spec.nodes])
    addresses = [f"{host.host.lower()}:{host.port or spec.ssh.port}" for host in spec.nodes]
    yield from _twins(ground, here, "host", addresses)
    yield from _twins(ground, here, "private_ip", [host.private_ip for host in spec.nodes])


def _vpc(ground: Ground, path: Path, vpc: str) -> Iterator[Mistake]:
    if vpc and not _UUID.fullmatch(vpc):
        hint = "its ID, as `doctl vpcs list` shows it; left out: the region's default"
        yield ground.at(path, "bad-vpc", f"{vpc!r} is not the UUID of a VPC", hint)


def _twins(ground: Ground, path: Path, key: str, values: list[str]) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for index, value in enumerate(values):
        if first.setdefault(value, index) != index:
            message = f"nodes[{first[value]}] has the same {key}"
            yield ground.at((*path, index, key), "duplicate-host", message)


def _host(ground: Ground, path: Path, host: raw.Host, spec: raw.Cluster) -> Iterator[Mistake]:
    for found in names(ground, path, [host.name], "node", frozenset(("all",))):
        # the name is a value here, not a key
        yield ground.at((*path, "name"), found.rule, found.message, found.hint)
    if not _HOST.fullmatch(host.host) or not is_host(host.host):
        yield ground.at((*path, "host"), "bad-address", f"{host.host!r} is not a host name or an address")
    yield from _ipv4(ground, (*path, "private_ip"), host.private_ip)
    if host.user is not None and not _USER.fullmatch(host.user):
        yield ground.at((*path, "user"), "bad-user", f"{host.user!r} is not a user name")
    known_hosts = isinstance(spec.provider, raw.SshProvider) and spec.provider.known_hosts
    if not host.host_key and not known_hosts:
        hint = "add host_key (the host's /etc/ssh/ssh_host_ed25519_key.pub), or known_hosts to provider"
        yield ground.at(path, "host-key-missing", "nothing says which host key is the right one", hint)
    elif host.host_key and not _is_key(host.host_key):
        message, hint = "not a public host key", 'it reads "ssh-ed25519 AAAA..."'
        yield ground.at((*path, "host_key"), "bad-host-key", message, hint)


def _is_key(line: str) -> bool:
    words = line.split()
    if len(words) < 2 or "\n" in line:
        return False
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return False
    length = int.from_bytes(blob[:4], "big")
    return blob[4 : 4 + length] == words[0].encode() and len(blob) > 4 + length


def _ipv4(ground: Ground, path: Path, text: str) -> Iterator[Mistake]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        yield ground.at(path, "bad-address", f"{text!r} is not an address", "for example 10.0.0.11")
        return
    if address.version == 6:
        yield ground.at(path, "not-yet", "not yet: IPv6 addresses", "give an IPv4 address")
    elif address.is_unspecified or address.is_multicast:
        yield ground.at(path, "bad-address", f"no machine can have the address {text}")


def _rollout(ground: Ground, path: Path, spec: raw.Cluster) -> Iterator[Mistake]:
    count, down, asked = node_count(spec), may_be_out(spec), spec.rollout.max_unavailable
    if down >= count and not (count == 1 and down == 1) and count > 0:
        message = f"{down} of {count} nodes would leave none serving"
        best = "1" if count <= 2 else f"1 to {count - 1}" if count > 3 else "1 or 2"
        hint = f"use {best}, or add nodes" if count > 1 else "use 1"
        yield ground.at((*path, "max_unavailable"), "max-unavailable", message, hint)
    if (fail := spec.rollout.max_failures) and fail >= down:
        told = f"{down}" if asked == down else f"{asked} ({down} of {count})"
        message = (
            f"who failed is out, so with max_unavailable {told} no other node could change beside {fail}"
        )
        hint = f"use max_unavailable: {fail + 1}" if fail + 1 < count else "use fewer, or add nodes"
        yield ground.at((*path, "max_failures"), "max-failures", message, hint)
    if spec.rollout.pause_after_canary and not spec.rollout.canary:
        message, hint = "without a canary there is nothing to pause after", "leave out canary: false"
        yield ground.at((*path, "pause_after_canary"), "pause-and-canary", message, hint)
    for key in ("health_timeout", "drain_timeout"):
        if not 1 <= seconds(getattr(spec.rollout, key)) <= 3600:
            yield ground.at((*path, key), "bad-duration", "between 1s and 1h")
    if not 0 <= seconds(spec.rollout.monitor) <= 3600:
        yield ground.at((*path, "monitor"), "bad-duration", "between 0s and 1h")


def _entry(ground: Ground, path: Path, spec: raw.Cluster) -> Iterator[Mistake]:
    droplets = isinstance(spec.provider, raw.DigitalOceanProvider)
    if isinstance(spec.entry, raw.ApiEntry) and not droplets:
        message, hint = "only provider digitalocean has an API that moves an address", "write kind: vip"
        yield ground.at((*path, "kind"), "entry-and-provider", message, hint)
    if isinstance(spec.entry, raw.ApiEntry) and spec.entry.witness:
        yield from _ipv4(ground, (*path, "witness"), spec.entry.witness)
    if not isinstance(spec.entry, raw.VipEntry):
        return
    if droplets:
        message, hint = "droplets share no layer 2, so VRRP can't move an address", "write kind: api, or none"
        yield ground.at((*path, "kind"), "entry-and-provider", message, hint)
        return
    entry = spec.entry
    if entry.address:
        yield from _ipv4(ground, (*path, "address"), entry.address)
    elif isinstance(spec.provider, raw.SshProvider):
        hint = "give a free address of the network that the hosts share"
        yield ground.at((*path, "address"), "vip-address", "with provider ssh the address is needed", hint)
    if entry.interface and not _INTERFACE.fullmatch(entry.interface):
        message = f"{entry.interface!r} is not a network interface"
        yield ground.at((*path, "interface"), "bad-interface", message)
    if entry.witness:
        yield from _ipv4(ground, (*path, "witness"), entry.witness)
        if entry.witness == entry.address:
            message = "the witness must be another machine than the address that moves"
            yield ground.at((*path, "witness"), "vip-witness", message)
    for host in spec.nodes if isinstance(spec.nodes, list) else []:
        if entry.address and entry.address in (host.host, host.private_ip):
            message, hint = f"that is the address of node {host.name}", "give an address that is free"
            yield ground.at((*path, "address"), "vip-address", message, hint)
        if entry.witness and entry.witness in (host.host, host.private_ip):
            message = f"node {host.name} cannot be the witness of its own cluster"
            yield ground.at((*path, "witness"), "vip-witness", message)


def _ssh(ground: Ground, path: Path, ssh: raw.Ssh) -> Iterator[Mistake]:
    if not _USER.fullmatch(ssh.user):
        yield ground.at((*path, "user"), "bad-user", f"{ssh.user!r} is not a user name")
    if ssh.jump and not _is_jump(ssh.jump):
        yield ground.at((*path, "jump"), "bad-jump", f"{ssh.jump!r} is not user@host:port")
    for index, line in enumerate(ssh.readers):
        if not _is_key(line):
            message, hint = "not a public key", 'it reads "ssh-ed25519 AAAA...", as in a .pub file'
            yield ground.at((*path, "readers", index), "bad-key", message, hint)
    if not 0.1 <= (timeout := seconds(ssh.connect_timeout)) <= 300:
        message = f"{written(timeout)} is not between 100ms and 5m"
        yield ground.at((*path, "connect_timeout"), "bad-duration", message)


def _is_jump(text: str) -> bool:
    host, _, port = text.rpartition("@")[2].partition(":")
    return bool(_JUMP.fullmatch(text)) and is_host(host) and int(port or 1) <= 65535


def _reach(ground: Ground, path: Path, reach: raw.Reach) -> Iterator[Mistake]:
    if isinstance(reach, str):
        return
    if not reach:
        message = "an empty list would let nobody in"
        yield ground.at(path, "empty-reach", message, "write any, or list networks")
    for index, text in enumerate(reach):
        yield from _network(ground, (*path, index), text)


def _network(ground: Ground, path: Path, text: str) -> Iterator[Mistake]:
    if "/" not in text:
        yield ground.at(path, "bad-network", f"{text!r} is not a network", f"write {text}/32")
        return
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        yield ground.at(path, "bad-network", f"{text!r} is not a network", "for example 203.0.113.0/24")
        return
    if network.version == 6:
        yield ground.at(path, "not-yet", "not yet: IPv6 networks", "give IPv4 networks")
    elif str(network.network_address) != text.split("/")[0]:
        message = f"{text} is an address inside a network"
        yield ground.at(path, "bad-network", message, f"write {network}")


def _registries(ground: Ground, path: Path, registries: list[raw.Registry]) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for index, registry in enumerate(registries):
        here = (*path, index, "host")
        name, _, port = registry.host.partition(":")
        if not _REGISTRY.fullmatch(registry.host) or not is_host(name) or int(port or 1) > 65535:
            message = f"{registry.host!r} is not a registry"
            yield ground.at(here, "bad-registry", message, "for example ghcr.io")
        elif first.setdefault(registry.host, index) != index:
            message = f"registries[{first[registry.host]}] is the same host"
            yield ground.at(here, "duplicate-registry", message)
