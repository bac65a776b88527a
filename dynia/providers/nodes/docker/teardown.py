"""Taking a lab away, or one cluster of it: what carries its label, and nothing else."""

from __future__ import annotations

import asyncio

from dynia.providers.nodes.docker.docker_cli import DockerRefused, docker, listed
from dynia.providers.nodes.docker.images import Tell, images_there
from dynia.providers.nodes.docker.lab import CLUSTER, LAB, Lab

TRIES, PAUSE_S = 40, 0.25


async def remove_cluster(lab: Lab, cluster: str, tell: Tell) -> None:
    """The nodes and addresses of a cluster, whatever state knows of them."""
    for kind in ("container", "volume"):
        await _remove(kind, (lab.mark, f"label={CLUSTER}={cluster}"), tell)


async def remove_lab(lab: Lab, tell: Tell) -> None:
    """Containers, volumes and network. The operator's key and the images stay."""
    for kind in ("container", "volume", "network"):
        await _remove(kind, (lab.mark,), tell)


async def is_empty(lab: Lab) -> bool:
    """Whether the lab has neither nodes nor addresses."""
    return not await listed("container", lab.mark) and not await listed("volume", lab.mark)


async def remove_images(tell: Tell) -> None:
    """The lab's images, unless another checkout of this machine has a lab too: they are shared."""
    if await listed("network", f"label={LAB}"):
        tell("the images stay: another checkout has a lab on this machine")
        return
    for image in sorted(await images_there()):
        try:
            await docker("image", "rm", image)
            tell(f"removed image {image}")
        except DockerRefused as error:
            if "using" not in error.said and "used" not in error.said:
                raise
            tell(f"kept image {image}: it is in use")


async def _remove(kind: str, filters: tuple[str, ...], tell: Tell) -> None:
    found = await listed(kind, *filters)
    if not found:
        return
    tell(f"removing {len(found)} {kind}{'s' if len(found) > 1 else ''}")
    force = () if kind == "network" else ("--force",)
    for last in (False,) * TRIES + (True,):
        try:
            await docker(kind, "rm", *force, *found, timeout=120)
            return
        except DockerRefused as error:
            # Somebody else is removing one of them: it is gone in a moment.
            if last or not any(word in error.said.lower() for word in ("in progress", "no such")):
                raise
        await asyncio.sleep(PAUSE_S)
        found = await listed(kind, *filters)
        if not found:
            return
