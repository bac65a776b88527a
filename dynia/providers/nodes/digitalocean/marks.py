"""How Dynia knows its own in an account: names of tags, made and read.

::

    dynia:LINEAGE:CLUSTER                    on every droplet of a cluster
    dynia:LINEAGE:CLUSTER:ORDINAL:HOSTKEY    on one droplet: which node it is, and its pinned host key
    dynia:LINEAGE:CLUSTER:ip:A-B-C-D         on nothing: this reserved IP is the cluster's (they take no tags)
    dynia:LINEAGE:CLUSTER:ip-for:DROPLET     on nothing: one is being allocated for this droplet

A tag may hold letters, digits, ``_ - :`` and 255 characters, so the ed25519 key stands in hex.
"""

from __future__ import annotations

import base64
import binascii
import re

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.shape import Shape

_WORD = "[A-Za-z0-9_-]+"
_NODE = re.compile(rf"dynia:({_WORD}):({_WORD}):([0-9]{{1,6}}):([0-9a-f]{{64}})")
_ADDRESS = re.compile(rf"dynia:({_WORD}):({_WORD}):ip:([0-9]+-[0-9]+-[0-9]+-[0-9]+)")
_CLAIM = re.compile(rf"dynia:({_WORD}):({_WORD}):ip-for:([0-9]{{1,18}})")
_ED25519 = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"


class NodeMark(Shape):
    """What a droplet's own tag says. `host_key` is a public key line."""

    tag: str
    lineage: str
    cluster: str
    ordinal: int
    host_key: str


class ClusterMarks(Shape):
    """A cluster's tags about reserved IPs: addresses that are its own, droplets that one is allocated for."""

    addresses: frozenset[str] = frozenset()
    claims: frozenset[int] = frozenset()


def cluster_tag(lineage: str, cluster: str) -> str:
    return f"dynia:{lineage}:{cluster}"


def node_tag(lineage: str, cluster: str, ordinal: int, host_public_key: str) -> str:
    kind, _, rest = host_public_key.partition(" ")
    try:
        blob = base64.b64decode(rest.split(" ")[0], validate=True)
    except binascii.Error:
        blob = b""
    if kind != "ssh-ed25519" or len(blob) != len(_ED25519) + 32 or not blob.startswith(_ED25519):
        raise DyniaError(f"the host key of a node must be ssh-ed25519, not {kind[:40]}")
    return f"{cluster_tag(lineage, cluster)}:{ordinal}:{blob[len(_ED25519) :].hex()}"


def address_tag(lineage: str, cluster: str, address: str) -> str:
    return f"{cluster_tag(lineage, cluster)}:ip:{address.replace('.', '-')}"


def claim_tag(lineage: str, cluster: str, droplet: int) -> str:
    return f"{cluster_tag(lineage, cluster)}:ip-for:{droplet}"


def node_mark(tags: list[str]) -> NodeMark | None:
    """The mark of a droplet with these tags; None: it is not Dynia's."""
    for tag in tags:
        found = _NODE.fullmatch(tag)
        if found:
            lineage, cluster, ordinal, key = found.groups()
            line = "ssh-ed25519 " + base64.b64encode(_ED25519 + bytes.fromhex(key)).decode()
            return NodeMark(tag=tag, lineage=lineage, cluster=cluster, ordinal=int(ordinal), host_key=line)
    return None


def address_mark(tag: str) -> tuple[str, str, str] | None:
    """(lineage, cluster, address) of a tag that marks a reserved IP."""
    found = _ADDRESS.fullmatch(tag)
    return (found[1], found[2], found[3].replace("-", ".")) if found else None


def claim_mark(tag: str) -> tuple[str, str, int] | None:
    """(lineage, cluster, droplet) of a tag that says for which droplet an address is being allocated."""
    found = _CLAIM.fullmatch(tag)
    return (found[1], found[2], int(found[3])) if found else None


def cluster_marks(tags: list[str], lineage: str, cluster: str) -> ClusterMarks:
    addresses, claims = set(), set()
    for tag in tags:
        address, claim = address_mark(tag), claim_mark(tag)
        if address and address[:2] == (lineage, cluster):
            addresses.add(address[2])
        elif claim and claim[:2] == (lineage, cluster):
            claims.add(claim[2])
    return ClusterMarks(addresses=frozenset(addresses), claims=frozenset(claims))
