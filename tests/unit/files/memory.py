"""Files in memory, looked at as the real ones are: a dictionary of paths."""

from __future__ import annotations

import posixpath

from dynia.interfaces.clusters_file import read
from dynia.interfaces.desired import Desired, Service
from dynia.interfaces.files.look import Absent, Folder, Link, Look, Regular, Seen


def looking_at(files: dict[str, str | bytes | Link]) -> Look:
    """`files` by absolute path; folders follow from them."""

    def look(path: str, *, follow: bool = False) -> Seen:
        path = posixpath.normpath(path)
        found = files.get(path)
        if isinstance(found, Link):
            target = posixpath.join(posixpath.dirname(path), found.target)
            return look(target, follow=True) if follow else found
        if found is not None:
            content = found.encode() if isinstance(found, str) else found
            return Regular(mode=0o664, size=len(content), content=content)
        below = path.rstrip("/") + "/"
        names = {name[len(below) :].split("/")[0] for name in files if name.startswith(below)}
        return Folder(names=tuple(sorted(names))) if names else Absent(reason="no such file")

    return look


def loaded(files: dict[str, str | bytes | Link], **more: str) -> Desired:
    """What /w/clusters.yaml comes to, with `files` below /w."""
    return read("clusters.yaml", "/w", looking_at({f"/w/{k}": v for k, v in files.items()}), **more)


CLUSTERS = """\
clusters:
  prod:
    provider: {kind: docker}
    nodes: {count: 3}
    services:
      api: {compose: ./compose.yaml, default: true, EXTRA}
"""


def service_of(
    compose: str, extra: str = "kind: http", files: dict[str, str | bytes | Link] | None = None
) -> Service:
    """The one service of a cluster with this compose file."""
    text = CLUSTERS.replace("EXTRA", extra)
    return loaded({"clusters.yaml": text, "compose.yaml": compose, **(files or {})}).clusters[0].services[0]
