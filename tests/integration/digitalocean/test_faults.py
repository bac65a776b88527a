"""Whatever the API does, nothing is made twice and nothing is lost: judged from the twin's database."""

from __future__ import annotations

import asyncio
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from dynia.interfaces.errors import DyniaError
from dynia.providers.pace import Patience
from dynia.twin.digitalocean.cloud import Quota
from dynia.twin.faults import Fault, Rate, Rule, Script
from tests.contract.digitalocean_world import DigitalOceanWorld
from tests.twin.judged import rows, twin_in_a_thread

# Few attempts: a call fails for good now and then, and the next try has to pick up what it left.
HASTY = Patience(attempts=2, base=0.01, cap=0.02, poll=0.01, slowest=0.03, within=10.0)
ROOMY = Quota(minute=10_000, hour=100_000, reserved_ip_creates=1000)
TRIES = 5

MUTATING = (
    "POST /v2/account/keys",
    "POST /v2/droplets",
    "DELETE /v2/droplets/{droplet_id}",
    "POST /v2/droplets/{droplet_id}/actions",
    "POST /v2/tags",
    "DELETE /v2/tags/{tag_id}",
    "POST /v2/reserved_ips",
    "POST /v2/reserved_ips/{reserved_ip}/actions",
    "DELETE /v2/reserved_ips/{reserved_ip}",
)
FAULTS = (
    Fault("delay", seconds=0.2),
    Fault("delay", "after", seconds=0.2),
    Fault("error", status=500),
    Fault("error", status=503),
    Fault("error", "after", status=502),
    Fault("cut"),
    Fault("cut", "after"),
    Fault("late", seconds=0.05),
    Fault("limit"),
    Fault("doom"),
)

HARDEST = ("cut-after", "late-before", "doom-before")


# One run of Dynia's, to be killed.
RUN = """
import asyncio, sys
from tests.contract.digitalocean_world import DigitalOceanWorld
import pathlib
world = DigitalOceanWorld(sys.argv[1], pathlib.Path())
world.lineage, world.cluster = sys.argv[2:]
asyncio.run(world.provider.create_node(world.order(1)))
"""


async def wanted(world: DigitalOceanWorld) -> None:
    """Three nodes, one of them started anew; an address on the third; the first node gone."""
    provider = world.fresh_provider()
    nodes = await asyncio.gather(*(provider.create_node(world.order(i)) for i in (1, 2, 3)))
    address = await provider.allocate_reserved_ip(world.lineage, world.cluster)
    await provider.attach_reserved_ip(address.provider_id, nodes[2].provider_id)
    await provider.detach_reserved_ip(address.provider_id)
    await world.power_off(nodes[1].provider_id)
    await provider.start_node(nodes[1].provider_id)
    await provider.attach_reserved_ip(address.provider_id, nodes[2].provider_id)


async def nothing(world: DigitalOceanWorld) -> None:
    """The cluster and its address away. An address is recorded until its release has ended, as in the state:
    a try that died between the release and the removal of its mark is gone on with."""
    provider = world.fresh_provider()
    listed = await provider.list_reserved_ips(world.lineage, world.cluster)
    world.recorded |= {address.provider_id for address in listed}
    for address in sorted(world.recorded):
        await provider.detach_reserved_ip(address)
        await provider.release_reserved_ip(address)
        world.recorded.remove(address)
    for node in await provider.list_nodes(world.lineage, world.cluster):
        await provider.delete_node(node.provider_id)


def tried(world: DigitalOceanWorld, deed: Any) -> int:
    """Again and again, as a person would; how often it took. Only errors in words may come out."""
    for count in range(1, TRIES + 1):
        try:
            asyncio.run(deed(world))
        except DyniaError as error:
            assert error.message.isprintable()
        else:
            return count
    raise AssertionError(f"not converged in {TRIES} tries")


