"""The journal of one cluster as it lies on disk: read, checked link by link, and written record by record."""

from __future__ import annotations

import contextlib
import errno
import re
from pathlib import Path

import msgspec

from dynia.interfaces.errors import BadInput, Mistake
from dynia.interfaces.shape import Shape
from dynia.state import mistakes
from dynia.state.disk import Disk, create, is_temporary
from dynia.state.record import (
    RECORD_VERSION,
    Envelope,
    Mark,
    Record,
    Sealed,
    advance,
    checksum_of,
    encode,
    foreign,
)

RECORD_LIMIT = 16 * 1024 * 1024
NUMBERED = re.compile(r"[0-9]{8,}\.json")


class Journal(Shape):
    """What of a cluster's journal is not in the snapshot yet.

    `folded` are the names of records that are in it and may go; `torn` those of a tail that can't be
    read; `leftovers` are temporary files of a dead run. `mark` is where the good records end.
    """

    mark: Mark
    sealed: tuple[Sealed, ...] = ()
    folded: tuple[str, ...] = ()
    torn: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()


class Vanished(Exception):
    """A record went away while it was read: somebody has folded it. Read the snapshot again."""


def read_journal(disk: Disk, folder: Path, cluster: str, lineage: str, mark: Mark) -> Journal:
    """Everything after `mark`. `BadInput` where a record is wrong and it is not just a torn tail."""
    try:
        names = disk.names(folder)
    except NotADirectoryError:
        raise BadInput((mistakes.no_folder(folder),)) from None
    numbers = {int(name[:-5]): name for name in names if NUMBERED.fullmatch(name)}
    after = sorted(n for n in numbers if n > mark.n)
    good: list[Sealed] = []
    broken: list[tuple[str, Mistake]] = []
    reached = mark
    for n in after:
        path = folder / numbers[n]
        data = _read(disk, path)
        found = _unseal(path, data)
        if isinstance(found, Mistake):
            broken.append((numbers[n], found))
            continue
        if broken:
            raise BadInput((broken[0][1],))
        problem = _problem(path, found.record, cluster, lineage, reached)
        if problem is not None:
            key, rule, message = problem
            raise BadInput(
                (mistakes.at(path, data.decode(), ("record", key), message, rule=rule, hint=_KEEP),)
            )
        good.append(found)
        reached = advance(reached, found)
    return Journal(
        mark=reached,
        sealed=tuple(good),
        folded=tuple(numbers[n] for n in sorted(numbers) if n <= mark.n),
        torn=tuple(name for name, _ in broken),
        leftovers=tuple(name for name in names if is_temporary(name)),
    )


def append(disk: Disk, folder: Path, record: Record) -> Sealed:
    """Write one record for good. `FileExistsError` where its number is taken, or was taken by others who have
    gone on and swept their record up since: then this one counts for nobody."""
    data, checksum = encode(record)
    name = name_of(record.n)
    create(disk, folder / name, data, owner=record.run)
    if any(one > name for one in disk.names(folder) if NUMBERED.fullmatch(one)):
        raise FileExistsError(errno.EEXIST, "a later record is there", str(folder / name))
    return Sealed(record=record, checksum=checksum)


def set_aside(disk: Disk, folder: Path, journal: Journal) -> tuple[str, ...]:
    """Rename the torn tail to ``*.torn`` and sweep up what a dead run left; the new names."""
    taken = set(disk.names(folder))
    new_names = []
    for name in journal.torn:
        stem = name.removesuffix(".json")
        tries = (f"{stem}.torn", *(f"{stem}-{k}.torn" for k in range(2, 10_000)))
        free = next(name for name in tries if name not in taken)
        disk.rename(folder / name, folder / free)
        taken.add(free)
        new_names.append(free)
    for name in journal.leftovers:
        disk.remove(folder / name)
    if journal.torn:
        disk.sync_folder(folder)
    return tuple(new_names)


def sweep(disk: Disk, folder: Path, names: tuple[str, ...]) -> None:
    """Delete folded records. Not all gone is no harm: the snapshot says which of them count."""
    with contextlib.suppress(OSError):
        for name in names:
            disk.remove(folder / name)


def name_of(n: int) -> str:
    return f"{n:08d}.json"


def _read(disk: Disk, path: Path) -> bytes:
    try:
        return disk.read(path, RECORD_LIMIT)
    except FileNotFoundError as error:
        raise Vanished from error
    except OSError as error:
        raise BadInput((mistakes.unreadable(path, error, RECORD_LIMIT),)) from error


def _unseal(path: Path, data: bytes) -> Sealed | Mistake:
    """A record whose checksum holds, or why it is no record (which in a tail only means: torn)."""
    try:
        envelope = msgspec.json.decode(data, type=Envelope)
        text = data.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return mistakes.plain(path, "torn-record", "this record is torn or was changed by hand", hint=_KEEP)
    if checksum_of(bytes(envelope.record)) != envelope.checksum:
        message = "the checksum does not fit the record: it was changed by hand or damaged"
        return mistakes.at(path, text, ("checksum",), message, rule="checksum", hint=_KEEP)
    version = _version_of(envelope.record)
    if version > RECORD_VERSION:
        raise BadInput((mistakes.newer(path, text, ("record", "version"), version),))
    try:
        record = msgspec.json.decode(envelope.record, type=Record)
    except msgspec.ValidationError as error:
        tree = mistakes.tree_of(text)
        raise BadInput((mistakes.of_shape(path, text, tree, error, base=("record",)),)) from error
    return Sealed(record=record, checksum=envelope.checksum)


class _Versioned(msgspec.Struct):
    """Of a record only what every version has."""

    version: int = 0


def _version_of(raw: msgspec.Raw) -> int:
    try:
        return msgspec.json.decode(raw, type=_Versioned).version
    except msgspec.ValidationError:
        return 0


def _problem(
    path: Path, record: Record, cluster: str, lineage: str, mark: Mark
) -> tuple[str, str, str] | None:
    """Why a whole record does not belong here: the key, the rule, and the message."""
    if record.version != RECORD_VERSION:
        return "version", "version", f"there is no record version {record.version}"
    if record.lineage != lineage:
        return "lineage", "lineage", f"this record is of lineage {record.lineage}, state.json is of {lineage}"
    if record.cluster != cluster:
        return "cluster", "record-cluster", f"this record is of cluster {record.cluster}, not of {cluster}"
    if path.name != name_of(record.n):
        return "n", "record-number", f"this is record {record.n}: the file was renamed"
    if record.n != mark.n + 1:
        missing = (
            f"record {mark.n + 1} is"
            if record.n == mark.n + 2
            else f"records {mark.n + 1} to {record.n - 1} are"
        )
        return "n", "record-gap", f"{missing} missing before this one"
    follows = mark.serial + (record.kind != "lease")
    # A note may leave some out: a state that was made again goes on where nodes were told that it was.
    if record.serial < follows or (record.serial > follows and record.kind != "note"):
        return "serial", "serial", f"serial {record.serial} does not follow {mark.serial}"
    if record.previous != mark.checksum:
        return "previous", "chain", "this record was not written after the one before it"
    if record.fencing < mark.fencing or (record.fencing > mark.fencing) != (record.kind == "lease"):
        return "fencing", "fencing", f"fencing number {record.fencing} does not follow {mark.fencing}"
    strange = foreign(cluster, record.changes)
    if strange is not None:
        return "changes", "record-change", f"a {type(strange).__name__} that is not about {cluster} alone"
    return None


_KEEP = "state.json and its journal belong together: restore both from the same backup"
