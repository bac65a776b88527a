"""What a person changed on nodes between the approved look and a later pass of the same apply (law 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dynia.interfaces.node_requests import ExpectedFile
from dynia.interfaces.observed import FileSeen, NodeFacts, ObservedNode
from dynia.services.actions import PushComponent, RemoveComponent
from dynia.services.planning.plan import Step

Touched = frozenset[tuple[str, str]]


def touched_by(steps: Iterable[Step]) -> Touched:
    """Nodes and paths that steps write or delete: what is there afterwards is their own doing."""
    found: set[tuple[str, str]] = set()
    for step in steps:
        match step.action:
            case PushComponent(node=node, write=write, delete=delete):
                found.update((node, path) for path in (*write, *delete))
            case RemoveComponent(node=node, paths=paths):
                found.update((node, path) for path in paths)
    return frozenset(found)


def changed_since(
    steps: Iterable[Step], approved: Mapping[str, ObservedNode], touched: Touched
) -> tuple[tuple[str, str], ...]:
    """Nodes and paths that `steps` would write or delete and that are not as the approved look saw them, yet
    this apply has not touched them. Of a node that was not observed then nothing was approved."""
    found = set()
    for step in steps:
        if not isinstance(step.action, PushComponent | RemoveComponent):
            continue
        facts = approved.get(step.action.node)
        if not isinstance(facts, NodeFacts):
            continue
        then = {file.path: file for file in facts.files}
        for now in step.action.expected:
            own = any((step.action.node, path) in touched for path in _with_folders(now.path))
            if not own and not _same(now, then.get(now.path)):
                found.add((step.action.node, now.path))
    return tuple(sorted(found))


def _with_folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(2, len(parts) + 1)]


def _same(now: ExpectedFile, then: FileSeen | None) -> bool:
    """A secret file of a node that had no key yet for its hashes is not known well enough to differ."""
    if then is None or not now.digest:
        return then is None and not now.digest
    same = not then.digest or now.digest == then.digest
    return same and (now.mode, now.owner) == (then.mode, then.owner)
