"""The twin's droplets as lab nodes: containers that boot systemd and the user-data they were given."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from dynia.interfaces.errors import DyniaError
from dynia.lab.packets import Packets
from dynia.lab.places import API_PORT, DROPLET_TAILS, Places
from dynia.lab.seed import droplet_seed
from dynia.providers.nodes.docker import addresses
from dynia.providers.nodes.docker.addresses import Claim, Holder
from dynia.providers.nodes.docker.docker_cli import DockerRefused, docker, inspect, listed
from dynia.providers.nodes.docker.images import twin_image
from dynia.providers.nodes.docker.lab import CLUSTER, CONTAINER, KIND, LAB, NODE_NAME, ORDINAL, Lab
from dynia.providers.nodes.docker.machine import Machine as Container
from dynia.providers.nodes.docker.machine import bounding_set, create_arguments
from dynia.twin.digitalocean.bodies import Addresses, BodyError, Machine

LINEAGE, DROPLETS, DROPLET = "twin", "droplets", "droplet"


class LabBodies:
    """`vpc` is the name of the network that droplets have beside the lab's own."""

    def __init__(self, lab: Lab, places: Places, packets: Packets, vpc: str) -> None:
        self._lab, self._places, self._packets, self._vpc = lab, places, packets, vpc
        self._guarded: frozenset[int] = frozenset()

    async def create(self, machine: Machine) -> Addresses:
        """Whatever was asked for, it is Debian 13 and as big as this machine."""
        with _told(f"droplet {machine.id}"):
            name = container_name(self._lab, machine.id)
            claim = await addresses.claim(
                self._lab,
                self._places.network,
                DROPLET_TAILS,
                Holder(lineage=LINEAGE, cluster=DROPLETS, kind=DROPLET, ordinal=machine.id, container=name),
            )
            if not await self._ran(name):
                await self._make(name, machine, claim)
            await docker("start", name)
            await self._guard()
            return Addresses(
                public=claim.address,
                private=self._places.private(claim.address),
                anchor=self._places.anchor(claim.address),
            )

    async def power_on(self, droplet: int) -> None:
        with _told(f"droplet {droplet}"):
            await docker("start", container_name(self._lab, droplet))

    async def power_off(self, droplet: int) -> None:
        """At once, as there: nothing on it is asked."""
        with _told(f"droplet {droplet}"):
            try:
                await docker("kill", container_name(self._lab, droplet))
            except DockerRefused as error:
                if "is not running" not in error.said:
                    raise

    async def delete(self, droplet: int) -> None:
        with _told(f"droplet {droplet}"):
            name = container_name(self._lab, droplet)
            for volume in await listed("volume", self._lab.mark, f"label={CONTAINER}={name}"):
                await self._packets.forget(self._places.anchor(volume.removeprefix(f"{self._lab.name}-")))
            await _remove(name)
            for volume in await listed("volume", self._lab.mark, f"label={CONTAINER}={name}"):
                await addresses.drop(volume)

    def reserved_ip(self, number: int) -> str:
        return self._places.reserved_ip(number)

    async def move(self, reserved_ip: str, droplet: int | None) -> None:
        with _told(f"reserved IP {reserved_ip}"):
            if droplet is None:
                await self._packets.move(reserved_ip, None)
                return
            claim = next((one for one in await self._claims() if one.holder.ordinal == droplet), None)
            if claim is None:
                raise DyniaError(f"droplet {droplet} is not there")
            await self._packets.move(reserved_ip, self._places.anchor(claim.address))

    async def guard(self, droplets: frozenset[int]) -> None:
        self._guarded = droplets
        with _told("cloud firewalls"):
            await self._guard()

    async def _guard(self) -> None:
        held = [one.address for one in await self._claims() if one.holder.ordinal in self._guarded]
        await self._packets.guard([*held, *(self._places.private(one) for one in held)])

    async def _claims(self) -> tuple[Claim, ...]:
        return await addresses.claims(self._lab, LINEAGE, DROPLETS, DROPLET)

    async def _ran(self, name: str) -> bool:
        """Whether it was started once: only then it has its seed for sure."""
        return any(one["State"]["Status"] != "created" for one in await inspect("container", (name,)))

    async def _make(self, name: str, machine: Machine, claim: Claim) -> None:
        await _remove(name, volumes=False)
        cgroup = (await docker("info", "--format", "{{.CgroupVersion}}")).strip()
        container = Container(
            name=name,
            hostname=machine.name,
            image=twin_image(),
            network=self._lab.name,
            address=claim.address,
            volume=claim.volume,
            labels={
                LAB: self._lab.id,
                CLUSTER: DROPLETS,
                KIND: DROPLET,
                ORDINAL: str(machine.id),
                NODE_NAME: machine.name,
            },
        )
        await docker(*create_arguments(container, bounding_set(), cgroup))
        private = self._places.private(claim.address)
        await docker("network", "connect", "--ip", private, self._vpc, name)
        anchor = f"{self._places.anchor(claim.address)}/{self._places.anchors.prefixlen}"
        around = {"PUBLIC": claim.address, "ANCHOR": anchor, "TWIN": f"{self._places.gateway}:{API_PORT}"}
        await docker("cp", "-", f"{name}:/", stdin=droplet_seed(machine, around))


def container_name(lab: Lab, droplet: int) -> str:
    return f"{lab.name}-droplet-{droplet}"


async def _remove(name: str, *, volumes: bool = True) -> None:
    try:
        await docker("rm", "--force", *(("--volumes",) if volumes else ()), name)
    except DockerRefused as error:
        if "no such container" not in error.said.lower():
            raise


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """The action ends as errored, and the twin's log says why."""
    try:
        yield
    except DyniaError as error:
        print(f"{what}: {error.message}", file=sys.stderr, flush=True)
        raise BodyError(error.message) from error
