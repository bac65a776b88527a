"""The state on disk: read whole, and written one record at a time under the cluster's lease.

::

    state.json                                   the snapshot, beside clusters.yaml
    .dynia/journal/<cluster>/00000042.json       what came after it
    .dynia/drills/<cluster>/00000001.json        what each failover drill saw
    .dynia/history/<cluster>/00000001.json       what is told of the last runs
    .dynia/lease/<cluster>/00000007.lock, .beat  held by the run that writes it, and its sign of life
    .dynia/lock                                  held for moments, by whoever replaces state.json

The state is the snapshot with every later record replayed. A record is created only if its number is
free, so nothing that was acknowledged is ever overwritten; the snapshot only says anew what snapshot and
records said before, so it may be late, and folded records may stay, without harm.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from dynia.interfaces.errors import DyniaError
from dynia.state import drills, journal
from dynia.state.checks import NAME, problems
from dynia.state.disk import Disk, LocalDisk
from dynia.state.history import History
from dynia.state.kept import Kept
from dynia.state.lease import Lessee, boottime
from dynia.state.leases import Leases
from dynia.state.model import HARMLESS, Change, State
from dynia.state.record import NULL, RECORD_VERSION, Begun, Kind, Record, foreign, replay
from dynia.state.refused import in_words
from dynia.state.tenancy import Tenant

FOLD_AFTER = 500


def _now() -> int:
    return int(time.time())


def _new_id() -> str:
    return uuid.uuid4().hex


def open_store(
    folder: Path,
    *,
    make: bool = True,
    disk: Disk | None = None,
    clock: Callable[[], int] = _now,
    boot: Callable[[], float] = boottime,
    new_id: Callable[[], str] = _new_id,
    fold_after: int = FOLD_AFTER,
    current: Path | None = None,
) -> Store:
    """Read the state that lies in `folder`.

    Where there is none, a fresh one with a new lineage is written first. With ``make=False`` nothing is
    ever written, and a state that is not there yet has an empty lineage. `BadInput` where a file is wrong.
    The snapshot is written after as many records as it has entries, but at least `fold_after`. `clock` is
    what people are shown, `boot` what leases are counted by; `new_id` names runs. `current` is a local file
    that keeps the current cluster where the state is shared.
    """
    kept = Kept(folder, disk or LocalDisk(), owner=new_id(), current=current)
    kept.open(make=make)
    return Store(kept, clock=clock, boot=boot, new_id=new_id, fold_after=fold_after)


class Store:
    """An open state. Reading needs no lock; writing a cluster needs ``with store.lock(cluster, who)``.

    For one thread. `state` is as of opening, or of the last lock, plus what was written through here.
    """

    def __init__(
        self,
        kept: Kept,
        *,
        clock: Callable[[], int],
        boot: Callable[[], float],
        new_id: Callable[[], str],
        fold_after: int,
    ) -> None:
        self._kept, self._clock, self._boot, self._fold_after = kept, clock, boot, fold_after
        self._leases = Leases(kept, clock=clock, boot=boot, new_id=new_id)

    @property
    def state(self) -> State:
        return self._kept.state

    @property
    def shared(self) -> bool:
        """Whether others have it from elsewhere, so that each write takes as long as a remote's answer."""
        return self._kept.current is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should hear about the files, one sentence each."""
        return tuple(self._kept.notes)

    def serial(self, cluster: str) -> int:
        """How many writes the cluster has seen. It goes on where a dropped cluster is made again."""
        return self._kept.mark(cluster).serial

    def fencing(self, cluster: str) -> int:
        """The number of the lease that this run has; without one, of the last that it has seen."""
        return self._kept.mark(cluster).fencing

    def unfinished(self, cluster: str) -> tuple[Begun, ...]:
        """The steps that the cluster's last run began and of which no end is known."""
        return self._kept.mark(cluster).unfinished

    @contextlib.contextmanager
    def lock(self, cluster: str, who: str | Lessee, *, past: int = 0, above: int = 0) -> Iterator[None]:
        """Be the only writer of a cluster: take its lease, or `Locked`, which names who has it.

        Reads the state anew, so look at `state` after this. Writes the snapshot at both ends. `past` is the
        number of a lease that is taken over from whoever has it; the new number is higher than `above` too.
        """
        _check_name(cluster)
        self._leases.take(cluster, _lessee(who), past, above)
        try:
            try:
                yield
            except GeneratorExit:
                # Nobody goes on here, and nobody ends it either: what a killed run leaves.
                raise
            except BaseException:
                with contextlib.suppress(DyniaError):
                    self._close(cluster)
                raise
            self._close(cluster)
        finally:
            self._kept.tenancies.pop(cluster).close()

    def tenant(self, cluster: str) -> Tenant:
        """Who has the lease, or had it last, as the files say it now."""
        _check_name(cluster)
        return self._leases.tenant(cluster)

    def free(self, cluster: str) -> bool:
        """Whether no process has the lease now."""
        _check_name(cluster)
        return self._leases.free(cluster)

    def beat(self, cluster: str) -> None:
        """A sign of life of the run that has the lease. `Locked` where another one took it over."""
        self._leases.beat(cluster)

    def check(self, cluster: str) -> None:
        """Before each thing that this run does to the world: `Locked` where it may not any more."""
        self._leases.check(cluster)

    def boottime(self) -> float:
        """The clock that leases are counted by."""
        return self._boot()

    def left(self, cluster: str) -> float | None:
        """For how many seconds nobody can have taken the lease over; nothing where this run has none."""
        return self._leases.left(cluster)

    def begin(self, cluster: str, step: str, action: bytes, changes: tuple[Change, ...] = ()) -> int:
        """Say that a step begins, before its deed. `action` is JSON. Returns the record's number."""
        msgspec.json.decode(action)
        return self._append(cluster, "begin", step, msgspec.Raw(action), "", changes)

    def end(self, cluster: str, step: str, changes: tuple[Change, ...] = ()) -> None:
        """Say that a step was seen to be done, and what the state becomes by it."""
        self._append(cluster, "end", step, NULL, "", changes)

    def fail(self, cluster: str, step: str, reason: str, changes: tuple[Change, ...] = ()) -> None:
        """Say that a step ended without its effect."""
        self._append(cluster, "fail", step, NULL, reason, changes)

    def write(self, cluster: str, changes: tuple[Change, ...], why: str, *, above: int = 0) -> None:
        """Change the state outside of any step. The serial becomes higher than `above` too."""
        self._append(cluster, "note", "", NULL, why, changes, above)

    def take_lineage(self, lineage: str) -> None:
        """Be of this lineage. Only where nothing is recorded yet: one state has one lineage."""
        self._kept.take_lineage(lineage)

    def keep_drill(self, cluster: str, report: bytes) -> None:
        """Remember what a drill saw; `report` is JSON. It is no part of the state."""
        with in_words(self._kept.places.folder):
            drills.keep(self._kept.disk, self._kept.places, cluster, report)

    def history(self, cluster: str) -> History:
        """What is told of the cluster's last runs. It is no part of the state, and needs no lock."""
        _check_name(cluster)
        return History(self._kept.disk, self._kept.places, cluster, owner=self._kept.owner)

    def snapshot(self) -> None:
        """Fold every journal into state.json, now or later: the records say the same."""
        self._kept.snapshot()

    def write_current(self, name: str | None) -> None:
        """Set `currentCluster`. Needs no cluster's lock and moves no serial."""
        if name is not None:
            _check_name(name)
        self._kept.write_current(name)

    def _append(
        self,
        cluster: str,
        kind: Kind,
        step: str,
        action: msgspec.Raw,
        why: str,
        changes: tuple[Change, ...],
        above: int = 0,
    ) -> int:
        if cluster not in self._kept.tenancies:
            raise ValueError(f"the state of {cluster} is written only under its lock")
        self.check(cluster)
        tenancy = self._kept.tenancies[cluster]
        with in_words(self._kept.places.folder):
            if tenancy.overtaken:
                raise self._leases.overtaken(cluster)
            if self._kept.doubtful:
                self._leases.catch_up(cluster)
        mark = self._kept.mark(cluster)
        record = Record(
            version=RECORD_VERSION,
            n=mark.n + 1, cluster=cluster, serial=max(mark.serial, above) + 1,
            lineage=self._kept.state.lineage, run=tenancy.run, kind=kind, fencing=mark.fencing, step=step,
            action=action, why=why, changes=changes, at=self._clock(), previous=mark.checksum,
        )  # fmt: skip
        self._kept.state = self._written(cluster, record, self._after(record))
        self._kept.unfolded += 1
        if self._kept.unfolded >= max(self._fold_after, _entries(self._kept.state)):
            self.snapshot()
        return record.n

    def _written(self, cluster: str, record: Record, state: State) -> State:
        """The state with a record that was written for good. `Locked` where its number was taken."""
        self._kept.doubtful = True
        with in_words(self._kept.places.folder):
            try:
                sealed = journal.append(self._kept.disk, self._kept.places.journal(cluster), record)
            except FileExistsError:
                # Another run took the lease over, or locks do not work here (some network file systems).
                raise self._leases.overtaken(cluster) from None
            except OSError:
                self._leases.see_overtaken(cluster)
                raise
        self._kept.doubtful = False
        self._kept.wrote(cluster, sealed)
        return state

    def _after(self, record: Record) -> State:
        """The state after a record. One that could not be read again is a bug of the caller, said at once."""
        strange = foreign(record.cluster, record.changes)
        if strange is not None:
            raise ValueError(f"{type(strange).__name__} is not about {record.cluster} alone")
        state = replay(self._kept.state, record)
        # Checking a whole state takes the longer the more nodes there are: only what can break it is checked.
        found = () if all(isinstance(done, HARMLESS) for done in record.changes) else problems(state)
        if found:
            raise ValueError(f"this would be a wrong state: {found[0].message}")
        return state

    def _close(self, cluster: str) -> None:
        """At the end of a run: fold what it wrote. One that was overtaken touches nothing."""
        if not self._kept.tenancies[cluster].overtaken:
            self.snapshot()


def _lessee(who: str | Lessee) -> Lessee:
    return Lessee(who=who, host=socket.gethostname(), pid=os.getpid()) if isinstance(who, str) else who


def _entries(state: State) -> int:
    parts = (state.clusters, state.nodes, state.deployments, state.routes, state.intents)
    return sum(len(part) for part in parts)


def _check_name(cluster: str) -> None:
    if not NAME.fullmatch(cluster):
        raise DyniaError(f"{cluster!r} can't be a cluster's name")
