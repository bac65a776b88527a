"""How a machine is reached that the state does not have (yet): by what `state rebuild` asks it, and `import` records."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import Ssh, SshHost, SshProvider
from dynia.interfaces.observed import ProviderNode
from dynia.services.found_machine import as_node
from tests.plans import worlds

replace = msgspec.structs.replace
DROPLET = ProviderNode(
    provider_id="4711", name="web-7", ordinal=7, status="running", public_ip="198.18.7.7",
    private_ip="198.18.8.7", host_key="ssh-ed25519 AAAAtold",
)  # fmt: skip
HOST = replace(DROPLET, provider_id="fox", name="fox", host_key="")
SPEC = replace(worlds.cluster(3), ssh=Ssh(user="ops", port=2200))
FOX = SshHost(name="fox", host="198.18.7.7", private_ip="198.18.8.7", user="admin", port=2222)


def test_a_machine_is_reached_as_the_file_says_of_it_or_of_all() -> None:
    node = as_node(SPEC, DROPLET)
    assert (node.user, node.port, node.address, node.private_ip) == ("ops", 2200, "198.18.7.7", "198.18.8.7")
    assert (node.cluster, node.name, node.ordinal, node.provider_id) == ("prod", "web-7", 7, "4711")
    node = as_node(replace(SPEC, provider=SshProvider(), hosts=(FOX,)), HOST)
    assert (node.user, node.port) == ("admin", 2222)


def test_its_priority_is_the_one_that_an_apply_would_give_it() -> None:
    world = worlds.settled(worlds.cluster(3))
    for known in world.state.nodes_of(world.target):
        assert as_node(SPEC, replace(DROPLET, ordinal=known.ordinal)).priority == known.priority


def test_another_one_vouches_only_for_a_host_key_that_is_not_told() -> None:
    known = replace(as_node(SPEC, DROPLET), host_key="ssh-ed25519 AAAAknown")
    assert as_node(SPEC, HOST, known).host_key == "ssh-ed25519 AAAAknown"
    assert as_node(SPEC, DROPLET, known).host_key == "ssh-ed25519 AAAAtold"
    assert as_node(SPEC, HOST).host_key == ""
