"""The state on disk: read whole, and written one record at a time under the cluster's lease.

::

    state.json                                   the snapshot, beside clusters.yaml
    .dynia/journal/<cluster>/00000042.json       what came after it
    .dynia/drills/<cluster>/00000001.json        what each failover drill saw
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

from dynia.interfaces.errors import BadInput, DyniaError, Locked, NotKept, Refused
from dynia.state import drills, journal
from dynia.state.checks import NAME, problems
from dynia.state.current import read_current, write_current
from dynia.state.disk import Disk, LocalDisk, replace
from dynia.state.lease import Lessee, boottime
from dynia.state.loaded import Loaded, Places, fold, load, make_fresh
from dynia.state.lock import Hold
from dynia.state.model import HARMLESS, VERSION, Change, State
from dynia.state.record import (
    NULL,
    RECORD_VERSION,
    Begun,
    Kind,
    Mark,
    Record,
    advance,
    foreign,
    replay,
)
from dynia.state.refused import in_words
from dynia.state.snapshot import snapshot_of, write_text
from dynia.state.tenancy import Tenancy, Tenant, look

FOLD_AFTER = 500
# To put the current cluster into state.json is worth waiting for; to fold is not.
_WAIT, _WAIT_TO_FOLD = 10.0, 1.0
_TRIES = 50


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
    return Store(
        folder,
        make=make,
        disk=disk or LocalDisk(),
        clock=clock,
        boot=boot,
        new_id=new_id,
        fold_after=fold_after,
        current=current,
    )


class Store:
    """An open state. Reading needs no lock; writing a cluster needs ``with store.lock(cluster, who)``.

    For one thread. `state` is as of opening, or of the last lock, plus what was written through here.
    """

    def __init__(
        self,
        folder: Path,
        *,
        make: bool,
        disk: Disk,
        clock: Callable[[], int],
        boot: Callable[[], float],
        new_id: Callable[[], str],
        fold_after: int,
        current: Path | None,
    ) -> None:
        self._places = Places(folder=folder)
        self._disk = disk
        self._clock = clock
        self._boot = boot
        self._new_id = new_id
        self._owner = new_id()
        self._fold_after = fold_after
        self._current = current
        self._state = State()
        self._marks: dict[str, Mark] = {}
        self._tenancies: dict[str, Tenancy] = {}
        self._notes: dict[str, None] = {}
        self._unfolded = 0
        self._doubtful = False
        with in_words(folder):
            loaded = load(disk, self._places)
            if make and loaded is None:
                self._make_folders()
                make_fresh(disk, self._places, owner=self._owner)
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
    def shared(self) -> bool:
        """Whether others have it from elsewhere, so that each write takes as long as a remote's answer."""
        return self._current is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should hear about the files, one sentence each."""
        return tuple(self._notes)

    def serial(self, cluster: str) -> int:
        """How many writes the cluster has seen. It goes on where a dropped cluster is made again."""
        return self._marks.get(cluster, Mark()).serial

    def fencing(self, cluster: str) -> int:
        """The number of the lease that this run has; without one, of the last that it has seen."""
        return self._marks.get(cluster, Mark()).fencing

    def unfinished(self, cluster: str) -> tuple[Begun, ...]:
        """The steps that the cluster's last run began and of which no end is known."""
        return self._marks.get(cluster, Mark()).unfinished

    @contextlib.contextmanager
    def lock(self, cluster: str, who: str | Lessee, *, past: int = 0, above: int = 0) -> Iterator[None]:
        """Be the only writer of a cluster: take its lease, or `Locked`, which names who has it.

        Reads the state anew, so look at `state` after this. Writes the snapshot at both ends. `past` is the
        number of a lease that is taken over from whoever has it; the new number is higher than `above` too.
        """
        self._take(cluster, _lessee(who), past, above)
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
            self._tenancies.pop(cluster).close()

    def tenant(self, cluster: str) -> Tenant:
        """Who has the lease, or had it last, as the files say it now."""
        _check_name(cluster)
        with in_words(self._places.folder):
            loaded = load(self._disk, self._places)
            found = loaded.journals.get(cluster) if loaded else None
            return look(self._disk, self._places, cluster, found.mark if found else Mark())

    def free(self, cluster: str) -> bool:
        """Whether no process has the lease now. Asks by taking its lock for a moment."""
        tenant = self.tenant(cluster)
        path = self._places.lock(cluster, tenant.fencing)
        with in_words(self._places.folder):
            if path.name not in self._disk.names(path.parent):
                return True
            try:
                self._disk.hold(path, "a look", wait=0.0).close()
            except Locked:
                return False
        return True

    def beat(self, cluster: str) -> None:
        """A sign of life of the run that has the lease. `Locked` where another one took it over."""
        tenancy = self._tenancies[cluster]
        began = self._boot()
        with in_words(self._places.folder):
            self._see_overtaken(cluster)
            try:
                tenancy.beat(self._disk, self._places, at=self._clock(), began=began)
            except OSError:
                # Who took over swept up after this run, and with it what the beat was written to.
                self._see_overtaken(cluster)
                raise

    def check(self, cluster: str) -> None:
        """Before each thing that this run does to the world: `Locked` where it may not any more.

        A run that was stopped for so long that somebody may have given it up takes the lease anew first: only
        one of the two can. A run that never took it only looks, and may always.
        """
        tenancy = self._tenancies.get(cluster)
        if tenancy is not None and not tenancy.sure(self._boot()):
            with in_words(self._places.folder):
                self._see_overtaken(cluster)
                self._renew(cluster, tenancy)

    def boottime(self) -> float:
        """The clock that leases are counted by."""
        return self._boot()

    def left(self, cluster: str) -> float | None:
        """For how many seconds nobody can have taken the lease over; nothing where this run has none."""
        tenancy = self._tenancies.get(cluster)
        return None if tenancy is None else tenancy.left(self._boot())

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
        with in_words(self._places.folder):
            self._make_folders()
            with self._state_lock(_WAIT):
                loaded = self._load()
                if loaded.state.lineage == lineage:
                    return
                if loaded.state.clusters or loaded.marks():
                    raise Refused(
                        f"{self._places.state} is of lineage {loaded.state.lineage}, not of {lineage}",
                        hint=f"move it and {self._places.home} aside first; nothing was changed",
                    )
                fresh = State(lineage=lineage, current_cluster=loaded.state.current_cluster)
                data = write_text(snapshot_of(fresh, {}))
                replace(
                    self._disk,
                    self._places.state,
                    data,
                    temporary_folder=self._places.home,
                    owner=self._owner,
                )
                self._state = fresh
                self._adopt(self._load())

    def keep_drill(self, cluster: str, report: bytes) -> None:
        """Remember what a drill saw; `report` is JSON. It is no part of the state."""
        with in_words(self._places.folder):
            drills.keep(self._disk, self._places, cluster, report)

    def snapshot(self) -> None:
        """Fold every journal into state.json. Where somebody is at it, and be it for ever, or where the disk
        refuses, it is left to later: the records say the same."""
        try:
            self._snapshot()
        except (NotKept, BadInput) as error:
            self._unfolded = 0
            self._notes[
                f"state.json was not written anew: {error.message}. Its journal says the same; the next run "
                "does it"
            ] = None

    def _snapshot(self) -> None:
        with in_words(self._places.folder):
            try:
                self._fold(lambda state: state, _WAIT_TO_FOLD)
            except Locked:
                self._unfolded = 0

    def write_current(self, name: str | None) -> None:
        """Set `currentCluster`. Needs no cluster's lock and moves no serial."""
        if name is not None:
            _check_name(name)
        with in_words(self._places.folder):
            self._make_folders()
            if self._current is not None:
                write_current(self._current, name)
                self._state = msgspec.structs.replace(self._state, current_cluster=name)
                return
            self._fold(lambda state: msgspec.structs.replace(state, current_cluster=name))

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
        if cluster not in self._tenancies:
            raise ValueError(f"the state of {cluster} is written only under its lock")
        self.check(cluster)
        tenancy = self._tenancies[cluster]
        with in_words(self._places.folder):
            if tenancy.overtaken:
                raise self._overtaken(cluster)
            if self._doubtful:
                self._catch_up(cluster)
        mark = self._marks.get(cluster, Mark())
        record = Record(
            version=RECORD_VERSION,
            n=mark.n + 1, cluster=cluster, serial=max(mark.serial, above) + 1, lineage=self._state.lineage,
            run=tenancy.run, kind=kind, fencing=mark.fencing, step=step, action=action, why=why,
            changes=changes, at=self._clock(), previous=mark.checksum,
        )  # fmt: skip
        self._state = self._written(cluster, record, self._after(record))
        self._unfolded += 1
        if self._unfolded >= max(self._fold_after, _entries(self._state)):
            self.snapshot()
        return record.n

    def _written(self, cluster: str, record: Record, state: State) -> State:
        """The state with a record that was written for good. `Locked` where its number was taken."""
        self._doubtful = True
        with in_words(self._places.folder):
            try:
                sealed = journal.append(self._disk, self._places.journal(cluster), record)
            except FileExistsError:
                # Another run took the lease over, or locks do not work here (some network file systems).
                raise self._overtaken(cluster) from None
            except OSError:
                self._see_overtaken(cluster)
                raise
        self._doubtful = False
        self._marks[cluster] = advance(self._marks.get(cluster, Mark()), sealed)
        return state

    def _after(self, record: Record) -> State:
        """The state after a record. One that could not be read again is a bug of the caller, said at once."""
        strange = foreign(record.cluster, record.changes)
        if strange is not None:
            raise ValueError(f"{type(strange).__name__} is not about {record.cluster} alone")
        state = replay(self._state, record)
        # Checking a whole state takes the longer the more nodes there are: only what can break it is checked.
        found = () if all(isinstance(done, HARMLESS) for done in record.changes) else problems(state)
        if found:
            raise ValueError(f"this would be a wrong state: {found[0].message}")
        return state

    def _take(self, cluster: str, lessee: Lessee, past: int, above: int) -> None:
        """Append the record that makes this run the lessee. Whoever is quicker has the number."""
        _check_name(cluster)
        lessee = msgspec.structs.replace(lessee, since=self._clock())
        for _ in range(_TRIES):
            with in_words(self._places.folder), contextlib.ExitStack() as held:
                kept = held.enter_context(contextlib.ExitStack())
                self._make_folders(cluster)
                loaded = self._load()
                mark = loaded.journals[cluster].mark
                if not past or mark.fencing != past:
                    before = self._disk.hold(self._places.lock(cluster, mark.fencing), lessee.who, wait=0.0)
                    held.callback(before.close)
                number = max(mark.fencing, above) + 1
                own = self._disk.hold(self._places.lock(cluster, number), lessee.who, wait=0.0)
                kept.callback(own.close)
                began = self._boot()
                self._adopt(self._set_aside(cluster, loaded))
                run = self._new_id()
                try:
                    self._lease(cluster, lessee, number, run)
                except FileExistsError:
                    continue
                tenancy = Tenancy(
                    cluster=cluster, run=run, lessee=lessee, number=number, hold=own, beaten=began
                )
                self._tenancies[cluster] = tenancy
                kept.pop_all()
                # Also the lock of the former lessee: nobody looks at it any more.
                tenancy.sweep(self._disk, self._places)
            try:
                # A disk that refuses already now is told before anything is done.
                self._snapshot()
                self.beat(cluster)
            except BaseException:
                self._tenancies.pop(cluster).close()
                raise
            return
        raise Locked(f"{cluster} is written by others all the time", hint="run this again")

    def _lease(self, cluster: str, lessee: Lessee, number: int, run: str) -> None:
        mark = self._marks.get(cluster, Mark())
        record = Record(
            version=RECORD_VERSION,
            n=mark.n + 1, cluster=cluster, serial=mark.serial, lineage=self._state.lineage, run=run,
            kind="lease", fencing=number, lessee=lessee, at=self._clock(), previous=mark.checksum,
        )  # fmt: skip
        sealed = journal.append(self._disk, self._places.journal(cluster), record)
        self._marks[cluster] = advance(mark, sealed)

    def _renew(self, cluster: str, tenancy: Tenancy) -> None:
        """Take the lease anew with a higher number, where nobody else did since this run's last record."""
        stopped, number = self._boot() - tenancy.beaten, self.fencing(cluster) + 1
        own = self._disk.hold(self._places.lock(cluster, number), tenancy.lessee.who, wait=0.0)
        began = self._boot()
        try:
            if self._doubtful:
                self._catch_up(cluster)
            self._lease(cluster, tenancy.lessee, number, tenancy.run)
        except FileExistsError:
            own.close()
            raise self._overtaken(cluster) from None
        except BaseException:
            own.close()
            raise
        tenancy.renewed(number, own, began)
        tenancy.sweep(self._disk, self._places)
        tenancy.beat(self._disk, self._places, at=self._clock(), began=began)
        self._notes[f"this run was stopped for {stopped:.0f} s; nobody took its lease, so it goes on"] = None

    def _close(self, cluster: str) -> None:
        """At the end of a run: fold what it wrote. One that was overtaken touches nothing."""
        if not self._tenancies[cluster].overtaken:
            self.snapshot()

    def _set_aside(self, cluster: str, loaded: Loaded) -> Loaded:
        """What was loaded, without the torn tail of a dead run."""
        folder = self._places.journal(cluster)
        for name in journal.set_aside(self._disk, folder, loaded.journals[cluster]):
            self._notes[
                f"the last record of {cluster}'s journal was torn; it was set aside as {folder / name}, "
                "and what it described is observed again"
            ] = None
        clean = msgspec.structs.replace(loaded.journals[cluster], torn=(), leftovers=())
        return msgspec.structs.replace(loaded, journals={**loaded.journals, cluster: clean})

    def _catch_up(self, cluster: str) -> None:
        """Read anew, after a record of which it is not known whether it was written."""
        loaded = self._load()
        if not self._is_ours(cluster, loaded.journals[cluster].mark):
            raise self._overtaken(cluster)
        self._adopt(self._set_aside(cluster, loaded))
        self._doubtful = False

    def _is_ours(self, cluster: str, found: Mark) -> bool:
        """Whether the journal ends where this run left it, or with the record of which it was in doubt."""
        known = self._marks.get(cluster, Mark())
        last = known.n + 1 if self._doubtful and found.run == self._tenancies[cluster].run else known.n
        return found.fencing == known.fencing and (
            found.n == last or (found.n, found.checksum) == (known.n, known.checksum)
        )

    def _see_overtaken(self, cluster: str) -> None:
        """`Locked` where another run took the lease over. Looks at names only: it is asked often."""
        tenancy = self._tenancies[cluster]
        beyond = journal.name_of(self._marks.get(cluster, Mark()).n + (2 if self._doubtful else 1))
        names = self._disk.names(self._places.journal(cluster))
        if tenancy.overtaken or any(one >= beyond for one in names if journal.NUMBERED.fullmatch(one)):
            raise self._overtaken(cluster)

    def _overtaken(self, cluster: str) -> Locked:
        """From now on this run writes nothing. The error that says so, and names who is at it."""
        tenancy = self._tenancies[cluster]
        tenancy.overtaken = True
        other = self.tenant(cluster).lessee
        who = other.words() if other else "another run"
        silent = self._boot() - tenancy.beaten
        stopped = f"this run was stopped for {silent:.0f} s and" if silent >= tenancy.acts else "meanwhile"
        return Locked(
            f"{cluster}: {stopped} another one took over: {who}",
            hint="nothing more was changed by this run; when the other one has ended, run this again",
        )

    def _fold(self, alter: Callable[[State], State], wait: float = _WAIT) -> None:
        with self._state_lock(wait):
            self._adopt(fold(self._disk, self._places, self._load(), alter, owner=self._owner))

    def _load(self) -> Loaded:
        loaded = load(self._disk, self._places)
        if loaded is None:
            raise DyniaError(f"{self._places.state} went away", hint="restore it; nothing else was changed")
        if self._state.lineage and loaded.version == VERSION and loaded.state.lineage != self._state.lineage:
            raise DyniaError(f"{self._places.state} was replaced by another state", hint="run this again")
        return loaded

    def _adopt(self, loaded: Loaded) -> None:
        """Be as of what was read. Where this run has a lease and the journal goes on without it, it has it no
        more: it must not go on from what another run wrote."""
        for name, tenancy in self._tenancies.items():
            found = loaded.journals.get(name)
            if found is None or not self._is_ours(name, found.mark):
                tenancy.overtaken = True
        self._state = loaded.state
        if self._current is not None:
            current = read_current(self._current)
            self._state = msgspec.structs.replace(loaded.state, current_cluster=current)
        self._marks = {name: found.mark for name, found in loaded.journals.items()}
        # A lease alone is not worth a snapshot.
        self._unfolded = sum(
            sealed.record.kind != "lease" for found in loaded.journals.values() for sealed in found.sealed
        )
        for name, found in loaded.journals.items():
            for torn in found.torn:
                self._notes[
                    f"the last record of {name}'s journal ({torn}) is torn; "
                    "the next apply sets it aside and observes again what it described"
                ] = None

    def _state_lock(self, wait: float) -> contextlib.closing[Hold]:
        path = self._places.home / "lock"
        return contextlib.closing(self._disk.hold(path, "a run that writes state.json", wait=wait))

    def _make_folders(self, cluster: str | None = None) -> None:
        """The folders that a write needs, durable: a record in a lost folder is a lost record."""
        places = self._places
        folders = [places.home, places.journals]
        if cluster is not None:
            folders += [places.journal(cluster), places.leases(cluster).parent, places.leases(cluster)]
        for folder in folders:
            self._disk.make_folder(folder)
            self._disk.sync_folder(folder.parent)


def _lessee(who: str | Lessee) -> Lessee:
    return Lessee(who=who, host=socket.gethostname(), pid=os.getpid()) if isinstance(who, str) else who


def _entries(state: State) -> int:
    parts = (state.clusters, state.nodes, state.deployments, state.routes, state.intents)
    return sum(len(part) for part in parts)


def _check_name(cluster: str) -> None:
    if not NAME.fullmatch(cluster):
        raise DyniaError(f"{cluster!r} can't be a cluster's name")
