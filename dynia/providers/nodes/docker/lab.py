"""Which lab a folder has: its identity follows from the checkout's path, so that two never meet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from dynia.interfaces.shape import Shape

LAB = "dev.dynia.lab"
LINEAGE = "dev.dynia.lineage"
CLUSTER = "dev.dynia.cluster"
ORDINAL = "dev.dynia.ordinal"
NODE_NAME = "dev.dynia.name"
HOST_KEY = "dev.dynia.host-key"
KIND = "dev.dynia.kind"
CONTAINER = "dev.dynia.container"


class Lab(Shape):
    """A lab: `root` is the folder that it belongs to, `id` what everything of it carries as a label."""

    root: str
    id: str

    @property
    def name(self) -> str:
        """Name of its network, and the beginning of every name in it."""
        return f"dynia-{self.id}"

    @property
    def folder(self) -> Path:
        """Where its files are (never committed): the operator's key, logs."""
        return Path(self.root) / ".lab"

    @property
    def mark(self) -> str:
        """The filter that finds what is this lab's, and nothing else."""
        return f"label={LAB}={self.id}"


def find_lab(start: Path, environ: Mapping[str, str]) -> Lab:
    """The lab of a folder: that of the checkout around it, else its own. ``DYNIA_LAB`` names another root."""
    named = environ.get("DYNIA_LAB")
    here = Path(named).resolve() if named else start.resolve()
    around = (here, *here.parents)
    root = (
        here if named else next((p for p in around if (p / ".lab").is_dir() or (p / ".git").exists()), here)
    )
    return Lab(root=str(root), id=hashlib.sha256(str(root).encode()).hexdigest()[:8])
