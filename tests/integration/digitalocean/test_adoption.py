"""A droplet or a reserved IP that somebody else made gets a cluster's marks, and nothing else of it changes."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Iterator
from typing import Any

import asyncssh
import pytest

from dynia.interfaces.errors import DyniaError, Refused
from dynia.providers.nodes.digitalocean.account import Account
from dynia.providers.nodes.digitalocean.droplets import Defaults
from dynia.providers.nodes.digitalocean.provider import DigitalOceanNodeProvider
from dynia.providers.protocols import Adopting
from dynia.twin.digitalocean.server import DigitalOceanTwin
from dynia.twin.faults import Fault, Rule, Script
from tests.contract.digitalocean_world import QUICK, DigitalOceanWorld
from tests.twin.judged import rows, twin_in_a_thread

KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


class ByHand(DigitalOceanWorld):
    """An account in which somebody works by hand."""

    def droplet(self, name: str = "web-old", **more: Any) -> str:
        """A droplet that is up."""

        async def make() -> str:
            order = {"name": name, "size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "lon1"}
            made = (await self.api("POST", "/v2/droplets", {**order, **more})).json()["droplet"]["id"]
            while (await self.api("GET", f"/v2/droplets/{made}")).json()["droplet"]["locked"]:  # noqa: ASYNC110
                await asyncio.sleep(self.patience.slowest)
            return str(made)

        return asyncio.run(make())

    def address(self, **where: Any) -> str:
        """A reserved IP of which nothing is under way."""
        made = asyncio.run(self.api("POST", "/v2/reserved_ips", where or {"region": "lon1"})).json()
        return self.at_rest(str(made["reserved_ip"]["ip"]))

    def at_rest(self, address: str) -> str:
        while asyncio.run(self.api("GET", f"/v2/reserved_ips/{address}")).json()["reserved_ip"]["locked"]:
            pass
        return address

    def here(self) -> tuple[str, str]:
        return self.lineage, self.cluster

    def adopt(self, droplet: str, ordinal: int = 3) -> object:
        return asyncio.run(self.fresh_provider().adopt_node(*self.here(), droplet, ordinal, KEY))

    def all(self) -> dict[str, list[dict[str, Any]]]:
        tables = ("droplets", "reserved_ips", "tags", "droplet_tags", "actions")
        return {table: rows(self.database, f"SELECT * FROM {table} ORDER BY rowid") for table in tables}


@pytest.fixture
def twin(tmp_path: pathlib.Path) -> Iterator[DigitalOceanTwin]:
    with twin_in_a_thread(tmp_path / "twin.db") as opened:
        yield opened


@pytest.fixture
def world(twin: DigitalOceanTwin, tmp_path: pathlib.Path) -> ByHand:
    return ByHand(twin.url, tmp_path / "twin.db")


def test_a_droplet_is_found_by_its_id_its_name_or_its_address_and_then_listed_as_a_node(
    world: ByHand,
) -> None:
    droplet = world.droplet()
    before = world.all()
    provider = world.fresh_provider()
    assert isinstance(provider, Adopting)
    public = asyncio.run(provider.find_node(*world.here(), droplet)).node.public_ip
    for said in ("web-old", public):
        found = asyncio.run(world.fresh_provider().find_node(*world.here(), said))
        assert (found.node.provider_id, found.node.ordinal, found.node.host_key) == (droplet, 0, "")
        assert found.notes == ()
    assert world.all() == before, "a look changes nothing"
    for _ in range(2):
        world.adopt(droplet)
        [node] = asyncio.run(world.fresh_provider().list_nodes(*world.here()))
        assert (node.provider_id, node.name, node.ordinal, node.host_key) == (droplet, "web-old", 3, KEY)
    after = world.all()
    assert (after["droplets"], after["actions"]) == (before["droplets"], before["actions"])
    assert len(after["droplet_tags"]) == 2
    again = asyncio.run(world.fresh_provider().find_node(*world.here(), droplet)).node
    assert (again.ordinal, again.host_key) == (3, KEY)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["POST /v2/tags", "POST /v2/tags/{tag_id}/resources"])
def test_lost_answers_change_nothing_of_the_end(
    world: ByHand, twin: DigitalOceanTwin, call: str, when: Any
) -> None:
    droplet, address = world.droplet(), world.address()
    twin.faults.load(Script(rules=(Rule(call, Fault("cut", when), times=2),)))
    world.adopt(droplet)
    asyncio.run(world.fresh_provider().adopt_address(*world.here(), address))
    [node] = asyncio.run(world.fresh_provider().list_nodes(*world.here()))
    [mine] = asyncio.run(world.fresh_provider().list_reserved_ips(*world.here()))
    assert (node.provider_id, mine.address) == (droplet, address)
    assert len(world.all()["tags"]) == 3


def test_what_is_of_another_cluster_is_refused_and_stays_as_it_is(world: ByHand) -> None:
    other = ByHand(world.url, world.database)
    droplet, address = world.droplet(), world.address()
    other.adopt(droplet)
    asyncio.run(other.fresh_provider().adopt_address(*other.here(), address))
    before = world.all()
    of = f"of cluster {other.cluster} of lineage {other.lineage}"
    for work in (
        world.fresh_provider().find_node(*world.here(), droplet),
        world.fresh_provider().adopt_node(*world.here(), droplet, 1, KEY),
        world.fresh_provider().find_address(*world.here(), address),
        world.fresh_provider().adopt_address(*world.here(), address),
    ):
        with pytest.raises(Refused, match=of) as caught:
            asyncio.run(work)
        assert "nothing was done to it" in caught.value.hint
    assert world.all() == before


def test_an_address_that_is_just_being_made_for_another_cluster_is_its_own(world: ByHand) -> None:
    other = ByHand(world.url, world.database)
    droplet = other.droplet()
    address = other.address(droplet_id=int(droplet))
    claim = f"dynia:{other.lineage}:{other.cluster}:ip-for:{droplet}"
    asyncio.run(other.api("POST", "/v2/tags", {"name": claim}))
    with pytest.raises(Refused, match=f"of cluster {other.cluster}"):
        asyncio.run(world.fresh_provider().find_address(*world.here(), address))


def test_what_is_not_as_the_file_says_is_told(world: ByHand) -> None:
    droplet = world.droplet(size="s-2vcpu-4gb", image="ubuntu-24-04-x64")
    found = asyncio.run(world.fresh_provider().find_node(*world.here(), droplet))
    assert found.notes == (
        "its size is s-2vcpu-4gb, the file says s-1vcpu-1gb: it stays as it is",
        "its image is ubuntu-24-04-x64, the file says debian-13-x64: it stays as it is",
    )


@pytest.mark.parametrize("what", ["region", "vpc", "off", "twice", "unknown"])
def test_a_droplet_that_cannot_be_a_node_is_refused(world: ByHand, what: str) -> None:
    provider, said, says = world.fresh_provider(), "web-old", "no droplet has the id, the name or the address"
    if what == "region":
        world.droplet(region="fra1")
        says = r"droplet \d+ \(web-old\) is in fra1, and the file says lon1"
    elif what == "vpc":
        world.droplet()
        elsewhere = Defaults(region="lon1", vpc="8b1f4a0e-0000-4000-8000-000000000000")
        provider = DigitalOceanNodeProvider(Account(world.token, world.url), elsewhere, QUICK)
        says = r"is in VPC \S+, and the cluster in 8b1f4a0e-0000-4000-8000-000000000000"
    elif what == "off":
        asyncio.run(world.power_off(world.droplet()))
        says = "is off"
    elif what == "twice":
        ids = {world.droplet(), world.droplet()}
        says = "several droplets are called web-old"
    with pytest.raises(Refused, match=says) as caught:
        asyncio.run(provider.find_node(*world.here(), said))
    assert what != "twice" or all(one in caught.value.hint for one in ids)
    assert world.all()["tags"] == []


def test_an_address_is_marked_and_not_moved(world: ByHand) -> None:
    droplet, free, far = world.droplet(), world.address(), world.address(region="fra1")
    held = asyncio.run(world.fresh_provider().find_address(*world.here(), free))
    assert (held.address.address, held.address.owner, held.notes) == (free, "", ())
    asyncio.run(
        world.api("POST", f"/v2/reserved_ips/{free}/actions", {"type": "assign", "droplet_id": int(droplet)})
    )
    world.at_rest(free)
    before = world.all()
    [note] = asyncio.run(world.fresh_provider().find_address(*world.here(), free)).notes
    assert (
        note == f"droplet {droplet} has it, which is no node of {world.cluster}: the next apply moves it away"
    )
    for _ in range(2):
        taken = asyncio.run(world.fresh_provider().adopt_address(*world.here(), free))
        assert taken.owner == droplet
        assert asyncio.run(world.fresh_provider().list_reserved_ips(*world.here())) == (taken,)
    after = world.all()
    assert (after["reserved_ips"], after["actions"]) == (before["reserved_ips"], before["actions"])
    with pytest.raises(Refused, match=f"reserved IP {far} is in fra1, and the file says lon1"):
        asyncio.run(world.fresh_provider().find_address(*world.here(), far))
    with pytest.raises(DyniaError, match=r"the account has no reserved IP 198\.19\.255\.1"):
        asyncio.run(world.fresh_provider().find_address(*world.here(), "198.19.255.1"))