def judge_up(database: pathlib.Path, world: DigitalOceanWorld, *, doomed: int = 0) -> None:
    """`doomed`: droplets and addresses that the vendor itself gave up."""
    alive = rows(database, "SELECT * FROM droplets WHERE deleted IS NULL ORDER BY name")
    assert [one["name"] for one in alive] == ["node-1", "node-2", "node-3"]
    assert [one["status"] for one in alive] == ["active"] * 3
    assert len(rows(database, "SELECT * FROM droplets")) == 3 + doomed
    (address,) = rows(database, "SELECT * FROM reserved_ips WHERE released IS NULL")
    assert address["droplet"] == alive[2]["id"]
    assert len(rows(database, "SELECT * FROM reserved_ips")) == 1
    assert len(rows(database, "SELECT * FROM keys")) == 1
    marks = [one["name"] for one in rows(database, "SELECT name FROM tags WHERE name LIKE '%:ip%'")]
    assert marks == [f"dynia:{world.lineage}:{world.cluster}:ip:{address['ip'].replace('.', '-')}"]
    worn = rows(database, "SELECT droplet, count(*) AS tags FROM droplet_tags GROUP BY droplet")
    assert [one["tags"] for one in worn] == [2, 2, 2]


def judge_down(database: pathlib.Path) -> None:
    assert rows(database, "SELECT * FROM droplets WHERE deleted IS NULL") == []
    assert rows(database, "SELECT * FROM reserved_ips WHERE released IS NULL") == []
    assert rows(database, "SELECT * FROM tags WHERE name LIKE '%:ip%'") == []


@pytest.mark.parametrize(
    "seed", [seed if seed < 3 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(10)]
)
def test_a_fifth_of_all_calls_fails_and_it_converges_within_five_tries(
    tmp_path: pathlib.Path, seed: int
) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database, quota=ROOMY) as twin:
        world = DigitalOceanWorld(twin.url, database, HASTY)
        twin.faults.load(Script(rate=Rate(share=0.2, seed=seed)))
        tries = tried(world, create_reserve_assign)
        judge_nothing_twice(database)
        tries_down = tried(world, nothing)
        judge_down(database)
    struck = rows(database, "SELECT count(*) AS n FROM requests WHERE fault <> ''")[0]["n"]
    every = rows(database, "SELECT count(*) AS n FROM requests WHERE counted")[0]["n"]
    print(f"seed {seed}: {struck} of {every} calls struck, {tries} tries up, {tries_down} down")
    assert struck / every > 0.1


async def create_reserve_assign(world: DigitalOceanWorld) -> None:
    provider = world.fresh_provider()
    nodes = await asyncio.gather(*(provider.create_node(world.order(i)) for i in (1, 2, 3)))
    address = await provider.allocate_reserved_ip(world.lineage, world.cluster)
    await provider.attach_reserved_ip(address.provider_id, nodes[2].provider_id)


def judge_nothing_twice(database: pathlib.Path) -> None:
    droplets = rows(database, "SELECT * FROM droplets ORDER BY name")
    assert [(one["name"], one["status"]) for one in droplets] == [(f"node-{i}", "active") for i in (1, 2, 3)]
    (address,) = rows(database, "SELECT * FROM reserved_ips")
    assert address["droplet"] == droplets[2]["id"]
    assert len(rows(database, "SELECT * FROM keys")) == 1


@pytest.mark.parametrize(
    "fault",
    [one if str(one) in HARDEST else pytest.param(one, marks=pytest.mark.slow) for one in FAULTS],
    ids=str,
)
@pytest.mark.parametrize("call", MUTATING)
def test_every_fault_at_every_mutating_call(tmp_path: pathlib.Path, call: str, fault: Fault) -> None:
    """The first such call meets it. The table has no empty cell: it is seen in the twin's database."""
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database, quota=ROOMY) as twin:
        world = DigitalOceanWorld(twin.url, database, HASTY)
        # the test's own power_off is the first action of a droplet, and these creates are first asked for
        # something that does not exist, to see whether the token may
        probed = ("POST /v2/droplets", "POST /v2/reserved_ips")
        skip = 1 if call.startswith("POST /v2/droplets/{") or call in probed else 0
        twin.faults.load(Script(rules=(Rule(call, fault, skip=skip),)))
        tried(world, wanted)
        doomed = call == "POST /v2/droplets" and fault.kind == "doom"
        judge_up(database, world, doomed=int(doomed))
        tried(world, nothing)
        judge_down(database)
    struck = rows(database, "SELECT operation, fault FROM requests WHERE fault <> ''")
    assert struck == [{"operation": call, "fault": str(fault)}]


