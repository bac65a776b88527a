"""`state.json`: the state as it was when its journals were last folded in, as text and as a value."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import msgspec

from dynia.interfaces.errors import BadInput, Mistake
from dynia.interfaces.shape import Shape
from dynia.state import mistakes
from dynia.state.checks import NAME, Problem, problems
from dynia.state.migrations import Tree, migrate
from dynia.state.model import VERSION, Cluster, Deployment, Intent, Node, Route, State
from dynia.state.positions import KeyPath
from dynia.state.record import Mark

STATE_LIMIT = 64 * 1024 * 1024
# More are not looked for: a screen shows fewer.
MOST_MISTAKES = 100


class Snapshot(State, rename="camel"):
    """What is on disk: the state, and for each cluster the last record that is folded in."""

    journal: dict[str, Mark] = {}


def snapshot_of(state: State, journal: dict[str, Mark]) -> Snapshot:
    fields = {name: getattr(state, name) for name in State.__struct_fields__}
    return Snapshot(**fields, journal=journal)


def state_of(snapshot: Snapshot) -> State:
    return State(**{name: getattr(snapshot, name) for name in State.__struct_fields__})


def mark_of(snapshot: Snapshot, cluster: str) -> Mark:
    """Where the snapshot leaves a cluster's journal; at its beginning where it had none."""
    home = snapshot.cluster(cluster)
    return snapshot.journal.get(cluster) or Mark(serial=home.serial if home else 0)


def write_text(snapshot: Snapshot) -> bytes:
    """Equal snapshots are equal bytes; indented, since people read it and git compares it by lines."""
    raw = msgspec.json.encode(snapshot, order="deterministic")
    return msgspec.json.format(raw, indent=2) + b"\n"


def read_text(path: Path, data: bytes, lineage: str) -> tuple[Snapshot, int]:
    """The snapshot and the version that it was written in. `lineage` is for a version that had none.

    `BadInput` with every mistake found: of the text, else of its shape, else of what it says.
    """
    text = _decode(path, data)
    tree = _parse(path, text)
    version = _version(path, text, tree)
    try:
        tree = migrate(tree, version, VERSION, lineage)
    except msgspec.ValidationError as error:
        raise BadInput((mistakes.of_shape(path, text, tree, error),)) from error
    snapshot = _convert(path, text, tree)
    wrong = itertools.islice((*problems(snapshot), *_marks(snapshot)), MOST_MISTAKES)
    found = tuple(_shown(path, text, problem) for problem in wrong)
    if found:
        raise BadInput(found)
    return _sorted(snapshot), version


