"""Drills that were held: one numbered file each, never changed."""

from __future__ import annotations

import contextlib

from dynia.state.disk import Disk
from dynia.state.loaded import Places


def keep(disk: Disk, places: Places, cluster: str, report: bytes) -> None:
    """Adds a report (JSON) under the next free number."""
    folder = places.drills / cluster
    for made in (places.home, places.drills, folder):
        disk.make_folder(made)
        disk.sync_folder(made.parent)
    number = 1 + max((int(n[:8]) for n in disk.names(folder) if n[:8].isdecimal()), default=0)
    while True:
        with contextlib.suppress(FileExistsError):
            disk.write(folder / f"{number:08}.json", report)
            disk.sync_folder(folder)
            return
        number += 1