def test_an_answer_that_is_held_back_until_the_run_is_dead_is_adopted(tmp_path: pathlib.Path) -> None:
    """SIGKILL between the create call and its answer: the next run adopts that droplet."""
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database) as twin:
        world = DigitalOceanWorld(twin.url, database)
        twin.faults.load(
            Script(rules=(Rule("POST /v2/droplets", Fault("delay", "after", seconds=30), skip=1),))
        )

        with subprocess.Popen([sys.executable, "-c", RUN, twin.url, world.lineage, world.cluster]) as run:
            until(lambda: bool(rows(database, "SELECT 1 FROM droplets")))
            run.kill()
        made = asyncio.run(world.provider.create_node(world.order(1)))
        (droplet,) = rows(database, "SELECT * FROM droplets")
        assert made.provider_id == str(droplet["id"])
        # the host key that is trusted is the one that was injected then, not the one of the new order
        told = json.loads(droplet["user_data"].removeprefix("#cloud-config\n"))
        assert made.host_key == told["ssh_keys"]["ed25519_public"]


def test_the_mark_of_an_address_that_is_gone_goes_with_the_next_release(tmp_path: pathlib.Path) -> None:
    """SIGKILL between the two calls of a release that nobody goes on with: the address was not recorded."""
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database) as twin:
        world = DigitalOceanWorld(twin.url, database)
        mark = f"dynia:{world.lineage}:{world.cluster}:ip:"

        def marks() -> list[str]:
            found = rows(database, "SELECT name FROM tags WHERE name LIKE 'dynia:%:ip:%' ORDER BY name")
            return [one["name"] for one in found]

        async def both() -> None:
            await world.ready_for_an_address()
            address = await world.provider.allocate_reserved_ip(world.lineage, world.cluster)
            entry = f"{mark}{address.address.replace('.', '-')}"
            gone = f"{mark}203-0-113-99"
            other = f"dynia:{world.lineage}:other:ip:203-0-113-98"
            stray = (await world.api("POST", "/v2/reserved_ips", {"region": "lon1"})).json()
            there = f"{mark}{stray['reserved_ip']['ip'].replace('.', '-')}"
            for name in (gone, other, there):
                await world.api("POST", "/v2/tags", {"name": name})
            assert marks() == sorted((entry, gone, other, there))
            await world.provider.release_reserved_ip(address.provider_id)
            assert marks() == sorted((other, there)), "what is there, or another cluster's, keeps its mark"

        asyncio.run(both())


def test_an_address_that_is_on_its_way_elsewhere_is_waited_for(tmp_path: pathlib.Path) -> None:
    """422: between the look and the call somebody else began an action."""
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database, delay=1.0) as twin:
        world = DigitalOceanWorld(twin.url, database)

        async def both() -> None:
            nodes = await asyncio.gather(*(world.provider.create_node(world.order(i)) for i in (1, 2, 3)))
            address = await world.provider.allocate_reserved_ip(world.lineage, world.cluster)
            ids = {node.provider_id for node in nodes}
            (listed,) = await world.provider.list_reserved_ips(world.lineage, world.cluster)
            ours, theirs = sorted(ids - {listed.owner})[:2]
            operation = "POST /v2/reserved_ips/{reserved_ip}/actions"
            twin.faults.load(Script(rules=(Rule(operation, Fault("hold")),)))
            late = asyncio.create_task(world.provider.attach_reserved_ip(address.provider_id, ours))
            await asyncio.to_thread(until, lambda: len(at(database, operation)) == 1)
            assign = {"type": "assign", "droplet_id": int(theirs)}
            await world.api("POST", f"/v2/reserved_ips/{address.address}/actions", assign)
            twin.faults.load(Script())
            await late
            (listed,) = await world.provider.list_reserved_ips(world.lineage, world.cluster)
            assert listed.owner == ours

        asyncio.run(both())
    assert rows(
        database,
        "SELECT 1 FROM requests WHERE operation = 'POST /v2/reserved_ips/{reserved_ip}/actions' AND status = 422",
    )


