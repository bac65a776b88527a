"""What a run knows of the state's files: as it last read them, and with what it wrote itself since."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from dynia.interfaces.errors import BadInput, DyniaError, Locked, NotKept, Refused
from dynia.state import journal
from dynia.state.current import read_current, write_current
from dynia.state.disk import Disk, replace
from dynia.state.loaded import Loaded, Places, fold, load, make_fresh
from dynia.state.lock import Hold
from dynia.state.model import VERSION, State
from dynia.state.record import Mark, Sealed, advance
from dynia.state.refused import in_words
from dynia.state.snapshot import snapshot_of, write_text
from dynia.state.tenancy import Tenancy

# To put the current cluster into state.json is worth waiting for; to fold is not.
_WAIT, _WAIT_TO_FOLD = 10.0, 1.0


class Kept:
    """For one thread. `marks` say where each cluster's journal ends, `tenancies` are the leases of this run.

    `unfolded` counts the records since the last snapshot; `doubtful`: it is not known whether the last one
    was written. `current` is a local file that keeps the current cluster where the state is shared.
    """

    def __init__(self, folder: Path, disk: Disk, *, owner: str, current: Path | None) -> None:
        self.places = Places(folder=folder)
        self.disk = disk
        self.owner = owner
        self.current = current
        self.state = State()
        self.marks: dict[str, Mark] = {}
        self.tenancies: dict[str, Tenancy] = {}
        self.notes: dict[str, None] = {}
        self.unfolded = 0
        self.doubtful = False

    def open(self, *, make: bool) -> None:
        """Read it. With `make` a first state is written where there is none, and an old version anew."""
        with in_words(self.places.folder):
            loaded = load(self.disk, self.places)
            if make and loaded is None:
                self.make_folders()
                make_fresh(self.disk, self.places, owner=self.owner)
                loaded = load(self.disk, self.places)
            if loaded is not None:
                self.adopt(loaded)
                if make and loaded.version != VERSION:
                    self.make_folders()
                    self._fold(lambda state: state)

    def mark(self, cluster: str) -> Mark:
        return self.marks.get(cluster, Mark())

    def wrote(self, cluster: str, sealed: Sealed) -> None:
        """A record is there for good."""
        self.marks[cluster] = advance(self.mark(cluster), sealed)

    def load(self) -> Loaded:
        """The files as they are now, which must be those of the state that was read first."""
        loaded = load(self.disk, self.places)
        if loaded is None:
            raise DyniaError(f"{self.places.state} went away", hint="restore it; nothing else was changed")
        if self.state.lineage and loaded.version == VERSION and loaded.state.lineage != self.state.lineage:
            raise DyniaError(f"{self.places.state} was replaced by another state", hint="run this again")
        return loaded

    def adopt(self, loaded: Loaded) -> None:
        """Be as of what was read. Where this run has a lease and the journal goes on without it, it has it no
        more: it must not go on from what another run wrote."""
        for name, tenancy in self.tenancies.items():
            found = loaded.journals.get(name)
            if found is None or not self.is_ours(name, found.mark):
                tenancy.overtaken = True
        self.state = loaded.state
        if self.current is not None:
            current = read_current(self.current)
            self.state = msgspec.structs.replace(loaded.state, current_cluster=current)
        self.marks = {name: found.mark for name, found in loaded.journals.items()}
        # A lease alone is not worth a snapshot.
        self.unfolded = sum(
            sealed.record.kind != "lease" for found in loaded.journals.values() for sealed in found.sealed
        )
        for name, found in loaded.journals.items():
            for torn in found.torn:
                self.notes[
                    f"the last record of {name}'s journal ({torn}) is torn; "
                    "the next apply sets it aside and observes again what it described"
                ] = None

    def is_ours(self, cluster: str, found: Mark) -> bool:
        """Whether the journal ends where this run left it, or with the record of which it was in doubt."""
        known = self.mark(cluster)
        last = known.n + 1 if self.doubtful and found.run == self.tenancies[cluster].run else known.n
        return found.fencing == known.fencing and (
            found.n == last or (found.n, found.checksum) == (known.n, known.checksum)
        )

    def set_aside(self, cluster: str, loaded: Loaded) -> Loaded:
        """What was loaded, without the torn tail of a dead run."""
        folder = self.places.journal(cluster)
        for name in journal.set_aside(self.disk, folder, loaded.journals[cluster]):
            self.notes[
                f"the last record of {cluster}'s journal was torn; it was set aside as {folder / name}, "
                "and what it described is observed again"
            ] = None
        clean = msgspec.structs.replace(loaded.journals[cluster], torn=(), leftovers=())
        return msgspec.structs.replace(loaded, journals={**loaded.journals, cluster: clean})

    def snapshot(self) -> None:
        """Fold every journal into state.json. Where somebody is at it, and be it for ever, or where the disk
        refuses, it is left to later: the records say the same."""
        try:
            self.fold()
        except (NotKept, BadInput) as error:
            self.unfolded = 0
            self.notes[
                f"state.json was not written anew: {error.message}. Its journal says the same; the next run "
                "does it"
            ] = None

    def fold(self) -> None:
        """The same, where what the disk refuses is to be told."""
        with in_words(self.places.folder):
            try:
                self._fold(lambda state: state, _WAIT_TO_FOLD)
            except Locked:
                self.unfolded = 0

    def write_current(self, name: str | None) -> None:
        """Set `currentCluster`. Needs no cluster's lock and moves no serial."""
        with in_words(self.places.folder):
            self.make_folders()
            if self.current is not None:
                write_current(self.current, name)
                self.state = msgspec.structs.replace(self.state, current_cluster=name)
                return
            self._fold(lambda state: msgspec.structs.replace(state, current_cluster=name))

    def take_lineage(self, lineage: str) -> None:
        """Be of this lineage. Only where nothing is recorded yet: one state has one lineage."""
        with in_words(self.places.folder):
            self.make_folders()
            with self._state_lock(_WAIT):
                loaded = self.load()
                if loaded.state.lineage == lineage:
                    return
                if loaded.state.clusters or loaded.marks():
                    raise Refused(
                        f"{self.places.state} is of lineage {loaded.state.lineage}, not of {lineage}",
                        hint=f"move it and {self.places.home} aside first; nothing was changed",
                    )
                fresh = State(lineage=lineage, current_cluster=loaded.state.current_cluster)
                data = write_text(snapshot_of(fresh, {}))
                replace(
                    self.disk,
                    self.places.state,
                    data,
                    temporary_folder=self.places.home,
                    owner=self.owner,
                )
                self.state = fresh
                self.adopt(self.load())

    def _fold(self, alter: Callable[[State], State], wait: float = _WAIT) -> None:
        with self._state_lock(wait):
            self.adopt(fold(self.disk, self.places, self.load(), alter, owner=self.owner))

    def _state_lock(self, wait: float) -> contextlib.closing[Hold]:
        path = self.places.home / "lock"
        return contextlib.closing(self.disk.hold(path, "a run that writes state.json", wait=wait))

    def make_folders(self, cluster: str | None = None) -> None:
        """The folders that a write needs, durable: a record in a lost folder is a lost record."""
        places = self.places
        folders = [places.home, places.journals]
        if cluster is not None:
            folders += [places.journal(cluster), places.leases(cluster).parent, places.leases(cluster)]
        for folder in folders:
            self.disk.make_folder(folder)
            self.disk.sync_folder(folder.parent)
