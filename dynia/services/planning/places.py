"""Where a path of a node lies."""

from __future__ import annotations

from collections.abc import Iterable


def inside(path: str, folders: Iterable[str]) -> bool:
    """In one of them, at whatever depth, or one of them itself."""
    return any(path == folder or path.startswith(folder + "/") for folder in folders)
