"""The state on disk: read whole, and written one record at a time under the cluster's lock.

::

    state.json                               the snapshot, beside clusters.yaml
    .dynia/journal/<cluster>/00000042.json   what came after it
    .dynia/drills/<cluster>/00000001.json    what each failover drill saw
    .dynia/lock-<cluster>                    held by the run that writes this cluster
    .dynia/lock                              held for moments, by whoever replaces state.json

The state is the snapshot with every later record replayed. A record is created only if its number is
free, so nothing that was acknowledged is ever overwritten; the snapshot only says anew what snapshot and
records said before, so it may be late, and folded records may stay, without harm.
"""

from __future__ import annotations

import contextlib
import errno
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from dynia.interfaces.errors import DyniaError, Locked
from dynia.state import drills, journal
from dynia.state.checks import NAME, problems
from dynia.state.disk import Disk, LocalDisk
from dynia.state.loaded import Loaded, Places, fold, load, make_fresh
from dynia.state.lock import Hold
from dynia.state.model import VERSION, Change, State
from dynia.state.record import (
    NULL,
    RECORD_VERSION,
    Begun,
    Kind,
    Mark,
    Record,
    Sealed,
    advance,
    foreign,
    replay,
)

FOLD_AFTER = 500
_WAIT = 10.0
# In the place of a run's id, once another run was seen in the journal.
_OVERTAKEN = ""


def _now() -> int:
    return int(time.time())


def open_store(
    folder: Path,
    *,
    make: bool = True,
    disk: Disk | None = None,
    clock: Callable[[], int] = _now,
    fold_after: int = FOLD_AFTER,
) -> Store:
    """Read the state that lies in `folder`.

    Where there is none, a fresh one with a new lineage is written first. With ``make=False`` nothing is
    ever written, and a state that is not there yet has an empty lineage. `BadInput` where a file is wrong.
    The snapshot is written after as many records as it has entries, but at least `fold_after`.
    """
    return Store(folder, make=make, disk=disk or LocalDisk(), clock=clock, fold_after=fold_after)


