"""The Changes list: what will be made different on purpose, equal changes of many nodes in one line."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dynia.services.planning.compare import Comparison
from dynia.services.planning.components.service_secrets import is_service_secret
from dynia.services.planning.plan import FileDiff, Line
from dynia.services.planning.reasons import OURS, Reasons, changed_paths, short
from dynia.state.model import AppliedRelease


class Fold:
    """Collects comparisons and folds equal ones."""

    def __init__(self, reasons: Reasons, recorded: frozenset[str]) -> None:
        """`recorded` are components that some node has: others are new to the cluster."""
        self._reasons, self._recorded = reasons, recorded
        self._nodes: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
        self._first: dict[tuple[str, str, str, tuple[str, ...]], Comparison] = {}

    def add(self, one: Comparison, fresh: bool) -> None:
        """`fresh`: the node has nothing of ours yet. Its own line says so, unless the service is new too."""
        fresh = fresh and (one.component in self._recorded or "/" not in one.component)
        # One with a public name is told by that, like any other file.
        hidden = (f.path for f in one.wanted.files if f.secret and not f.digest)
        secrets = tuple(path for path in hidden if path in one.differ and one.live)
        if fresh or not (one.pending or secrets):
            return
        key = (one.component, one.live_id, one.wanted.id, secrets)
        self._nodes.setdefault(key, []).append(one.node)
        self._first.setdefault(key, one)

    def lines(self) -> tuple[Line, ...]:
        return tuple(
            _line(self._first[key], tuple(nodes), key[3], self._reasons)
            for key, nodes in sorted(self._nodes.items())
        )

    def diffs(self) -> tuple[FileDiff, ...]:
        return tuple(
            diff
            for key, nodes in sorted(self._nodes.items())
            for diff in _diffs(self._first[key], tuple(nodes))
        )


def merge(lines: Iterable[Line], all_nodes: int) -> tuple[Line, ...]:
    """One line per equal change, over all passes; `everywhere` where it concerns every node. What is changed
    on the same nodes once more, for another reason, is said once."""
    nodes: dict[Line, dict[str, None]] = {}
    reasons: dict[Line, list[Line]] = {}
    for line in lines:
        bare = msgspec.structs.replace(line, nodes=(), everywhere=False)
        others = reasons.setdefault(msgspec.structs.replace(bare, why=""), [])
        said = next((o for o in others if nodes[o].keys() >= set(line.nodes)), bare)
        if said not in nodes:
            nodes[said] = {}
            others.append(said)
        nodes[said].update(dict.fromkeys(line.nodes))
    return tuple(
        msgspec.structs.replace(bare, nodes=tuple(sorted(names)), everywhere=len(names) == all_nodes > 1)
        for bare, names in nodes.items()
    )


def title(component: str) -> str:
    kind, slash, name = component.partition("/")
    return f"{kind} {name}" if slash else component


def _line(one: Comparison, nodes: tuple[str, ...], secrets: tuple[str, ...], reasons: Reasons) -> Line:
    paths = [p for p in changed_paths(one.live, one.wanted.files) if one.pending]
    details = [*_images(one.live, one.wanted.recipe.release.images)] if one.live else []
    subject = title(one.component)
    if one.live is not None:
        if len(paths) == 1 and "/" not in one.component:
            subject = paths[0].rsplit("/", 1)[-1]
        else:
            names = [short(one.component, p) for p in paths if not is_service_secret(p)]
            details += [("file", name) for name in names if name != OURS]
        gone = (p for p in paths if is_service_secret(p) and p not in one.wanted.paths)
        details += [("secret", f"{short(one.component, p)} (removed)") for p in gone]
    before = {f.path for f in one.live.files} if one.live else set()
    for path in secrets:
        how = "changed" if path in before or not is_service_secret(path) else "new"
        details.append(("secret", f"{short(one.component, path)} ({how})"))
    why = reasons.push(one, {}) if one.pending else "because its secret changed"
    if one.live is None:
        why = "because the file names it"
    return Line(
        sign="~" if one.live_id else "+",
        subject=subject,
        nodes=nodes,
        details=tuple(details),
        why=why,
        files=True,
    )


def _images(live: AppliedRelease | None, images: tuple[str, ...]) -> list[tuple[str, str]]:
    before = live.images if live else ()
    gone = [i for i in before if i not in images]
    new = [i for i in images if i not in before]
    details = []
    for image in new:
        name = _repository(image)
        old = next((g for g in gone if _repository(g) == name), None)
        if old is None and len(gone) == len(new) == 1:
            old = gone[0]
        details.append(("image", f"{_brief(old)} → {_brief(image)}" if old else _brief(image)))
    return details


def _repository(image: str) -> str:
    return image.partition("@")[0]


def _brief(image: str) -> str:
    """Twelve digits of a digest are enough to tell it from another."""
    name, colon, digest = image.rpartition("sha256:")
    return f"{name}{colon}{digest[:12]}" if colon else image


def _diffs(one: Comparison, nodes: tuple[str, ...]) -> list[FileDiff]:
    if not one.pending:
        return []
    changed = set(changed_paths(one.live, one.wanted.files))
    was = {f.path: f.digest for f in one.live.files} if one.live else {}
    return [
        FileDiff(
            path=f.path,
            nodes=nodes,
            before=None if f.path in was else "",
            after=_text(f.content),
            component=one.component,
            was=was.get(f.path, ""),
        )
        for f in sorted(one.wanted.recipe.release.files, key=lambda f: f.path)
        if f.path in changed and not f.secret
    ]


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