def _decode(path: Path, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        mistake = mistakes.plain(path, "not-utf8", f"byte 0x{data[error.start]:02x} is not UTF-8")
        raise BadInput((msgspec.structs.replace(mistake, line=line, column=column),)) from error


def _parse(path: Path, text: str) -> Tree:
    twins: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twins.append("")
        return found

    def refuse(constant: str) -> float:
        at = max(text.find(constant), 0)
        raise json.JSONDecodeError(f"no JSON number: {constant}", text, at)

    try:
        tree = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise BadInput((mistakes.syntax(path, text, error),)) from error
    except ValueError as error:
        raise BadInput((mistakes.unreadable_number(path),)) from error
    except RecursionError as error:
        raise BadInput(
            (mistakes.plain(path, "not-json", "lists or objects are nested too deeply"),)
        ) from error
    if twins:
        raise BadInput(mistakes.repeated_keys(path, text))
    if half := mistakes.half_character(path, text):
        raise BadInput((half,))
    if not isinstance(tree, dict):
        raise BadInput((mistakes.plain(path, "not-an-object", "a state is a JSON object"),))
    return tree


def _version(path: Path, text: str, tree: Tree) -> int:
    if "version" not in tree and "lineage" in tree:
        # Version 0 had neither; this is a later one that lost a line.
        raise BadInput((mistakes.at(path, text, ("version",), "version is missing", rule="missing-key"),))
    version = tree.get("version", 0)
    if not isinstance(version, int) or isinstance(version, bool):
        raise BadInput(
            (mistakes.at(path, text, ("version",), "a version is a whole number", rule="wrong-type"),)
        )
    if version > VERSION:
        raise BadInput((mistakes.newer(path, text, ("version",), version),))
    if version < 0:
        raise BadInput(
            (mistakes.at(path, text, ("version",), f"there is no version {version}", rule="version"),)
        )
    return version


_PARTS: dict[str, type[Shape]] = {
    "clusters": Cluster, "nodes": Node, "deployments": Deployment, "routes": Route, "intents": Intent,
    "journal": Mark,
}  # fmt: skip


def _convert(path: Path, text: str, tree: Tree) -> Snapshot:
    """The tree as a value; entry by entry where something is wrong, so that one answer names every entry."""
    if "lineage" not in tree:
        raise BadInput((mistakes.at(path, text, ("lineage",), "lineage is missing", rule="missing-key"),))
    try:
        return msgspec.convert(tree, Snapshot)
    except msgspec.ValidationError as error:
        raise BadInput(
            _every_shape(path, text, tree) or (mistakes.of_shape(path, text, tree, error),)
        ) from error


def _every_shape(path: Path, text: str, tree: Tree) -> tuple[Mistake, ...]:
    found: list[Mistake] = []
    whole = dict(tree)
    for key, kind in _PARTS.items():
        part = tree.get(key)
        if isinstance(part, dict if key == "journal" else list):
            entries = part.items() if isinstance(part, dict) else enumerate(part)
            for name, entry in entries:
                if len(found) < MOST_MISTAKES:
                    found += _shape(path, text, tree, entry, kind, (key, name))
            del whole[key]
    return (*_shape(path, text, tree, whole, Snapshot, ()), *found)


def _shape(
    path: Path, text: str, tree: Tree, part: object, kind: type[Shape], base: KeyPath
) -> list[Mistake]:
    try:
        msgspec.convert(part, kind)
    except msgspec.ValidationError as error:
        return [mistakes.of_shape(path, text, tree, error, base=base)]
    return []


def _marks(snapshot: Snapshot) -> tuple[Problem, ...]:
    """A mark must name a cluster that can have a journal, and agree with the cluster's own serial."""
    found = []
    for name, mark in snapshot.journal.items():
        home = snapshot.cluster(name)
        if not NAME.fullmatch(name):
            message = f"{name!r} can't be a cluster's name"
            found.append(Problem(path=("journal", name), rule="name", message=message))
        if mark.n < 1:
            message = f"{mark.n} is out of range (at least 1)"
            found.append(Problem(path=("journal", name, "n"), rule="range", message=message))
        if home is not None and home.serial != mark.serial:
            message = f"the cluster's serial is {home.serial}, its journal's {mark.serial}"
            found.append(Problem(path=("journal", name, "serial"), rule="serial", message=message))
    return tuple(found)


def _shown(path: Path, text: str, problem: Problem) -> Mistake:
    return mistakes.at(path, text, problem.path, problem.message, rule=problem.rule)


def _sorted(snapshot: Snapshot) -> Snapshot:
    """In the model's own order, whatever order a person left it in."""
    return msgspec.structs.replace(
        snapshot,
        clusters=tuple(sorted(snapshot.clusters, key=lambda c: c.name)),
        nodes=tuple(sorted(snapshot.nodes, key=lambda n: (n.cluster, n.ordinal))),
        deployments=tuple(sorted(snapshot.deployments, key=lambda d: (d.cluster, d.name))),
        routes=tuple(sorted(snapshot.routes, key=lambda r: (r.cluster, r.domain))),
        intents=tuple(sorted(snapshot.intents, key=lambda i: (i.cluster, i.step))),
    )
