"""One record of the journal: what was begun, done or noted, and the bytes that it is on disk.

On disk a record is ``{"checksum": "sha256:...", "record": {...}}``. The checksum is over the bytes of
`record` as they stand there, and each record names the checksum of the one before it: a torn, changed
or foreign record can't pass for a good one.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from dynia.interfaces.shape import Shape
from dynia.state.lease import Lessee
from dynia.state.model import Change, SetDeployments, State, change, cluster_of

RECORD_VERSION = 1
NULL = msgspec.Raw(b"null")

Kind = Literal["begin", "end", "fail", "note", "lease"]


class Record(Shape):
    """One numbered, immutable line of a cluster's story.

    `serial` is the cluster's after this record; taking the lease does not count as a write of the state.
    `run` is the run that wrote it (one taking of the lock), `fencing` its lease's number. A record of kind
    "lease" takes the lease for `lessee` and seals what came before it: nobody with a lower number adds to it.
    `action` is the planner's own JSON, opaque here; `why` says in words what failed or was noted.
    `changes` are what the state becomes: replaying them on the snapshot gives the state.
    """

    version: int
    n: int
    cluster: str
    serial: int
    lineage: str
    run: str
    at: int
    previous: str
    kind: Kind
    step: str = ""
    why: str = ""
    action: msgspec.Raw = NULL
    changes: tuple[Change, ...] = ()
    fencing: int = 0
    lessee: Lessee | None = None


class Envelope(Shape):
    """A record as it lies on disk."""

    checksum: str
    record: msgspec.Raw


class Begun(Shape, rename="camel"):
    """A step that was begun and of which no end is known."""

    step: str
    n: int
    at: int


class Mark(Shape, rename="camel"):
    """Where a cluster's journal stands: the last record, the last lease and who took it, and the steps of the
    last run that are still open."""

    n: int = 0
    serial: int = 0
    fencing: int = 0
    checksum: str = ""
    run: str = ""
    lessee: Lessee | None = None
    unfinished: tuple[Begun, ...] = ()


class Sealed(Shape):
    """A record together with its checksum."""

    record: Record
    checksum: str


def encode(record: Record) -> tuple[bytes, str]:
    """The bytes of a record and its checksum."""
    raw = msgspec.json.encode(record, order="deterministic")
    checksum = checksum_of(raw)
    return msgspec.json.encode(Envelope(checksum=checksum, record=msgspec.Raw(raw))) + b"\n", checksum


def checksum_of(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def advance(mark: Mark, sealed: Sealed) -> Mark:
    """Where the journal stands after one more record.

    A run looks at the world before it writes, so its first record settles what an earlier run left open; the
    one that takes the lease comes before that look.
    """
    record = sealed.record
    if record.kind == "lease":
        return msgspec.structs.replace(
            mark, n=record.n, serial=record.serial, fencing=record.fencing, checksum=sealed.checksum,
            lessee=record.lessee,
        )  # fmt: skip
    kept = mark.unfinished if record.run == mark.run else ()
    unfinished = tuple(b for b in kept if record.kind == "note" or b.step != record.step)
    if record.kind == "begin":
        unfinished = (*unfinished, Begun(step=record.step, n=record.n, at=record.at))
    return msgspec.structs.replace(
        mark,
        n=record.n,
        serial=record.serial,
        checksum=sealed.checksum,
        run=record.run,
        unfinished=unfinished,
    )


def replay(state: State, record: Record) -> State:
    """The state after one more record: its changes, and the cluster's serial."""
    for done in record.changes:
        state = change(state, done)
    home = state.cluster(record.cluster)
    if home is None:
        return state
    stamped = msgspec.structs.replace(home, serial=record.serial)
    clusters = tuple(stamped if c.name == record.cluster else c for c in state.clusters)
    return msgspec.structs.replace(state, clusters=clusters)


def foreign(cluster: str, changes: tuple[Change, ...]) -> Change | None:
    """The first change that is not this cluster's own. `currentCluster` is nobody's."""
    for done in changes:
        names = {cluster_of(done)}
        if isinstance(done, SetDeployments):
            names |= {d.cluster for d in done.deployments} | {r.cluster for r in done.routes}
        if names != {cluster}:
            return done
    return None
