"""What a person changed on nodes between the approved look and a later pass of the same apply (law 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dynia.interfaces.node_requests import ExpectedFile
from dynia.interfaces.observed import FileSeen, NodeFacts, ObservedNode
from dynia.interfaces.shape import Shape
from dynia.services.actions import PushComponent, RemoveComponent
from dynia.services.actions.base import Recipe
from dynia.services.planning.compare import OWNER
from dynia.services.planning.components.service_secrets import is_service_secret
from dynia.services.planning.plan import Step


class Left(Shape):
    """What this apply left at a path: its digest, empty where it deleted, None where none is told (a secret);
    its mode, and the release that it was of."""

    digest: str | None = ""
    mode: int = 0
    release: str = ""


# By node and path.
Touched = dict[tuple[str, str], Left]


def touched_by(steps: Iterable[Step], recipes: Mapping[str, Mapping[str, Recipe]]) -> Touched:
    """What steps leave behind on nodes: what is there afterwards is this apply's own doing."""
    found: Touched = {}
    for step in steps:
        match step.action:
            case PushComponent(node=node, component=component, release=release, write=write, delete=delete):
                found |= {(node, path): Left() for path in delete}
                for file in recipes[node][component].release.files:
                    if file.path in write:
                        digest = None if file.secret else file.digest
                        found[node, file.path] = Left(digest=digest, mode=file.mode, release=release)
            case RemoveComponent(node=node, paths=paths):
                found |= {(node, path): Left() for path in paths}
    return found


def writes_secrets(steps: Iterable[Step], recipes: Mapping[str, Mapping[str, Recipe]]) -> bool:
    """Whether something of a service is written over of which no digest tells what it was: a new node is
    given what the others have. Logins, tokens, certificates and `secrets:` go back with no generation."""
    for step in steps:
        if isinstance(push := step.action, PushComponent) and push.component.startswith("service/"):
            there = {file.path for file in push.expected if file.digest}
            files = recipes[push.node][push.component].release.files
            written = there.intersection(push.write)
            if any(f.secret and f.path in written and not is_service_secret(f.path) for f in files):
                return True
    return False


def changed_since(
    steps: Iterable[Step], approved: Mapping[str, ObservedNode], touched: Touched
) -> tuple[tuple[str, str], ...]:
    """Nodes and paths that `steps` would write or delete and that are neither as the approved look saw them
    nor as this apply left them. Of a node that was not observed then nothing was approved."""
    found = set()
    for step in steps:
        if not isinstance(step.action, PushComponent | RemoveComponent):
            continue
        node = step.action.node
        facts = approved.get(node)
        if not isinstance(facts, NodeFacts):
            continue
        then = {file.path: file for file in facts.files}
        for now in step.action.expected:
            own = next(((node, path) for path in _with_folders(now.path) if (node, path) in touched), None)
            if own is not None:
                changed = _not_as_left(now, touched[own], step.action)
            else:
                changed = not _same(now, then.get(now.path))
            if changed:
                found.add((node, now.path))
    return tuple(sorted(found))


def _not_as_left(now: ExpectedFile, left: Left, action: PushComponent | RemoveComponent) -> bool:
    """No digest of a secret is known here. But what this apply wrote is not wanted again of the same release,
    unless somebody changed it."""
    if now.there and (now.mode, now.owner) != (left.mode, OWNER):
        return True
    if left.digest is not None:
        return now.digest != left.digest
    return isinstance(action, PushComponent) and action.release == left.release and now.path in action.write


def _with_folders(path: str) -> list[str]:
    """The path itself first, then what it lies in."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(len(parts), 1, -1)]


def _same(now: ExpectedFile, then: FileSeen | None) -> bool:
    """A secret file of a node that had no key yet for its hashes is not known well enough to differ."""
    if then is None or not now.there:
        return then is None and not now.there
    same = not then.digest or now.digest == then.digest
    return same and (now.mode, now.owner) == (then.mode, then.owner)
