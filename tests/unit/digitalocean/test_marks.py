"""Tags carry a node's identity and its host key, and nothing else is taken for ours."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from dynia.interfaces.errors import DyniaError
from dynia.providers.nodes.digitalocean.marks import (
    address_tag,
    claim_tag,
    cluster_marks,
    cluster_tag,
    node_mark,
    node_tag,
)
from dynia.twin.digitalocean.tags import NAME

WORDS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,40}", fullmatch=True)


@given(WORDS, WORDS, st.integers(1, 99_999), st.binary(min_size=32, max_size=32))
def test_a_node_is_read_back_from_its_tag_with_its_host_key(
    lineage: str, cluster: str, ordinal: int, seed: bytes
) -> None:
    point = ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key()
    key = point.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    tag = node_tag(lineage, cluster, ordinal, key + " a comment")
    mark = node_mark(["web", cluster_tag(lineage, cluster), tag])
    assert mark is not None
    assert (mark.lineage, mark.cluster, mark.ordinal, mark.host_key) == (lineage, cluster, ordinal, key)
    assert NAME.fullmatch(tag)


@given(WORDS, WORDS, st.ip_addresses(v=4), st.integers(1, 10**9))
def test_addresses_and_claims_are_read_back_for_their_cluster_only(
    lineage: str, cluster: str, address: object, droplet: int
) -> None:
    tags = [address_tag(lineage, cluster, str(address)), claim_tag(lineage, cluster, droplet)]
    marks = cluster_marks(tags, lineage, cluster)
    assert (marks.addresses, marks.claims) == ({str(address)}, {droplet})
    other = cluster_marks(tags, lineage, f"{cluster}x")
    assert (other.addresses, other.claims) == (frozenset(), frozenset())
    assert node_mark(tags) is None


@pytest.mark.parametrize(
    "tag", ["dynia", "dynia:l:c", "dynia:l:c:1", f"dynia:l:c:1:{'A' * 64}", f"xdynia:l:c:1:{'0' * 64}", ""]
)
def test_what_only_looks_like_a_mark_is_none(tag: str) -> None:
    assert node_mark([tag]) is None


@pytest.mark.parametrize("key", ["ssh-rsa AAAA", "ssh-ed25519 AAAA", "ssh-ed25519 !", ""])
def test_only_an_ed25519_host_key_can_be_pinned(key: str) -> None:
    with pytest.raises(DyniaError, match="ssh-ed25519"):
        node_tag("l", "c", 1, key)
