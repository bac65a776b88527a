"""Where a rehearsal is played: a lab of its own below the file's folder, with a fence around it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from dynia.lab import up
from dynia.lab.fence import Fence, fence_nodes
from dynia.lab.twins import bridge, environment
from dynia.providers.nodes.docker.docker_cli import inspect
from dynia.providers.nodes.docker.images import caddy_image
from dynia.providers.nodes.docker.lab import find_lab
from dynia.providers.nodes.docker.operator_key import operator_key
from dynia.providers.nodes.docker.ready import make_ready
from dynia.providers.nodes.docker.teardown import remove_lab

Tell = Callable[[str], None]
# As long as DigitalOcean's actions often take.
ACTION_S = 2.0


@dataclass(frozen=True, slots=True)
class Stage:
    """`home` is for the rehearsal's state, `images` are those of the asked ones that this machine has,
    `environ` is what vendors read from the environment: this lab and its twin, whatever was said before."""

    home: Path
    images: frozenset[str]
    stand_in: str
    key: str
    fence: Fence
    environ: dict[str, str]


@asynccontextmanager
async def stage(
    folder: Path, images: Iterable[str], tell: Tell, *, zones: tuple[str, ...] | None, keep: bool
) -> AsyncIterator[Stage]:
    """Made before, proven, and taken away at the end unless `keep`. `zones`: with simulated clouds, whose
    Cloudflare has these."""
    home = folder / ".dynia" / "rehearsal"
    lab = find_lab(home, {"DYNIA_LAB": str(home)})
    lab.folder.mkdir(parents=True, exist_ok=True)
    await make_ready(lab, tell)
    key = str(operator_key(lab))
    there = await _there(images)
    try:
        environ = {"DYNIA_LAB": str(home)}
        await up.need_nft(tell)
        if zones is not None:
            await up.up(lab, ACTION_S, tell, zones)
            environ |= await environment(lab)
        await fence_nodes(lab, await bridge(lab.name))
        with Fence() as fence:
            fence.prove()
            yield Stage(
                home=home,
                images=there,
                stand_in=caddy_image(),
                key=key,
                fence=fence,
                environ=environ,
            )
    finally:
        if not keep:
            await up.down(lab, tell)
            await remove_lab(lab, lambda _: None)
            shutil.rmtree(home, ignore_errors=True)


async def _there(images: Iterable[str]) -> frozenset[str]:
    """Those that the operator's Docker has, as they are written."""
    found = set()
    for reference in sorted(set(images)):
        if await inspect("image", (reference,)):
            found.add(reference)
    return frozenset(found)
