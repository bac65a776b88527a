"""The state as its files say it at one moment: snapshot and journals read together, and folded together."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec

from dynia.interfaces.errors import BadInput, DyniaError
from dynia.interfaces.shape import Shape
from dynia.state import journal, mistakes
from dynia.state.checks import NAME
from dynia.state.disk import Disk, create, is_temporary, replace
from dynia.state.journal import Journal, Vanished
from dynia.state.model import VERSION, State
from dynia.state.record import Mark, replay
from dynia.state.snapshot import STATE_LIMIT, mark_of, read_text, snapshot_of, state_of, write_text

_TRIES = 50
# So many takings of a lease, by runs that wrote nothing else, make no new snapshot.
_LEASES_KEPT = 100


class Places(Shape):
    """Where everything lies, beside clusters.yaml."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    @property
    def home(self) -> Path:
        return self.folder / ".dynia"

    @property
    def journals(self) -> Path:
        return self.home / "journal"

    @property
    def drills(self) -> Path:
        return self.home / "drills"

    @property
    def histories(self) -> Path:
        return self.home / "history"

    def journal(self, cluster: str) -> Path:
        return self.journals / cluster

    def leases(self, cluster: str) -> Path:
        return self.home / "lease" / cluster

    def lock(self, cluster: str, fencing: int) -> Path:
        """Held by the process that has this lease. A file of its own for each number: so one that is frozen,
        and holds it for ever, is not in the way of the next."""
        return self.leases(cluster) / f"{fencing:08d}.lock"

    def beat(self, cluster: str, fencing: int) -> Path:
        return self.leases(cluster) / f"{fencing:08d}.beat"


class Loaded(Shape):
    """What was read. `data` is state.json as it lay there, in the version `version`."""

    data: bytes
    version: int
    state: State
    journals: dict[str, Journal]

    def marks(self) -> dict[str, Mark]:
        return {name: found.mark for name, found in self.journals.items() if found.mark.n}


def load(disk: Disk, places: Places) -> Loaded | None:
    """Read it all without a lock; nothing where there is no state yet.

    Records go away only after the snapshot that contains them is there. So if the snapshot is the same
    after the journals were read as before, they belong together; else read again.
    """
    for _ in range(_TRIES):
        data = _read(disk, places)
        if data is None:
            if not _has_records(disk, places):
                return None
            if _read(disk, places) is None:
                raise BadInput((mistakes.lost_snapshot(places.state),))
            continue
        snapshot, version = read_text(places.state, data, uuid.uuid4().hex)
        try:
            journals = {
                name: journal.read_journal(
                    disk, places.journal(name), name, snapshot.lineage, mark_of(snapshot, name)
                )
                for name in sorted({*snapshot.journal, *_clusters(disk, places)})
            }
        except (Vanished, BadInput):
            if _read(disk, places) != data:
                continue
            raise
        if _read(disk, places) != data:
            continue
        state = state_of(snapshot)
        for found in journals.values():
            for sealed in found.sealed:
                state = replay(state, sealed.record)
        return Loaded(data=data, version=version, state=state, journals=journals)
    raise DyniaError(f"{places.state} changes faster than it can be read", hint="run this again")


def make_fresh(disk: Disk, places: Places, *, owner: str) -> None:
    """The first state: empty, with a lineage of its own. Another run may be quicker; then it is theirs."""
    data = write_text(snapshot_of(State(lineage=uuid.uuid4().hex), {}))
    with contextlib.suppress(FileExistsError):
        create(disk, places.state, data, owner=owner, temporary_folder=places.home)


def fold(
    disk: Disk, places: Places, loaded: Loaded, alter: Callable[[State], State], *, owner: str
) -> Loaded:
    """Put what was loaded into state.json, then delete the records that it contains, but for the newest: by
    it a writer sees that it was overtaken (`journal.append`).

    Only under the lock of state.json. `alter` changes what belongs to no cluster.
    """
    state = alter(loaded.state)
    if state == loaded.state and loaded.version == VERSION and _only_leases(loaded):
        return loaded
    if loaded.version != VERSION:
        # What an older Dynia wrote stays readable for it, beside the journal.
        with contextlib.suppress(FileExistsError):
            create(disk, places.home / f"state-version-{loaded.version}.json", loaded.data, owner=owner)
    data = write_text(snapshot_of(state, loaded.marks()))
    if data != loaded.data:
        replace(disk, places.state, data, temporary_folder=places.home, owner=owner)
        _sweep_temporary(disk, places)
    journals = {}
    for name, found in loaded.journals.items():
        done = (*found.folded, *(journal.name_of(sealed.record.n) for sealed in found.sealed))
        kept = journal.name_of(found.mark.n)
        journal.sweep(disk, places.journal(name), tuple(one for one in done if one != kept))
        journals[name] = msgspec.structs.replace(found, sealed=(), folded=())
    return Loaded(data=data, version=VERSION, state=state, journals=journals)


def _sweep_temporary(disk: Disk, places: Places) -> None:
    """What runs that died in the middle of a snapshot left. Nobody else is at it: state.json is locked."""
    with contextlib.suppress(OSError):
        for name in disk.names(places.home):
            if name.startswith("state") and is_temporary(name):
                disk.remove(places.home / name)


def _only_leases(loaded: Loaded) -> bool:
    """Nothing that the state tells has changed: a run that did nothing leaves no trace in state.json."""
    records = [sealed.record for found in loaded.journals.values() for sealed in found.sealed]
    return 0 < len(records) <= _LEASES_KEPT and all(one.kind == "lease" for one in records)


def _read(disk: Disk, places: Places) -> bytes | None:
    try:
        return disk.read(places.state, STATE_LIMIT)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput((mistakes.unreadable(places.state, error, STATE_LIMIT),)) from error


def _clusters(disk: Disk, places: Places) -> list[str]:
    try:
        return [name for name in disk.names(places.journals) if NAME.fullmatch(name)]
    except NotADirectoryError:
        raise BadInput((mistakes.no_folder(places.journals),)) from None


def _has_records(disk: Disk, places: Places) -> bool:
    return any(
        journal.NUMBERED.fullmatch(name)
        for cluster in _clusters(disk, places)
        for name in disk.names(places.journal(cluster))
    )
