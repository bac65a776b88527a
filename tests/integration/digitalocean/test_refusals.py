"""What the account, the token or the catalogue does not allow: one clear message, before anything was made."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import pathlib
import sqlite3
from typing import Any

import msgspec
import pytest

from dynia.interfaces.errors import DyniaError, NotObservedError, Refused
from dynia.providers.nodes.digitalocean.account import SCOPES, Account
from dynia.providers.nodes.digitalocean.droplets import Defaults
from dynia.providers.nodes.digitalocean.provider import DigitalOceanNodeProvider
from dynia.twin.digitalocean.cloud import Quota
from dynia.twin.faults import Fault, Rule, Script
from tests.contract.digitalocean_world import QUICK, DigitalOceanWorld
from tests.twin.judged import rows, twin_in_a_thread


async def everything(world: DigitalOceanWorld, provider: DigitalOceanNodeProvider) -> None:
    """Every call that the provider knows."""
    nodes = [await provider.create_node(world.order(i)) for i in (1, 2)]
    words = {"size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "lon1"}
    await provider.offer(world.lineage, world.cluster, **words)
    address = await provider.allocate_reserved_ip(world.lineage, world.cluster)
    await provider.attach_reserved_ip(address.provider_id, nodes[1].provider_id)
    await provider.detach_reserved_ip(address.provider_id)
    await world.power_off(nodes[0].provider_id)
    await provider.start_node(nodes[0].provider_id)
    await provider.release_reserved_ip(address.provider_id)
    for node in nodes:
        await provider.delete_node(node.provider_id)


def made(database: pathlib.Path) -> int:
    return sum(
        rows(database, f"SELECT count(*) AS n FROM {table}")[0]["n"]
        for table in ("droplets", "reserved_ips", "keys", "tags")
    )


def test_a_token_with_the_listed_scopes_is_enough(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    tokens = {"just-so": frozenset(SCOPES), "dop_v1_a-token-for-tests": None}
    with twin_in_a_thread(database, tokens=tokens) as twin:
        world = DigitalOceanWorld(twin.url, database)
        asyncio.run(everything(world, world.fresh_provider("just-so")))


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_that_is_missing_is_named(tmp_path: pathlib.Path, scope: str) -> None:
    database = tmp_path / "twin.db"
    tokens = {"poor": frozenset(SCOPES) - {scope}, "dop_v1_a-token-for-tests": None}
    with twin_in_a_thread(database, tokens=tokens) as twin:
        world = DigitalOceanWorld(twin.url, database)
        with pytest.raises(DyniaError, match="lacks the scope") as caught:
            asyncio.run(everything(world, world.fresh_provider("poor")))
    assert scope in caught.value.message
    if scope.endswith(":create"):
        assert made(database) == 0, "told before anything was made"
    assert "poor" not in caught.value.message + caught.value.hint
    assert all(one in caught.value.hint for one in SCOPES)


def test_a_wrong_token_is_said_so_and_nothing_is_asked_twice(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database, tokens={"right": None}) as twin:
        world = DigitalOceanWorld(twin.url, database)
        with pytest.raises(
            DyniaError, match="does not know the token in DIGITALOCEAN_ACCESS_TOKEN"
        ) as caught:
            asyncio.run(world.fresh_provider("wrong-secret").create_node(world.order(1)))
    assert "wrong-secret" not in str(caught.value) + caught.value.hint
    assert len(rows(database, "SELECT * FROM requests")) == 1
    assert made(database) == 0


@pytest.mark.parametrize(
    ("change", "says", "near"),
    [
        ({"size": "s-2vcpu-4g"}, "size s-2vcpu-4g is unknown", "s-2vcpu-4gb"),
        ({"size": "m-2vcpu-16gb"}, "size m-2vcpu-16gb is not offered in lon1", "g-4vcpu-16gb"),
        ({"region": "lon2"}, "region lon2 is unknown", "lon1"),
        ({"region": "ams2"}, "region ams2 is not offered", "ams3"),
        ({"image": "debian-13"}, "image debian-13 is unknown", "debian-13-x64"),
    ],
)
def test_an_unknown_word_names_near_ones(
    tmp_path: pathlib.Path, change: dict[str, Any], says: str, near: str
) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database) as twin:
        world = DigitalOceanWorld(twin.url, database)
        order = msgspec.structs.replace(world.order(1), **change)
        with pytest.raises(DyniaError, match=says) as caught:
            asyncio.run(world.provider.create_node(order))
    assert near in caught.value.hint
    assert made(database) == 0


@pytest.mark.parametrize("late", [0, 2], ids=["at-once", "two-are-late"])
def test_an_exhausted_quota_stops_all_orders_before_the_first(tmp_path: pathlib.Path, late: int) -> None:
    """Also those that come to ask when the first one has been refused."""
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database, quota=Quota(droplets=2)) as twin:
        world = DigitalOceanWorld(twin.url, database)
        slow = Rule("GET /v2/droplets", Fault("delay", seconds=1.0), skip=1, times=late)
        twin.faults.load(Script(rules=(slow,) if late else ()))

        async def three() -> list[Any]:
            orders = [world.provider.create_node(world.order(i)) for i in (1, 2, 3)]
            return await asyncio.gather(*orders, return_exceptions=True)

        answers = asyncio.run(three())
        assert {str(one) for one in answers} == {
            "DigitalOcean: 3 more droplets would make 3, and the account may have 2"
        }
        assert made(database) == 0
        # and what there is room for is made
        asyncio.run(world.fresh_provider().create_node(world.order(1)))
        asyncio.run(world.fresh_provider().create_node(world.order(2)))
    assert len(rows(database, "SELECT * FROM droplets")) == 2


def test_an_exhausted_quota_of_addresses_is_said_before_one_is_claimed(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database, quota=Quota(reserved_ips=0)) as twin:
        world = DigitalOceanWorld(twin.url, database)
        asyncio.run(world.ready_for_an_address())
        before = made(database)
        with pytest.raises(DyniaError, match="1 more reserved IPs would make 1, and the account may have 0"):
            asyncio.run(world.provider.allocate_reserved_ip(world.lineage, world.cluster))
        assert made(database) == before


def test_an_address_is_not_allocated_without_a_droplet_to_be_born_on(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database) as twin:
        world = DigitalOceanWorld(twin.url, database)
        with pytest.raises(DyniaError, match="no running droplet"):
            asyncio.run(world.provider.allocate_reserved_ip(world.lineage, world.cluster))
    assert made(database) == 0


def test_an_address_on_our_droplet_that_somebody_else_allocated_is_left_alone(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database) as twin:
        world = DigitalOceanWorld(twin.url, database)
        node = asyncio.run(world.provider.create_node(world.order(1)))
        body = {"droplet_id": int(node.provider_id)}
        foreign = asyncio.run(world.api("POST", "/v2/reserved_ips", body)).json()["reserved_ip"]["ip"]
        asyncio.run(world.provider.create_node(world.order(2)))
        assert asyncio.run(world.provider.list_reserved_ips(world.lineage, world.cluster)) == ()
        ours = asyncio.run(world.provider.allocate_reserved_ip(world.lineage, world.cluster))
        assert ours.address != foreign
        with pytest.raises(Refused):
            asyncio.run(world.provider.detach_reserved_ip(foreign))
        with pytest.raises(Refused):
            asyncio.run(world.provider.attach_reserved_ip(foreign, node.provider_id))
        # a droplet has one address: theirs stays, and the message is the vendor's
        with pytest.raises(DyniaError, match="already has a reserved IP"):
            asyncio.run(world.provider.attach_reserved_ip(ours.provider_id, node.provider_id))
    owner = rows(database, "SELECT droplet FROM reserved_ips WHERE ip = ?", foreign)
    assert owner == [{"droplet": int(node.provider_id)}]


def test_a_droplet_that_the_vendor_gives_up_again_and_again_is_said_so(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    script = Script(rules=(Rule("POST /v2/droplets", Fault("doom"), times=0),))
    with twin_in_a_thread(database, faults=script) as twin:
        world = DigitalOceanWorld(twin.url, database)
        with pytest.raises(NotObservedError, match=r"node node-1: create, 4 times, and it is not seen"):
            asyncio.run(world.provider.create_node(world.order(1)))
    assert rows(database, "SELECT * FROM droplets WHERE deleted IS NULL") == []


def test_an_action_that_does_not_end_is_not_waited_for_for_ever(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database, delay=60) as twin:
        world = DigitalOceanWorld(twin.url, database, dataclasses.replace(QUICK, within=1.0))
        with pytest.raises(NotObservedError, match=r"node node-1: not so after 1 s \(it is new"):
            asyncio.run(world.provider.create_node(world.order(1)))
    assert len(rows(database, "SELECT * FROM droplets")) == 1


def test_an_order_goes_into_the_vpc_that_was_named(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database) as twin:
        world = DigitalOceanWorld(twin.url, database)
        body = {"name": "inside", "region": "lon1"}
        vpc = asyncio.run(world.api("POST", "/v2/vpcs", body)).json()["vpc"]["id"]
        account = Account("dop_v1_a-token-for-tests", twin.url)
        provider = DigitalOceanNodeProvider(account, Defaults(region="lon1", vpc=vpc), QUICK)
        asyncio.run(provider.create_node(world.order(1)))
    assert rows(database, "SELECT vpc FROM droplets") == [{"vpc": vpc}]


# What a run that made 205 nodes would have left.
MANY = """
WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 205)
INSERT INTO droplets (id, name, region, size, image, vpc, user_data, public_keys, status, public_ip,
  private_ip, created)
