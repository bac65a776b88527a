"""The state's files in memory, for reading alone."""

from __future__ import annotations

import errno
from pathlib import Path


class MemoryDisk:
    """As much of `dynia.state.disk.Disk` as reading needs."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = {Path(path): content for path, content in files.items()}

    def read(self, path: Path, limit: int) -> bytes:
        if path not in self._files:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        if len(self._files[path]) > limit:
            raise OSError(errno.EFBIG, "too large", str(path))
        return self._files[path]

    def names(self, folder: Path) -> list[str]:
        below = (path.relative_to(folder).parts for path in self._files if folder in path.parents)
        return sorted({parts[0] for parts in below})
