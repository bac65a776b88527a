"""Where the twin's addresses are: outside of the lab's own network, and in three parts that don't meet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from dynia.lab.places import DROPLET_TAILS, Places


@pytest.mark.parametrize("number", (1, 131, 239))
def test_every_droplet_has_an_address_of_each_kind_in_its_part(number: int) -> None:
    lab = IPv4Network(f"198.18.{number}.0/24")
    places = Places(subnet=str(lab))
    parts = (places.vpc, places.anchors, places.reserved)
    assert all(part.subnet_of(IPv4Network(f"198.19.{number}.0/24")) for part in parts)
    assert not any(one.overlaps(other) for one in parts for other in parts if one is not other)
    taken = {places.vpc[0], places.vpc[1], places.vpc[-1], places.anchors[0], places.anchors[-1]}
    taken.add(places.anchor_gateway)
    for tail in DROPLET_TAILS:
        public = str(lab[tail])
        private, anchor = IPv4Address(places.private(public)), IPv4Address(places.anchor(public))
        assert private in places.vpc
        assert anchor in places.anchors
        assert not {private, anchor} & taken
        taken |= {private, anchor}


def test_reserved_ips_come_round_again_and_are_never_the_edge_of_a_network() -> None:
    places = Places(subnet="198.18.7.0/24")
    given = [places.reserved_ip(number) for number in range(1, 300)]
    assert given[0] == "198.19.7.129"
    assert given[126] == given[0]
    assert not {"198.19.7.128", "198.19.7.255"} & set(given)
