"""Files and folders in our roots that no release has: somebody dropped them there."""

from __future__ import annotations

from collections.abc import Mapping

from dynia.interfaces.observed import FileSeen
from dynia.services.actions import RemoveComponent
from dynia.services.planning.compare import expected
from dynia.services.planning.places import inside
from dynia.services.planning.plan import Step

STRAY = "strays"


class Known:
    """The folders that known paths need, worked out once for nodes with the same releases."""

    def __init__(self) -> None:
        self._folders: dict[frozenset[str], frozenset[str]] = {}

    def folders(self, paths: frozenset[str]) -> frozenset[str]:
        found = self._folders.get(paths)
        if found is None:
            found = self._folders[paths] = frozenset(p for path in paths for p in _above(path))
        return found


def strays_of(
    seen: Mapping[str, FileSeen],
    roots: tuple[str, ...],
    paths: frozenset[str],
    known: Known,
    data: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """The topmost unknown paths below `roots`. A folder counts if there is anything in it but folders: an
    empty one may be left from a component that was removed. What is in `data` is its containers'."""
    unknown = [
        p
        for p in seen
        if p not in paths and seen[p].kind != "dir" and _below(p, roots) and not inside(p, data)
    ]
    if not unknown:
        return ()
    folders = known.folders(paths).union(data, *map(_above, data)) if data else known.folders(paths)
    topmost = {
        next((p for p in _above(path) if p in seen and _below(p, roots) and p not in folders), path)
        for path in unknown
    }
    return tuple(sorted(topmost))


def remove_strays(node: str, strays: tuple[str, ...], seen: Mapping[str, FileSeen]) -> tuple[Step, ...]:
    """One step for all. What is in a stray folder is named too, so that nothing unseen goes with it."""
    if not strays:
        return ()
    files = tuple(
        path
        for path, there in seen.items()
        if there.kind != "dir" and any(path == s or path.startswith(s + "/") for s in strays)
    )
    action = RemoveComponent(node=node, component=STRAY, paths=strays, expected=expected(files, seen))
    names = ", ".join(strays[:3])
    why = f"because {names} {'is' if len(strays) == 1 else 'are'} in our folders and of no release"
    return (Step(id=f"{node}/{STRAY}/remove", action=action, why=why, node=node),)


def _below(path: str, roots: tuple[str, ...]) -> bool:
    return any(path.startswith(root + "/") for root in roots)


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(2, len(parts))]