class Store:
    """An open state. Reading needs no lock; writing a cluster needs ``with store.lock(cluster, who)``.

    For one thread. `state` is as of opening, or of the last lock, plus what was written through here.
    """

    def __init__(
        self, folder: Path, *, make: bool, disk: Disk, clock: Callable[[], int], fold_after: int
    ) -> None:
        self._places = Places(folder=folder)
        self._disk = disk
        self._clock = clock
        self._fold_after = fold_after
        self._state = State()
        self._marks: dict[str, Mark] = {}
        self._runs: dict[str, str] = {}
        self._notes: dict[str, None] = {}
        self._unfolded = 0
        self._doubtful = False
        with _in_words(folder):
            loaded = load(disk, self._places)
            if make and loaded is None:
                self._make_folders()
                make_fresh(disk, self._places)
                loaded = load(disk, self._places)
            if loaded is not None:
                self._adopt(loaded)
                if make and loaded.version != VERSION:
                    self._make_folders()
                    self._fold(lambda state: state)

    @property
    def state(self) -> State:
        return self._state

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should hear about the files, one sentence each."""
        return tuple(self._notes)

    def serial(self, cluster: str) -> int:
        """How many writes the cluster has seen. It goes on where a dropped cluster is made again."""
        return self._marks.get(cluster, Mark()).serial

    def unfinished(self, cluster: str) -> tuple[Begun, ...]:
        """The steps that the cluster's last run began and of which no end is known."""
        return self._marks.get(cluster, Mark()).unfinished

    @contextlib.contextmanager
    def lock(self, cluster: str, who: str) -> Iterator[None]:
        """Be the only writer of a cluster; `Locked` names who is.

        Reads the state anew, so look at `state` after this. Writes the snapshot at both ends.
        """
        _check_name(cluster)
        with _in_words(self._places.folder):
            self._make_folders(cluster)
            held = self._disk.hold(self._places.lock(cluster), who, wait=0.0)
        try:
            self._runs[cluster] = uuid.uuid4().hex
            with _in_words(self._places.folder):
                self._take_over(cluster)
            try:
                yield
            except BaseException:
                with contextlib.suppress(DyniaError):
                    self.snapshot()
                raise
            self.snapshot()
        finally:
            self._runs.pop(cluster, None)
            held.close()

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

    def write(self, cluster: str, changes: tuple[Change, ...], why: str) -> None:
        """Change the state outside of any step."""
        self._append(cluster, "note", "", NULL, why, changes)

    def keep_drill(self, cluster: str, report: bytes) -> None:
        """Remember what a drill saw; `report` is JSON. It is no part of the state."""
        with _in_words(self._places.folder):
            drills.keep(self._disk, self._places, cluster, report)

    def snapshot(self) -> None:
        """Fold every journal into state.json."""
        with _in_words(self._places.folder):
            self._fold(lambda state: state)

    def write_current(self, name: str | None) -> None:
        """Set `currentCluster`. Needs no cluster's lock and moves no serial."""
        if name is not None:
            _check_name(name)
        with _in_words(self._places.folder):
            self._make_folders()
            self._fold(lambda state: msgspec.structs.replace(state, current_cluster=name))

    def _append(
        self, cluster: str, kind: Kind, step: str, action: msgspec.Raw, why: str, changes: tuple[Change, ...]
    ) -> int:
        if cluster not in self._runs:
            raise ValueError(f"the state of {cluster} is written only under its lock")
        if self._runs[cluster] == _OVERTAKEN:
            raise _overtaken(cluster)
        if self._doubtful:
            with _in_words(self._places.folder):
                self._check_alone(cluster)
                self._take_over(cluster)
        mark = self._marks.get(cluster, Mark())
        record = Record(
            version=RECORD_VERSION,
            n=mark.n + 1, cluster=cluster, serial=mark.serial + 1, lineage=self._state.lineage,
            run=self._runs[cluster], kind=kind, step=step, action=action, why=why, changes=changes,
            at=self._clock(), previous=mark.checksum,
        )  # fmt: skip
        state = self._after(record)
        self._doubtful = True
        with _in_words(self._places.folder):
            try:
                sealed = journal.append(self._disk, self._places.journal(cluster), record)
            except FileExistsError:
                # Locks do not work here (some network file systems): the number keeps writers apart.
                self._runs[cluster] = _OVERTAKEN
                raise _overtaken(cluster) from None
        self._doubtful = False
        self._state = state
        self._marks[cluster] = advance(mark, sealed)
        self._unfolded += 1
        if self._unfolded >= max(self._fold_after, _entries(state)):
            self.snapshot()
        return record.n

    def _after(self, record: Record) -> State:
        """The state after a record. One that could not be read again is a bug of the caller, said at once."""
        strange = foreign(record.cluster, record.changes)
        if strange is not None:
            raise ValueError(f"{type(strange).__name__} is not about {record.cluster} alone")
        state = replay(self._state, record)
        found = problems(state) if record.changes else ()
        if found:
            raise ValueError(f"this would be a wrong state: {found[0].message}")
        return state

    def _take_over(self, cluster: str) -> None:
        """Become the writer: read anew, set a torn tail aside, fold."""
        with self._state_lock():
            loaded = self._load()
            folder = self._places.journal(cluster)
            for name in journal.set_aside(self._disk, folder, loaded.journals[cluster]):
                self._notes[
                    f"the last record of {cluster}'s journal was torn; it was set aside as {folder / name}, "
                    "and what it described is observed again"
                ] = None
            clean = msgspec.structs.replace(loaded.journals[cluster], torn=(), leftovers=())
            loaded = msgspec.structs.replace(loaded, journals={**loaded.journals, cluster: clean})
            self._adopt(fold(self._disk, self._places, loaded, lambda state: state))
        self._doubtful = False

    def _check_alone(self, cluster: str) -> None:
        """After a record of which it is not known whether it was written: beyond it there is nothing."""
        found = self._load().journals[cluster]
        known, last = self._marks.get(cluster, Mark()).n, found.sealed[-1:]
        if found.mark.n > known and not (found.mark.n == known + 1 and _is_of(self._runs[cluster], last)):
            self._runs[cluster] = _OVERTAKEN
            raise _overtaken(cluster)

    def _fold(self, alter: Callable[[State], State]) -> None:
        with self._state_lock():
            self._adopt(fold(self._disk, self._places, self._load(), alter))

    def _load(self) -> Loaded:
        loaded = load(self._disk, self._places)
        if loaded is None:
            raise DyniaError(f"{self._places.state} went away", hint="restore it; nothing else was changed")
        if self._state.lineage and loaded.version == VERSION and loaded.state.lineage != self._state.lineage:
            raise DyniaError(f"{self._places.state} was replaced by another state", hint="run this again")
        return loaded

    def _adopt(self, loaded: Loaded) -> None:
        self._state = loaded.state
        self._marks = {name: found.mark for name, found in loaded.journals.items()}
        self._unfolded = sum(len(found.sealed) for found in loaded.journals.values())
        for name, found in loaded.journals.items():
            for torn in found.torn:
                self._notes[
                    f"the last record of {name}'s journal ({torn}) is torn; "
                    "the next apply sets it aside and observes again what it described"
                ] = None

    def _state_lock(self) -> contextlib.closing[Hold]:
        path = self._places.home / "lock"
        return contextlib.closing(self._disk.hold(path, "a run that writes state.json", wait=_WAIT))

    def _make_folders(self, cluster: str | None = None) -> None:
        """The folders that a write needs, durable: a record in a lost folder is a lost record."""
        places = self._places
        common = (places.home, places.journals)
        for folder in common if cluster is None else (*common, places.journal(cluster)):
            self._disk.make_folder(folder)
            self._disk.sync_folder(folder.parent)


def _overtaken(cluster: str) -> Locked:
    return Locked(f"another run wrote to the journal of {cluster} meanwhile", hint="run this again")


def _is_of(run: str, records: tuple[Sealed, ...]) -> bool:
    return all(one.record.run == run for one in records)


def _entries(state: State) -> int:
    parts = (state.clusters, state.nodes, state.deployments, state.routes, state.intents)
    return sum(len(part) for part in parts)


def _check_name(cluster: str) -> None:
    if not NAME.fullmatch(cluster):
        raise DyniaError(f"{cluster!r} can't be a cluster's name")


@contextlib.contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    """What the operating system refused, as an error that a person can act on."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where = f" ({error.filename})" if isinstance(error.filename, str) else ""
        hint = ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "free some space and run this again; everything recorded so far is safe"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            hint = "the state is kept beside clusters.yaml: that folder must be writable"
        message = f"can't keep the state in {folder.absolute()}: {reason}{where}"
        raise DyniaError(message, hint=hint) from error
