"""Which clusters.yaml is meant: `-f`, then DYNIA_FILE, then the nearest one from here upwards."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping

from dynia.interfaces.errors import DyniaError

NAME = "clusters.yaml"


def find_file(explicit: str | None, environ: Mapping[str, str], cwd: pathlib.Path) -> pathlib.Path:
    """The path, relative to `cwd` where that is shorter. A file that was named need not exist yet."""
    named = explicit or environ.get("DYNIA_FILE")
    if named:
        return pathlib.Path(named).expanduser()
    for folder in (cwd, *cwd.parents):
        if (folder / NAME).is_file():
            return pathlib.Path(os.path.relpath(folder / NAME, cwd))
    raise DyniaError(
        f"no {NAME} in this folder or above", hint="go to your cluster's folder, or name the file with -f"
    )
