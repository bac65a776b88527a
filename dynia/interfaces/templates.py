"""The templates that come with Dynia, by name (``haproxy/haproxy.cfg.mustache``)."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

SUFFIX = ".mustache"


def builtin_templates() -> dict[str, str]:
    """Name -> text, sorted by name."""
    return dict(sorted(_below(_folder(), "")))


def _folder() -> Traversable:
    installed = files("dynia") / "templates"
    # A wheel carries the folder inside the package; in a checkout it lies beside it, where people look.
    return installed if installed.is_dir() else Path(str(files("dynia"))).parent / "templates"


def _below(folder: Traversable, prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _below(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            found.append((f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")))
    return found
