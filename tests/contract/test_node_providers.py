"""What every node provider promises. Each case is applied twice: the first changes, the second must not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import ProviderNode
from tests.contract.docker_world import Twice, World

pytestmark = pytest.mark.lab


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


def test_a_created_machine_answers_ssh_with_the_injected_host_key(world: World) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        assert (
            await world.ssh(node.public_ip, node.host_key, "hostname; cat /proc/1/comm") == "node-1\nsystemd"
        )

    asyncio.run(case())


def test_no_secret_is_in_what_docker_tells_about_a_machine(world: World) -> None:
    async def case() -> None:
        order = world.order(1)
        node = await world.provider.create_node(order)
        secret_line = order.host_private_key.splitlines()[1]
        told = world.docker("inspect", node.provider_id) + world.docker(
            "history", "--no-trunc", "-q", "dynia-lab/hello:1"
        )
        assert order.host_public_key.split()[1] in told
        assert secret_line not in told

    asyncio.run(case())


def test_a_machine_that_was_created_but_never_started_is_made_whole(world: World) -> None:
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


def test_a_machine_that_is_gone_is_made_again_with_an_empty_disk(world: World) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        await world.ssh(node.public_ip, node.host_key, "touch /var/lib/docker/old")
        world.docker("rm", "-f", node.provider_id)
        assert await world.provider.list_nodes(world.lineage, world.cluster) == ()
        new = await world.provider.create_node(world.order(1))
        assert await world.ssh(new.public_ip, new.host_key, "ls /var/lib/docker | grep -c old || true") == "0"

    asyncio.run(case())


def test_start_brings_a_machine_that_is_off_back_at_its_address(world: World) -> None:
    async def case() -> None:
        node = await world.provider.create_node(world.order(1))
        world.docker("kill", node.provider_id)
        (off,) = await world.provider.list_nodes(world.lineage, world.cluster)
        assert off.status == "off"
        assert off.private_ip == node.private_ip
        seen = await twice(world, lambda: world.provider.start_node(node.provider_id))
        assert seen.first_changes_second_does_not
        assert (await world.provider.list_nodes(world.lineage, world.cluster)) == (node,)

    asyncio.run(case())


def test_a_reboot_brings_the_machine_back_by_itself(world: World) -> None:
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


def test_a_frozen_machine_is_running_not_off(world: World) -> None:
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


def test_a_delete_that_died_half_way_can_be_ended(world: World) -> None:
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
        assert await world.provider.list_nodes("another", world.cluster) == ()
        assert await world.provider.list_nodes(world.lineage, "another") == ()
        assert await world.provider.list_reserved_ips("another", world.cluster) == ()

    asyncio.run(case())


def test_what_is_not_ours_is_not_touched(world: World) -> None:
    async def case() -> None:
        foreign = f"foreign-{world.cluster}"
        world.docker("create", "--name", foreign, "dynia-lab/hello:1")
        world.docker("volume", "create", foreign)
        try:
            with pytest.raises(Refused):
                await world.provider.delete_node(foreign)
            with pytest.raises(Refused):
                await world.provider.start_node(foreign)
            with pytest.raises(Refused):
                await world.provider.release_reserved_ip(foreign)
            assert world.docker("inspect", "-f", "{{.State.Status}}", foreign).strip() == "created"
            assert world.docker("volume", "inspect", "-f", "{{.Name}}", foreign).strip() == foreign
        finally:
            world.docker("rm", "-f", foreign)
            world.docker("volume", "rm", foreign)

    asyncio.run(case())


def test_a_reserved_ip_is_allocated_once_and_released_once(world: World) -> None:
    async def case() -> None:
        allocate = await twice(
            world, lambda: world.provider.allocate_reserved_ip(world.lineage, world.cluster)
        )
        assert allocate.first_changes_second_does_not
        (address,) = await world.provider.list_reserved_ips(world.lineage, world.cluster)
        release = await twice(world, lambda: world.provider.release_reserved_ip(address.provider_id))
        assert release.first_changes_second_does_not
        assert release.again == {}

    asyncio.run(case())


def test_two_clusters_never_share_a_reserved_ip(world: World) -> None:
    async def case() -> None:
        other = World(world.lab)
        try:
            mine, theirs = await asyncio.gather(
                world.provider.allocate_reserved_ip(world.lineage, world.cluster),
                other.provider.allocate_reserved_ip(other.lineage, other.cluster),
            )
            assert mine.address != theirs.address
        finally:
            await other.remove()

    asyncio.run(case())


def test_moving_an_address_by_api_is_refused_in_the_lab(world: World) -> None:
    async def case() -> None:
        with pytest.raises(DyniaError, match="entry kind api"):
            await world.provider.attach_reserved_ip("a", "b")
        with pytest.raises(DyniaError, match="entry kind api"):
            await world.provider.detach_reserved_ip("a")

    asyncio.run(case())
