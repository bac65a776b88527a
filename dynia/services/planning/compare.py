"""What is on a node against what must be there: paths that differ and what does not run, by component."""

from __future__ import annotations

from collections.abc import Container, Mapping

import msgspec

from dynia.interfaces.node_requests import ExpectedFile
from dynia.interfaces.observed import FileSeen, NodeFacts
from dynia.interfaces.shape import Shape
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Component, Fault, Topology, TopologyNode
from dynia.services.planning.places import inside
from dynia.state.model import AppliedFile, AppliedRelease, Cluster, Node

OWNER = "root:root"

# What the state knows of releases, by component and id.
Releases = Mapping[tuple[str, str], AppliedRelease]


class WantedFile(Shape):
    path: str
    mode: int
    digest: str
    secret: bool


class Indexed(Shape):
    """A recipe with its hashes computed once, however many nodes share it."""

    recipe: Recipe
    id: str
    files: tuple[WantedFile, ...]
    paths: frozenset[str]


class Comparison(Shape):
    """One component of one node that is not as wanted, or not recorded as such.

    `applied` is what the state says is good there, `live` what it says was activated (the same, if no
    gate is open). `differ` are paths that are not as wanted, `stale` paths that a former release had;
    `unclear` are secret files whose source is not here. `open`: something was activated and its gate not
    passed yet, be it the same release again. `again`: somebody asked for it to start again, as it is.
    """

    node: str
    component: str
    wanted: Indexed
    applied_id: str
    live_id: str
    applied: AppliedRelease | None
    live: AppliedRelease | None
    differ: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    unfinished: bool = False
    open: bool = False
    again: bool = False

    @property
    def pending(self) -> bool:
        """The content that is wanted is not the one that is recorded as live."""
        return self.live_id != self.wanted.id

    @property
    def recorded(self) -> bool:
        """The state says that what is wanted is good on this node, and nothing else is open."""
        return self.applied_id == self.wanted.id and not self.open


def named(seen: Mapping[str, FileSeen], facts: NodeFacts) -> Mapping[str, FileSeen]:
    """Files as they are compared: one with a certificate by its chain, which is public. (On the node a step
    goes by the keyed hash of the whole file.)"""
    certificates = {
        path: f"chain:{found.chain}" if found.fits else "chain:without its key"
        for path, found in facts.certificates.items()
        if path in seen
    }
    if not certificates:
        return seen
    return {**seen, **{p: msgspec.structs.replace(seen[p], digest=d) for p, d in certificates.items()}}


class Index:
    """Hashes of releases, computed at first use and kept by the identity of the recipe."""

    def __init__(self) -> None:
        self._known: dict[int, Indexed] = {}

    def of(self, recipe: Recipe) -> Indexed:
        found = self._known.get(id(recipe))
        if found is None:
            found = self._known[id(recipe)] = _index(recipe)
        return found


def _index(recipe: Recipe) -> Indexed:
    release = recipe.release
    files = tuple(
        WantedFile(path=f.path, mode=f.mode, digest=f.digest, secret=f.secret)
        for f in sorted(release.files, key=lambda f: f.path)
    )
    return Indexed(recipe=recipe, id=release.id, files=files, paths=frozenset(f.path for f in files))


def releases_of(cluster: Cluster | None) -> Releases:
    return {(r.component, r.id): r for r in cluster.releases} if cluster else {}


def compare_node(
    node: Node,
    facts: NodeFacts,
    seen: Mapping[str, FileSeen],
    components: tuple[Component, ...],
    recipes: Mapping[str, Recipe],
    topology: Topology,
    place: TopologyNode,
    releases: Releases,
    index: Index,
    sources: Container[str],
    told: Mapping[str, tuple[Fault, ...]],
    again: Container[str] = (),
) -> list[Comparison]:
    """Components of one node that need something, in deploy order. `told` are faults by component that only
    a look at all nodes shows; `again` are components that are to start again, whatever they are."""
    found = []
    for component in components:
        name = component.name
        wanted = index.of(recipes[name])
        applied_id = node.components.get(name, "")
        live_id = node.pushed.get(name, applied_id)
        differ, unclear = _differences(wanted, facts, seen, sources)
        live = releases.get((name, live_id)) if live_id else None
        stale: tuple[str, ...] = ()
        if live is not None and live_id != wanted.id:
            left = (f for f in live.files if f.path not in wanted.paths)
            stale = tuple(f.path for f in left if _goes(f, seen, live.data))
        faults = (*component.faults(topology, place, wanted.recipe, facts), *told.get(name, ()))
        unfinished = name in facts.unfinished
        recorded = applied_id == wanted.id and name not in node.pushed
        if differ or stale or unclear or faults or unfinished or not recorded or name in again:
            applied = releases.get((name, applied_id)) if applied_id else None
            found.append(
                Comparison(
                    node=node.name,
                    component=name,
                    wanted=wanted,
                    applied_id=applied_id,
                    live_id=live_id,
                    applied=applied,
                    live=live,
                    differ=differ,
                    stale=stale,
                    unclear=unclear,
                    faults=faults,
                    unfinished=unfinished,
                    open=name in node.pushed,
                    again=name in again,
                )
            )
    return found


def _goes(file: AppliedFile, seen: Mapping[str, FileSeen], data: tuple[str, ...]) -> bool:
    """Of a former release, and not wanted. What containers made of it where they may write is their data."""
    there = seen.get(file.path)
    if there is None:
        return False
    return not file.digest or there.digest == file.digest or not inside(file.path, data)


def _differences(
    wanted: Indexed, facts: NodeFacts, seen: Mapping[str, FileSeen], sources: Container[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`sources` are secret files whose content is known here; a new node has no key yet to compare them."""
    differ: list[str] = []
    unclear: list[str] = []
    keeper = wanted.recipe.keeper
    for file in wanted.files:
        there = seen.get(file.path)
        if file.secret and file.digest:
            digest = file.digest
            if (there is None or there.digest != digest) and file.path not in sources and not keeper:
                unclear.append(file.path)
                continue
        elif file.secret:
            digest = facts.secrets.get(file.path, "")
            if not digest and file.path not in sources:
                unclear.append(file.path)
                continue
        else:
            digest = file.digest
        if (
            there is None
            or there.digest != digest
            or there.mode != file.mode
            or there.owner != OWNER
            or there.kind != "file"
        ):
            differ.append(file.path)
    return tuple(differ), tuple(unclear)


def expected(paths: tuple[str, ...], seen: Mapping[str, FileSeen]) -> tuple[ExpectedFile, ...]:
    """What those paths look like now; checked again on the node before it is touched (law 4)."""
    return tuple(_expected(path, seen.get(path)) for path in sorted(paths))


def _expected(path: str, there: FileSeen | None) -> ExpectedFile:
    if there is None:
        return ExpectedFile(path=path, digest="")
    return ExpectedFile(path=path, digest=there.digest, mode=there.mode, owner=there.owner)
