"""What the providers of DigitalOcean and Cloudflare are asked, one flow after the other, as the engine asks it."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable

from cryptography.hazmat.primitives.asymmetric import ec

from dynia.providers.dns.cloudflare.account import Account as Names
from dynia.providers.dns.cloudflare.origin_ca import OriginCa
from dynia.providers.dns.cloudflare.provider import CloudflareDnsProvider
from dynia.providers.nodes.digitalocean.account import Account
from dynia.providers.nodes.digitalocean.droplets import Defaults
from dynia.providers.nodes.digitalocean.provider import DigitalOceanNodeProvider
from dynia.providers.pace import Patience
from dynia.providers.protocols import DnsMark, DnsWish, NodeOrder
from tests.integration.cloudflare.requests import signing_request
from tests.twin.judged_cloudflare import ZONE

Flow = Callable[[str, str], Awaitable[object]]

HASTY = Patience(
    calls=100_000,
    attempts=2,
    base=0.001,
    cap=0.002,
    poll=0.005,
    slowest=0.02,
    within=1.0,
    looks=1,
    deeds=2,
    longest=0.01,
)
LINEAGE, CLUSTER = "a" * 32, "prod"
MARK = DnsMark(lineage=LINEAGE, cluster=CLUSTER)
_RAW = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(range(32))
PUBLIC = "ssh-ed25519 " + base64.b64encode(_RAW).decode()
KEY = ec.derive_private_key(7, ec.SECP256R1())
WORDS = {"size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "lon1"}
WISH = DnsWish(name=f"api.{ZONE}", type="A", value="198.18.7.5")


def _nodes(url: str, token: str) -> DigitalOceanNodeProvider:
    return DigitalOceanNodeProvider(Account(token, url), Defaults(region="lon1"), HASTY)


def _order(ordinal: int) -> NodeOrder:
    return NodeOrder(
        lineage=LINEAGE, cluster=CLUSTER, ordinal=ordinal, name=f"node-{ordinal}", authorized_key=PUBLIC,
        host_private_key="private", host_public_key=PUBLIC,
    )  # fmt: skip


async def _create(url: str, token: str) -> object:
    return await _nodes(url, token).create_node(_order(1))


async def _list(url: str, token: str) -> object:
    return await _nodes(url, token).list_nodes(LINEAGE, CLUSTER)


async def _offer(url: str, token: str) -> object:
    return await _nodes(url, token).offer(LINEAGE, CLUSTER, **WORDS)


async def _allocate(url: str, token: str) -> object:
    return await _nodes(url, token).allocate_reserved_ip(LINEAGE, CLUSTER)


async def _addresses(url: str, token: str) -> object:
    return await _nodes(url, token).list_reserved_ips(LINEAGE, CLUSTER)


async def _away(url: str, token: str) -> object:
    nodes = _nodes(url, token)
    for address in await nodes.list_reserved_ips(LINEAGE, CLUSTER):
        await nodes.detach_reserved_ip(address.provider_id)
        await nodes.release_reserved_ip(address.provider_id)
    for node in await nodes.list_nodes(LINEAGE, CLUSTER):
        await nodes.delete_node(node.provider_id)
    return ()


DIGITALOCEAN: dict[str, Flow] = {
    "create": _create,
    "list": _list,
    "offer": _offer,
    "allocate": _allocate,
    "addresses": _addresses,
    "away": _away,
}


def _names(url: str, token: str) -> CloudflareDnsProvider:
    return CloudflareDnsProvider(Names(token, url), HASTY)


async def _bind(url: str, token: str) -> object:
    return await _names(url, token).create_record(ZONE, WISH, MARK)


async def _records(url: str, token: str) -> object:
    return await _names(url, token).list_records(ZONE, MARK)


async def _zones(url: str, token: str) -> object:
    return await _names(url, token).zones()


async def _issue(url: str, token: str) -> object:
    host = f"api.{ZONE}"
    return await OriginCa(Names(token, url), HASTY).issue((host,), signing_request(host, key=KEY))


async def _proof(url: str, token: str) -> object:
    names = _names(url, token)
    await names.put_text(ZONE, f"_acme-challenge.api.{ZONE}", "c" * 43)
    await names.drop_text(ZONE, f"_acme-challenge.api.{ZONE}", "c" * 43)
    return ()


async def _unbind(url: str, token: str) -> object:
    names = _names(url, token)
    for one in await names.look_up(ZONE, WISH.name, MARK):
        await names.delete_record(ZONE, one.record_id, MARK)
    return ()


CLOUDFLARE: dict[str, Flow] = {
    "bind": _bind,
    "records": _records,
    "zones": _zones,
    "issue": _issue,
    "proof": _proof,
    "unbind": _unbind,
}
