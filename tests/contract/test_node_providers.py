"""What every node provider promises. Each case is applied twice: the first changes, the second must not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import ProviderNode
from tests.contract.docker_world import DockerWorld
from tests.contract.world import Twice, World


async def twice(world: World, call: Callable[[], Awaitable[object]]) -> Twice:
    before = await world.now()
    await call()
    once = await world.now()
    await call()
    return Twice(before=before, once=once, again=await world.now())


def test_create_makes_a_machine_and_the_second_time_finds_it(world: World) -> None:
    async def case() -> None:
        made: list[ProviderNode] = []

        async def create() -> None:
            made.append(await world.provider.create_node(world.order(1)))

        seen = await twice(world, create)
        assert seen.first_changes_second_does_not
        assert made[0] == made[1] == (await world.provider.list_nodes(world.lineage, world.cluster))[0]
        assert made[0].status == "running"
        assert made[0].private_ip

    asyncio.run(case())


def test_a_created_machine_answers_ssh_with_the_injected_host_key(world: DockerWorld) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        assert (
            await world.ssh(node.public_ip, node.host_key, "hostname; cat /proc/1/comm") == "node-1\nsystemd"
        )

    asyncio.run(case())


def test_no_secret_is_in_what_the_vendor_tells_about_a_machine(world: World) -> None:
    async def case() -> None:
        order = world.order(1)
        node = await world.provider.create_node(order)
        told = await world.told(node.provider_id)
        assert node.host_key.split() == order.host_public_key.split()[:2]
        assert node.provider_id in told
        assert order.host_private_key.splitlines()[1] not in told

    asyncio.run(case())


def test_a_machine_that_was_created_but_never_started_is_made_whole(world: DockerWorld) -> None:
    """A run that dies between create and the keys leaves a container without them."""

    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        image = world.docker("inspect", "-f", "{{.Config.Image}}", node.provider_id).strip()
        labels = [
            part
            for label in ("lab", "lineage", "cluster", "ordinal", "name")
            for part in (
                "--label",
                f"dev.dynia.{label}={world.docker('inspect', '-f', label_of(label), node.provider_id).strip()}",
            )
        ]
        world.docker("rm", "-f", node.provider_id)
        world.docker("create", "--name", node.provider_id, *labels, image)
        (half,) = await world.provider.list_nodes(world.lineage, world.cluster)
        assert half.status == "absent"

        async def create() -> None:
            await world.provider.create_node(world.order(1))

        assert (await twice(world, create)).first_changes_second_does_not
        (whole,) = await world.provider.list_nodes(world.lineage, world.cluster)
        assert await world.ssh(whole.public_ip, whole.host_key, "hostname") == "node-1"

    asyncio.run(case())


def label_of(name: str) -> str:
    return '{{index .Config.Labels "dev.dynia.' + name + '"}}'


def test_a_machine_that_is_gone_is_made_again(world: World) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        await world.take_away(node.provider_id)
        assert await world.provider.list_nodes(world.lineage, world.cluster) == ()
        new = await world.provider.create_node(world.order(1))
        assert await world.provider.list_nodes(world.lineage, world.cluster) == (new,)
        assert new.host_key != node.host_key

    asyncio.run(case())


def test_a_machine_that_is_made_again_has_an_empty_disk(world: DockerWorld) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        await world.ssh(node.public_ip, node.host_key, "touch /var/lib/docker/old")
        await world.take_away(node.provider_id)
        new = await world.provider.create_node(world.order(1))
        assert await world.ssh(new.public_ip, new.host_key, "ls /var/lib/docker | grep -c old || true") == "0"

    asyncio.run(case())


def test_start_brings_a_machine_that_is_off_back_at_its_address(world: World) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        await world.power_off(node.provider_id)
        (off,) = await world.provider.list_nodes(world.lineage, world.cluster)
        assert off.status == "off"
        assert off.private_ip == node.private_ip
        seen = await twice(world, lambda: world.provider.start_node(node.provider_id))
        assert seen.first_changes_second_does_not
        assert (await world.provider.list_nodes(world.lineage, world.cluster)) == (node,)

    asyncio.run(case())


def test_a_reboot_brings_the_machine_back_by_itself(world: DockerWorld) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        boot = "cat /proc/1/stat | cut -d' ' -f22"
        first = await world.ssh(node.public_ip, node.host_key, boot)
        world.docker("exec", node.provider_id, "systemctl", "reboot")
        second = first
        async with asyncio.timeout(30):
            while second == first:
                try:
                    second = await world.ssh(node.public_ip, node.host_key, boot)
                except OSError:
                    await asyncio.sleep(0.1)
        assert (await world.provider.list_nodes(world.lineage, world.cluster)) == (node,)

    asyncio.run(case())


def test_a_frozen_machine_is_running_not_off(world: DockerWorld) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        world.docker("pause", node.provider_id)
        assert await world.provider.list_nodes(world.lineage, world.cluster) == (node,)
        before = await world.now()
        assert await world.provider.start_node(node.provider_id) == node
        assert await world.now() == before

    asyncio.run(case())


def test_delete_takes_the_machine_and_its_disk_and_again_is_no_error(world: World) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        seen = await twice(world, lambda: world.provider.delete_node(node.provider_id))
        assert seen.first_changes_second_does_not
        assert seen.again == {}

    asyncio.run(case())


def test_a_delete_that_died_half_way_can_be_ended(world: DockerWorld) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        world.docker("rm", "-f", node.provider_id)
        assert len(await world.now()) == 1  # the disk is still there
        seen = await twice(world, lambda: world.provider.delete_node(node.provider_id))
        assert seen.first_changes_second_does_not
        assert seen.again == {}

    asyncio.run(case())


def test_machines_made_at_once_have_addresses_of_their_own(world: World) -> None:
    async def case() -> None:
        made = await asyncio.gather(*(world.provider.create_node(world.order(i)) for i in (1, 2, 3)))
        assert len({node.private_ip for node in made}) == 3
        assert await world.provider.list_nodes(world.lineage, world.cluster) == tuple(made)

    asyncio.run(case())


def test_another_lineage_sees_none_of_it(world: World) -> None:
    async def case() -> None:
        await world.provider.create_node(world.order(1))
        await world.provider.allocate_reserved_ip(world.lineage, world.cluster)
        assert len(await world.provider.list_nodes(world.lineage, world.cluster)) == 1
        assert await world.provider.list_nodes("another", world.cluster) == ()
        assert await world.provider.list_nodes(world.lineage, "another") == ()
        assert await world.provider.list_reserved_ips("another", world.cluster) == ()

    asyncio.run(case())


def test_what_is_not_ours_is_not_touched(world: World) -> None:
    async def case() -> None:
        async with world.foreign() as foreign:
            assert await world.provider.list_nodes(world.lineage, world.cluster) == ()
            assert await world.provider.list_reserved_ips(world.lineage, world.cluster) == ()
            with pytest.raises(Refused):
                await world.provider.delete_node(foreign.machine)
            with pytest.raises(Refused):
                await world.provider.start_node(foreign.machine)
            with pytest.raises(Refused):
                await world.provider.release_reserved_ip(foreign.address)
            made = await world.provider.create_node(world.order(1))
            assert made.provider_id != foreign.machine

    asyncio.run(case())


def test_a_reserved_ip_is_allocated_once_and_released_once(world: World) -> None:
    async def case() -> None:
        await world.ready_for_an_address()
        allocate = await twice(
            world, lambda: world.provider.allocate_reserved_ip(world.lineage, world.cluster)
        )
        assert allocate.first_changes_second_does_not
        (address,) = await world.provider.list_reserved_ips(world.lineage, world.cluster)
        release = await twice(world, lambda: world.provider.release_reserved_ip(address.provider_id))
        assert release.first_changes_second_does_not
        assert release.again == allocate.before

    asyncio.run(case())


def test_two_clusters_never_share_a_reserved_ip(world: World) -> None:
    async def case() -> None:
        other = world.other()
        try:
            await asyncio.gather(world.ready_for_an_address(), other.ready_for_an_address())
            mine, theirs = await asyncio.gather(
                world.provider.allocate_reserved_ip(world.lineage, world.cluster),
                other.provider.allocate_reserved_ip(other.lineage, other.cluster),
            )
            assert mine.address != theirs.address
        finally:
            await other.remove()

    asyncio.run(case())


def test_an_address_moves_between_machines_and_off_them(world: World) -> None:
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


def test_moving_an_address_by_api_is_refused_in_the_lab(world: World) -> None:
    async def case() -> None:
        with pytest.raises(DyniaError, match="entry kind api"):
            await world.provider.attach_reserved_ip("a", "b")
        with pytest.raises(DyniaError, match="entry kind api"):
            await world.provider.detach_reserved_ip("a")

    asyncio.run(case())
