"""Making a lab ready: daemon, network, images, the operator's key. Doing it again changes nothing."""

from __future__ import annotations

import asyncio

from dynia.interfaces.errors import NotObservedError
from dynia.providers.nodes.docker.docker_cli import docker
from dynia.providers.nodes.docker.images import RECIPES, Tell, make_images
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.network import find_network, make_network
from dynia.providers.nodes.docker.operator_key import operator_key
from dynia.providers.nodes.docker.script import run_script


async def make_ready(lab: Lab, tell: Tell, *, images: frozenset[str] | None = None) -> None:
    """Everything that nodes need. `tell` hears what is being done; `images`: only these (default: all)."""
    if not await daemon_answers():
        tell("starting Docker (installing it if it is missing)")
        lab.folder.mkdir(parents=True, exist_ok=True)
        await run_script(RECIPES / "dockerd.sh", str(lab.folder / "dockerd.log"))
    if await find_network(lab) is None:
        tell(f"network {await make_network(lab)}")
    await make_images(lab, tell, wanted=images)
    await asyncio.to_thread(operator_key, lab)


async def daemon_answers() -> bool:
    """Whether a Docker daemon answers this user."""
    try:
        await docker("version", "--format", "{{.Server.Version}}", timeout=10)
    except NotObservedError:
        return False
    return True
