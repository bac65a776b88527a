"""What every node provider promises. Each case is applied twice: the first changes, the second must not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import ProviderNode
from tests.contract.digitalocean_world import TwinWorld
from tests.contract.docker_world import World as DockerWorld
from tests.contract.host_world import HostWorld
from tests.contract.world import Twice, World

pytestmark = pytest.mark.lab


async def twice(world: World, call: Callable[[], Awaitable[object]]) -> Twice:
    before = await world.now()
    await call()
    once = await world.now()
    await call()
    return Twice(before=before, once=once, again=await world.now())


def test_create_gives_a_machine_and_the_second_time_the_same(world: World) -> None:
    async def case() -> None:
        given: list[ProviderNode] = []

        async def create() -> None:
            given.append(await world.provider.create_node(world.order(1)))

        seen = await twice(world, create)
        assert seen.second_changes_nothing
        assert (seen.before != seen.once) == world.makes
        assert (given[0],) == (given[1],) == await world.provider.list_nodes(world.lineage, world.cluster)
        assert (given[0].name, given[0].ordinal, given[0].status) == ("node-1", 1, "running")
        assert given[0].private_ip

    asyncio.run(case())


def test_a_machine_answers_ssh_with_the_host_key_that_was_told(world: World) -> None:
    """The injected one; a host that exists keeps its own."""

    async def case() -> None:
        order = world.order(1)
        node = await world.provider.create_node(order)
        assert (node.host_key.split()[:2] == order.host_public_key.split()[:2]) == world.makes
        assert (
            await world.ssh(node.public_ip, node.host_key, "hostname; cat /proc/1/comm") == "node-1\nsystemd"
        )

    asyncio.run(case())


def test_no_secret_is_in_what_the_vendor_tells_about_a_machine(maker: World) -> None:
    async def case() -> None:
        order = maker.order(1)
        node = await maker.provider.create_node(order)
        secret_line = order.host_private_key.splitlines()[1]
        told = await maker.told(node.provider_id)
        assert node.provider_id in told
        assert node.host_key.split() == order.host_public_key.split()[:2]
        assert secret_line not in told

    asyncio.run(case())


@pytest.mark.slow
def test_a_machine_that_was_created_but_never_started_is_made_whole(docker_world: DockerWorld) -> None:
    """A run that dies between create and the keys leaves a container without them."""

    maker = docker_world

    async def case() -> None:
        node = await maker.provider.create_node(maker.order(1))
        image = maker.docker("inspect", "-f", "{{.Config.Image}}", node.provider_id).strip()
        labels = [
            part
            for label in ("lab", "lineage", "cluster", "ordinal", "name")
            for part in (
                "--label",
                f"dev.dynia.{label}={maker.docker('inspect', '-f', label_of(label), node.provider_id).strip()}",
            )
        ]
        maker.docker("rm", "-f", node.provider_id)
        maker.docker("create", "--name", node.provider_id, *labels, image)
        (half,) = await maker.provider.list_nodes(maker.lineage, maker.cluster)
        assert half.status == "absent"

        async def create() -> None:
            await maker.provider.create_node(maker.order(1))

        assert (await twice(maker, create)).first_changes_second_does_not
        (whole,) = await maker.provider.list_nodes(maker.lineage, maker.cluster)
        assert await maker.ssh(whole.public_ip, whole.host_key, "hostname") == "node-1"

    asyncio.run(case())


def label_of(name: str) -> str:
    return '{{index .Config.Labels "dev.dynia.' + name + '"}}'


def test_a_machine_that_is_gone_is_made_again_with_an_empty_disk(maker: World) -> None:
    async def case() -> None:
        node = await maker.provider.create_node(maker.order(1))
        await maker.ssh(node.public_ip, node.host_key, "touch /var/lib/docker/old")
        await maker.take_away(node.provider_id)
        assert await maker.provider.list_nodes(maker.lineage, maker.cluster) == ()
        new = await maker.provider.create_node(maker.order(1))
        assert await maker.ssh(new.public_ip, new.host_key, "ls /var/lib/docker | grep -c old || true") == "0"

    asyncio.run(case())


def test_start_brings_a_machine_that_is_off_back_at_its_address(maker: World) -> None:
    async def case() -> None:
        node = await maker.provider.create_node(maker.order(1))
        await maker.power_off(node.provider_id)
        (off,) = await maker.provider.list_nodes(maker.lineage, maker.cluster)
        assert off.status == "off"
        assert off.private_ip == node.private_ip
        seen = await twice(maker, lambda: maker.provider.start_node(node.provider_id))
        assert seen.first_changes_second_does_not
        assert (await maker.provider.list_nodes(maker.lineage, maker.cluster)) == (node,)

    asyncio.run(case())


def test_a_reboot_brings_the_machine_back_by_itself(maker: World) -> None:
    async def case() -> None:
        node = await maker.provider.create_node(maker.order(1))
        boot = "cat /proc/1/stat | cut -d' ' -f22"
        first = await maker.ssh(node.public_ip, node.host_key, boot)
        maker.docker("exec", maker.machine(node.provider_id), "systemctl", "reboot")
        second = first
        async with asyncio.timeout(30):
            while second == first:
                try:
                    second = await maker.ssh(node.public_ip, node.host_key, boot)
                except OSError:
                    await asyncio.sleep(0.1)
        assert (await maker.provider.list_nodes(maker.lineage, maker.cluster)) == (node,)

    asyncio.run(case())


def test_a_frozen_machine_is_running_not_off(world: World) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        container = world.machine(node.provider_id)
        world.docker("pause", container)
        try:
            assert await world.provider.list_nodes(world.lineage, world.cluster) == (node,)
            before = await world.now()
            assert await world.provider.start_node(node.provider_id) == node
            assert await world.now() == before
        finally:
            world.docker("unpause", container)

    asyncio.run(case())


def test_delete_takes_the_machine_and_its_disk_and_again_is_no_error(world: World) -> None:
    """All that it made: a host that exists outlives its cluster."""

    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        seen = await twice(world, lambda: world.provider.delete_node(node.provider_id))
        assert seen.second_changes_nothing
        assert seen.again == ({} if world.makes else seen.before)
        assert seen.before

    asyncio.run(case())


def test_what_is_not_there_can_be_deleted_and_released_but_not_started(world: World) -> None:
    async def case() -> None:
        before = await world.now()
        await world.provider.delete_node(world.absent.machine)
        await world.provider.release_reserved_ip(world.absent.address)
        with pytest.raises(DyniaError, match=world.absent.machine):
            await world.provider.start_node(world.absent.machine)
        assert await world.now() == before

    asyncio.run(case())


def test_a_delete_that_died_half_way_can_be_ended(docker_world: DockerWorld) -> None:
    maker = docker_world

    async def case() -> None:
        node = await maker.provider.create_node(maker.order(1))
        maker.docker("rm", "-f", node.provider_id)
        assert len(await maker.now()) == 1  # the disk is still there
        seen = await twice(maker, lambda: maker.provider.delete_node(node.provider_id))
        assert seen.first_changes_second_does_not
        assert seen.again == {}

    asyncio.run(case())


def test_machines_made_at_once_have_addresses_of_their_own(maker: World) -> None:
    async def case() -> None:
        made = await asyncio.gather(*(maker.provider.create_node(maker.order(i)) for i in (1, 2, 3)))
        assert len({node.private_ip for node in made}) == 3
        assert await maker.provider.list_nodes(maker.lineage, maker.cluster) == tuple(made)

    asyncio.run(case())


def test_another_lineage_sees_none_of_it(maker: World) -> None:
    async def case() -> None:
        await maker.provider.create_node(maker.order(1))
        await maker.provider.allocate_reserved_ip(maker.lineage, maker.cluster)
        assert await maker.provider.list_nodes("another", maker.cluster) == ()
        assert await maker.provider.list_nodes(maker.lineage, "another") == ()
        assert await maker.provider.list_reserved_ips("another", maker.cluster) == ()
        assert await maker.provider.lineages(maker.cluster) == (maker.lineage,)
        assert await maker.provider.lineages("another") == ()

    asyncio.run(case())


def test_what_is_not_ours_is_not_touched(maker: World) -> None:
    async def case() -> None:
        async with maker.foreign() as foreign:
            assert await maker.provider.list_nodes(maker.lineage, maker.cluster) == ()
            assert await maker.provider.list_reserved_ips(maker.lineage, maker.cluster) == ()
            with pytest.raises(Refused):
                await maker.provider.delete_node(foreign.machine)
            with pytest.raises(Refused):
                await maker.provider.start_node(foreign.machine)
            with pytest.raises(Refused):
                await maker.provider.release_reserved_ip(foreign.address)
            made = await maker.provider.create_node(maker.order(1))
            assert made.provider_id != foreign.machine

    asyncio.run(case())


def test_a_reserved_ip_is_allocated_once_and_released_once(maker: World) -> None:
    async def case() -> None:
        await maker.ready_for_an_address()
        allocate = await twice(
            maker, lambda: maker.provider.allocate_reserved_ip(maker.lineage, maker.cluster)
        )
        assert allocate.first_changes_second_does_not
        (address,) = await maker.provider.list_reserved_ips(maker.lineage, maker.cluster)
        release = await twice(maker, lambda: maker.provider.release_reserved_ip(address.provider_id))
        assert release.first_changes_second_does_not
        assert release.again == allocate.before

    asyncio.run(case())


def test_two_clusters_never_share_a_reserved_ip(maker: World) -> None:
    async def case() -> None:
        other = maker.other()
        try:
            await asyncio.gather(maker.ready_for_an_address(), other.ready_for_an_address())
            mine, theirs = await asyncio.gather(
                maker.provider.allocate_reserved_ip(maker.lineage, maker.cluster),
                other.provider.allocate_reserved_ip(other.lineage, other.cluster),
            )
            assert mine.address != theirs.address
        finally:
            await other.remove()

    asyncio.run(case())


@pytest.mark.slow
def test_an_address_moves_between_machines_and_off_them(twin_world: TwinWorld) -> None:
    world = twin_world

    async def case() -> None:
        nodes = await asyncio.gather(*(world.provider.create_node(world.order(i)) for i in (1, 2)))
        address = await world.provider.allocate_reserved_ip(world.lineage, world.cluster)

        async def owner() -> str:
            (listed,) = await world.provider.list_reserved_ips(world.lineage, world.cluster)
            return listed.owner

        born_on = await owner()
        (away,) = (node for node in nodes if node.provider_id != born_on)
        attach = await twice(
            world, lambda: world.provider.attach_reserved_ip(address.provider_id, away.provider_id)
        )
        assert attach.first_changes_second_does_not
        assert await owner() == away.provider_id
        detach = await twice(world, lambda: world.provider.detach_reserved_ip(address.provider_id))
        assert detach.first_changes_second_does_not
        assert await owner() == ""

    asyncio.run(case())


def test_what_is_offered_is_told_before_anything_is_made(world: World) -> None:
    async def case() -> None:
        before = await world.now()
        order = {"size": "", "image": "", "region": ""}
        offer = await world.provider.offer(world.lineage, world.cluster, **order)
        assert offer.refusal == ""
        assert offer.room is None or offer.room > 0
        assert await world.now() == before

    asyncio.run(case())


def test_moving_an_address_by_api_is_refused_and_the_hint_names_vip(unmoved: World) -> None:
    async def case() -> None:
        with pytest.raises(DyniaError) as attach:
            await unmoved.provider.attach_reserved_ip("a", "b")
        with pytest.raises(DyniaError) as detach:
            await unmoved.provider.detach_reserved_ip("a")
        assert "kind: vip" in attach.value.hint
        assert "kind: vip" in detach.value.hint

    asyncio.run(case())


def test_hosts_that_exist_have_no_address_to_give(ssh_world: HostWorld) -> None:
    async def case() -> None:
        provider = ssh_world.provider
        with pytest.raises(DyniaError, match="could allocate") as refused:
            await provider.allocate_reserved_ip(ssh_world.lineage, ssh_world.cluster)
        assert "address: ..." in refused.value.hint
        assert await provider.list_reserved_ips(ssh_world.lineage, ssh_world.cluster) == ()

    asyncio.run(case())


def test_a_host_that_is_not_in_the_file_is_not_made(ssh_world: HostWorld) -> None:
    async def case() -> None:
        before = await ssh_world.now()
        with pytest.raises(DyniaError, match=r"no host node-2 in the file \(hosts: node-1\)"):
            await ssh_world.provider.create_node(ssh_world.order(2))
        assert await ssh_world.now() == before

    asyncio.run(case())
