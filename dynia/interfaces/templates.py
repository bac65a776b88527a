"""The templates that come with Dynia, by name (``haproxy/haproxy.cfg.mustache``)."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from dynia.interfaces.desired import ClusterSpec

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


def templates_of(spec: ClusterSpec | None) -> dict[str, str]:
    """Those in force for a cluster, and where it has readers the program that their keys are bound to, which
    no team replaces."""
    found = {**builtin_templates(), **(spec.templates if spec else {})}
    if spec is None or not spec.ssh.readers:
        return found
    from dynia.providers.ssh.reader import observe_only

    return {**found, "reader/observe-only": observe_only()}