SELECT d.id + i - 1, 'node-' || i, d.region, d.size, d.image, d.vpc, '', d.public_keys, d.status,
  '198.19.0.' || i, '198.19.64.' || i, d.created
FROM droplets AS d, n;
INSERT INTO droplet_tags (droplet, tag)
SELECT d.id, replace(t.tag, ':1:', ':' || (d.id - t.droplet + 1) || ':')
FROM droplets AS d, droplet_tags AS t WHERE d.id <> t.droplet;
"""


def test_more_droplets_than_a_page_has_are_all_listed(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database) as twin:
        world = DigitalOceanWorld(twin.url, database)
        asyncio.run(world.provider.create_node(world.order(1)))
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.executescript(MANY)
        listed = asyncio.run(world.provider.list_nodes(world.lineage, world.cluster))
        assert [node.ordinal for node in listed] == list(range(1, 206))
        # one of the second page is found again, too
        again = asyncio.run(world.provider.create_node(world.order(205)))
        assert again == listed[204]


def test_whose_machines_are_there_is_told_without_a_state(tmp_path: pathlib.Path) -> None:
    """Asked when the state is lost: by the droplets' own tags, of this cluster's name alone."""
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database) as twin:
        world = DigitalOceanWorld(twin.url, database)
        assert asyncio.run(world.provider.lineages(world.cluster)) == ()
        order = world.order(1)
        asyncio.run(world.provider.create_node(order))
        asyncio.run(world.provider.create_node(msgspec.structs.replace(order, lineage="f" * 32)))
        asyncio.run(world.provider.create_node(msgspec.structs.replace(order, cluster="other")))
        assert asyncio.run(world.provider.lineages(world.cluster)) == tuple(sorted(("f" * 32, world.lineage)))
        assert asyncio.run(world.provider.lineages("other")) == (world.lineage,)
        (node,) = asyncio.run(world.provider.list_nodes(world.lineage, world.cluster))
        asyncio.run(world.provider.delete_node(node.provider_id))
        assert asyncio.run(world.provider.lineages(world.cluster)) == ("f" * 32,)
