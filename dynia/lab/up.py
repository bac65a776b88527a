"""`dynia lab up --twin` and what `dynia lab down` does of it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence

from dynia.interfaces.errors import DyniaError
from dynia.lab import process
from dynia.lab.fence import unfence_nodes
from dynia.lab.name_server import check_zones, program
from dynia.lab.packets import remove_packets
from dynia.lab.twins import ZONES, environment, export
from dynia.providers.nodes.docker.images import RECIPES, make_images, twin_image
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.script import run_script

Tell = Callable[[str], None]


async def up(lab: Lab, delay: float, tell: Tell, zones: Sequence[str] = ZONES) -> str:
    """The twin runs; returns the lines that make a shell use it."""
    check_zones(zones)
    if os.geteuid() != 0:
        raise DyniaError("the twin moves packets of this machine, so only root can start it", hint="use sudo")
    await need_nft(tell)
    await make_images(lab, tell, wanted=frozenset((twin_image(),)))
    if program() is None:
        tell("there is no BIND here (apt-get install bind9): nobody serves the simulated cloud's zones")
    began = await asyncio.to_thread(process.start, lab, delay, zones)
    tell("the twin answers" if began else "the twin runs already, as it was started")
    return export(await environment(lab))


async def need_nft(tell: Tell) -> None:
    """What moves and refuses packets on this machine; installed where it is missing."""
    if not shutil.which("nft") or not shutil.which("ip"):
        tell("installing nftables")
        await run_script(RECIPES / "packets.sh")


async def down(lab: Lab, tell: Tell) -> None:
    """The twin ends, and forgets its droplets: they go with the lab."""
    if await asyncio.to_thread(process.stop, lab):
        tell("the twin is ended")
    await remove_packets(lab.name)
    await unfence_nodes(lab)
    process.forget(lab)
