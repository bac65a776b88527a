"""What a container mounts: folders and files of ours, of the host's, and volumes."""

from __future__ import annotations

import re
from typing import Literal

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.mistakes import mistake
from dynia.interfaces.files.yaml_tree import Mapping, Path, Scalar, Spot, Tree, child, items, text_of
from dynia.interfaces.shape import Shape

_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


class Mount(Shape):
    """`shipped`: a path beside the compose file. `host`: an absolute path of the node."""

    kind: Literal["shipped", "host", "volume", "anonymous", "other"]
    source: str
    read_only: bool
    spot: Spot
    path: Path


def mounts(container: Tree, path: Path, found: list[Mistake]) -> tuple[Mount, ...]:
    """What stands under ``volumes``."""
    result: list[Mount] = []
    for index, item in enumerate(items(child(container, "volumes"))):
        here = (*path, "volumes", index)
        mount = _long(item, here) if isinstance(item, Mapping) else _short(item, here)
        if mount is None:
            message, hint = "not a mount", "for example ./config:/etc/app:ro, or data:/var/lib/app"
            found.append(mistake(item.spot, here, "bad-mount", message, hint))
        else:
            result.append(mount)
    return tuple(result)


def _short(item: Tree, path: Path) -> Mount | None:
    text = text_of(item) if isinstance(item, Scalar) else None
    if not text:
        return None
    parts = text.split(":")
    if len(parts) == 1:
        return _mount("anonymous", "", False, item.spot, path) if text.startswith("/") else None
    if len(parts) > 3 or not parts[0] or not parts[1].startswith("/"):
        return None
    options = parts[2].split(",") if len(parts) == 3 else []
    return _sorted(parts[0], "ro" in options, item.spot, path)


def _long(item: Mapping, path: Path) -> Mount | None:
    kind, source = text_of(child(item, "type")), text_of(child(item, "source")) or ""
    target = text_of(child(item, "target"))
    read_only = text_of(child(item, "read_only")) == "true"
    if not target:
        return None
    if kind == "volume":
        volume: Literal["volume", "anonymous"] = "volume" if source else "anonymous"
        return _mount(volume, source, read_only, item.spot, path)
    if kind == "bind":
        spot = item.entries["source"].value.spot if "source" in item.entries else item.spot
        if not source:
            return None
        if source.startswith((".", "/", "~")):
            return _sorted(source, read_only, spot, path)
        return _mount("shipped", source, read_only, spot, path)
    return _mount("other", source, read_only, item.spot, path) if kind else None


def _sorted(source: str, read_only: bool, spot: Spot, path: Path) -> Mount | None:
    if source.startswith("/"):
        return _mount("host", source, read_only, spot, path)
    if source.startswith((".", "~")):
        return _mount("shipped", source, read_only, spot, path)
    return _mount("volume", source, read_only, spot, path) if _VOLUME.fullmatch(source) else None


def _mount(
    kind: Literal["shipped", "host", "volume", "anonymous", "other"],
    source: str,
    read_only: bool,
    spot: Spot,
    path: Path,
) -> Mount:
    return Mount(kind=kind, source=source, read_only=read_only, spot=spot, path=path)
