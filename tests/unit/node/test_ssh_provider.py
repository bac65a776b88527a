"""Hosts that exist: told as the file says them, never made, never deleted, no address of their own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dynia.interfaces.desired import SshHost
from dynia.interfaces.errors import DyniaError
from dynia.providers.nodes.ssh.provider import SshNodeProvider
from dynia.providers.protocols import NodeOrder, NodeProvider
from dynia.providers.ssh.keys import fresh_key, load_known_hosts

HOSTS = (
    SshHost(name="fox", host="203.0.113.1", private_ip="10.0.0.1", host_key="ssh-ed25519 AAAA"),
    SshHost(name="owl", host="203.0.113.2", private_ip="10.0.0.2", port=2222),
)


def order(name: str) -> NodeOrder:
    return NodeOrder(
        lineage="l",
        cluster="c",
        ordinal=7,
        name=name,
        authorized_key="",
        host_private_key="",
        host_public_key="n",
    )


def test_hosts_are_listed_as_the_file_says_them() -> None:
    provider: NodeProvider = SshNodeProvider(HOSTS)
    assert asyncio.run(provider.lineages("c")) == ()
    fox, owl = asyncio.run(provider.list_nodes("l", "c"))
    assert (fox.provider_id, fox.public_ip, fox.private_ip) == ("fox", "203.0.113.1", "10.0.0.1")
    assert (fox.status, fox.host_key, owl.host_key) == ("running", "ssh-ed25519 AAAA", "")


def test_a_host_is_not_made_and_keeps_its_own_host_key() -> None:
    made = asyncio.run(SshNodeProvider(HOSTS).create_node(order("fox")))
    assert (made.provider_id, made.ordinal, made.host_key) == ("fox", 7, "ssh-ed25519 AAAA")


def test_a_host_that_the_file_does_not_name_is_an_error() -> None:
    with pytest.raises(DyniaError, match=r"no host lynx in the file .*fox, owl"):
        asyncio.run(SshNodeProvider(HOSTS).create_node(order("lynx")))


def test_the_host_key_comes_from_known_hosts_where_the_file_names_none(tmp_path: Path) -> None:
    _, public = fresh_key()
    (tmp_path / "known").write_text(f"[203.0.113.2]:2222 {public}\n")
    provider = SshNodeProvider(HOSTS, load_known_hosts(str(tmp_path / "known")))
    fox, owl = asyncio.run(provider.list_nodes("l", "c"))
    assert (fox.host_key, owl.host_key) == ("ssh-ed25519 AAAA", public)


def test_an_address_can_only_be_one_that_the_file_names() -> None:
    with pytest.raises(DyniaError) as caught:
        asyncio.run(SshNodeProvider(HOSTS).allocate_reserved_ip("l", "c"))
    assert "entry: {kind: vip, address: ...}" in caught.value.hint
