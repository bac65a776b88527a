"""A copy of a state put in the place of the one that is there: whether it may be, and what changes. Pure."""

from __future__ import annotations

import msgspec

from dynia.interfaces.errors import Refused
from dynia.interfaces.shape import Shape
from dynia.state.manifest import part_of
from dynia.state.model import (
    Change,
    DropCluster,
    PutCluster,
    PutIntent,
    PutNode,
    SetDeployments,
    State,
)


class Replaced(Shape):
    """One cluster that the copy changes; `changes` are for its journal, `serial` is the copy's."""

    cluster: str
    changes: tuple[Change, ...]
    serial: int
    before: int
    what: str


def replacing(kept: State, copy: State, *, force: bool) -> tuple[Replaced, ...]:
    """Cluster by cluster, only those that differ. Refused where it would lose what the copy does not know."""
    if kept.clusters and kept.lineage != copy.lineage:
        raise Refused(
            f"the copy is of another state: lineage {copy.lineage}, and here {kept.lineage}",
            hint="move state.json and .dynia aside first, if it is really meant; --force does not mix them",
        )
    looked = [_one(kept, copy, c.name, force) for c in copy.clusters]
    lost = sorted({c.name for c in kept.clusters} - {c.name for c in copy.clusters})
    if lost and not force:
        raise Refused(
            f"the copy does not know cluster {', '.join(lost)}, which is here",
            hint="say --force if it is to be forgotten; machines stay as they are",
        )
    return (*(one for one in looked if one), *(_dropped(kept, name) for name in lost))


def part_changes(kept: State, part: State, cluster: str) -> tuple[Change, ...]:
    """Makes `part` the cluster's part of a state. Nodes come before the cluster, which holds their
    releases."""
    home = part.cluster(cluster)
    gone = (DropCluster(name=cluster),) if kept.cluster(cluster) is not None else ()
    return (
        *gone,
        *(PutNode(node=node) for node in part.nodes),
        *((PutCluster(cluster=home),) if home else ()),
        *(PutIntent(intent=intent) for intent in part.intents),
        SetDeployments(cluster=cluster, deployments=part.deployments, routes=part.routes),
    )


def _one(kept: State, copy: State, name: str, force: bool) -> Replaced | None:
    here, there = kept.cluster(name), copy.cluster(name)
    serial, before = there.serial if there else 0, here.serial if here else 0
    mine, other = part_of(kept, name), part_of(copy, name)
    if here is not None and msgspec.structs.replace(mine, lineage=other.lineage) == other:
        return None
    if here is not None and not force:
        if serial < before:
            raise Refused(
                f"cluster {name}: the copy is older (serial {serial}) than what is here (serial {before})",
                hint="say --force to go back to it",
            )
        if serial == before:
            raise Refused(
                f"cluster {name}: the copy has the same serial ({serial}) and says something else",
                hint="it was edited: say --force if that is meant",
            )
    what = "replaced" if here is not None else "added"
    changes = part_changes(kept, other, name)
    return Replaced(cluster=name, changes=changes, serial=serial, before=before, what=what)


def _dropped(kept: State, name: str) -> Replaced:
    home = kept.cluster(name)
    before = home.serial if home else 0
    return Replaced(
        cluster=name, changes=(DropCluster(name=name),), serial=0, before=before, what="forgotten"
    )