def until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def at(database: pathlib.Path, operation: str) -> list[float]:
    found = rows(database, "SELECT at FROM requests WHERE operation = ? ORDER BY id", operation)
    return [one["at"] for one in found]


def test_retry_after_is_respected(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database) as twin:
        world = DigitalOceanWorld(twin.url, database)
        twin.faults.load(Script(rules=(Rule("GET /v2/droplets", Fault("limit", seconds=2)),)))
        assert asyncio.run(world.provider.list_nodes(world.lineage, world.cluster)) == ()
    first, second = at(database, "GET /v2/droplets")
    assert second - first >= 2.0


def test_a_wait_that_is_too_long_is_told_instead(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database, quota=Quota(hour=0)) as twin:
        world = DigitalOceanWorld(twin.url, database)
        with pytest.raises(DyniaError, match=r"too many requests.*asks to wait 3[56]\d\d s") as caught:
            asyncio.run(world.provider.list_nodes(world.lineage, world.cluster))
        assert caught.value.exit_code == 4
    assert len(at(database, "GET /v2/droplets")) == 1


def test_a_vendor_that_does_not_answer_is_not_observed(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database, faults=Script(rules=(Rule("*", Fault("error"), times=0),))) as twin:
        world = DigitalOceanWorld(twin.url, database)
        with pytest.raises(
            DyniaError, match=r"no answer to droplets.list \(HTTP 503, asked 6 times\)"
        ) as caught:
            asyncio.run(world.provider.list_nodes(world.lineage, world.cluster))
        assert caught.value.exit_code == 4
        url = twin.url
    gone = DigitalOceanWorld(url, database)
    with pytest.raises(DyniaError, match=r"no answer to droplets\.list"):
        asyncio.run(gone.provider.list_nodes(gone.lineage, gone.cluster))


def test_no_more_calls_than_the_pace_allows(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database) as twin:
        world = DigitalOceanWorld(twin.url, database, Patience(calls=20, window=1.0))

        async def many() -> None:
            await asyncio.gather(
                *(world.provider.list_nodes(world.lineage, world.cluster) for _ in range(70))
            )

        begun = time.time()
        asyncio.run(many())
    seen = at(database, "GET /v2/droplets")
    assert len(seen) == 70
    # How calls lie within the window is the machine's to say; that none came before its turn is not.
    for turn in (1, 2, 3):
        assert sum(1 for one in seen if one < begun + turn) <= 20 * turn


def test_a_list_that_changed_between_its_pages_is_read_again(
    tmp_path: pathlib.Path,
) -> None:
    """A mark that slid to a page already read would let a second address be allocated."""
    database = tmp_path / "twin.db"
    with twin_in_a_thread(database, quota=ROOMY) as twin:
        world = DigitalOceanWorld(twin.url, database)

        async def case() -> None:
            for number in range(200):
                await world.api("POST", "/v2/tags", {"name": f"t{number}"})
            await world.ready_for_an_address()
            made = await world.provider.allocate_reserved_ip(world.lineage, world.cluster)
            before = len(at(database, "GET /v2/tags"))
            twin.faults.load(Script(rules=(Rule("GET /v2/tags", Fault("hold"), skip=1),)))
            again = asyncio.create_task(world.provider.allocate_reserved_ip(world.lineage, world.cluster))
            # the second page is asked for, and comes late
            await asyncio.to_thread(until, lambda: len(at(database, "GET /v2/tags")) >= before + 2)
            for number in range(10):
                await world.api("DELETE", f"/v2/tags/t{number}")
            twin.faults.load(Script())
            assert (await again).address == made.address

        asyncio.run(case())
    assert len(rows(database, "SELECT * FROM reserved_ips")) == 1
