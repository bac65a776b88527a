"""Where a rehearsal is played: a lab of its own below the file's folder, with a fence around it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from dynia.lab.fence import Fence, fence_nodes, unfence_nodes
from dynia.providers.nodes.docker.docker_cli import inspect
from dynia.providers.nodes.docker.images import caddy_image
from dynia.providers.nodes.docker.lab import Lab, find_lab
from dynia.providers.nodes.docker.operator_key import operator_key
from dynia.providers.nodes.docker.ready import make_ready
from dynia.providers.nodes.docker.teardown import remove_lab

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """`home` is for the rehearsal's state, `images` are those of the asked ones that this machine has."""

    home: Path
    lab: Lab
    images: frozenset[str]
    stand_in: str
    key: str
    fence: Fence

    @property
    def environ(self) -> dict[str, str]:
        """What vendors read from the environment: this lab, whatever was said before."""
        return {"DYNIA_LAB": str(self.home)}


@asynccontextmanager
async def stage(folder: Path, images: Iterable[str], tell: Tell, *, keep: bool) -> AsyncIterator[Stage]:
    """Made before, proven, and taken away at the end unless `keep`."""
    home = folder / ".dynia" / "rehearsal"
    lab = find_lab(home, {"DYNIA_LAB": str(home)})
    lab.folder.mkdir(parents=True, exist_ok=True)
    await make_ready(lab, tell)
    key = str(operator_key(lab))
    there = await _there(images)
    try:
        await fence_nodes(lab, await _bridge(lab))
        with Fence() as fence:
            fence.prove()
            yield Stage(home=home, lab=lab, images=there, stand_in=caddy_image(), key=key, fence=fence)
    finally:
        if not keep:
            await remove_lab(lab, lambda _: None)
            await unfence_nodes(lab)
            shutil.rmtree(home, ignore_errors=True)


async def _there(images: Iterable[str]) -> frozenset[str]:
    """Those that the operator's Docker has, as they are written."""
    found = set()
    for reference in sorted(set(images)):
        if await inspect("image", (reference,)):
            found.add(reference)
    return frozenset(found)


async def _bridge(lab: Lab) -> str:
    (seen,) = await inspect("network", (lab.name,))
    named = (seen.get("Options") or {}).get("com.docker.network.bridge.name")
    return str(named or f"br-{seen['Id'][:12]}")
