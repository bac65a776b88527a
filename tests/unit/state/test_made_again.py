"""What the store does for a state that is made again: another lineage, and a serial that leaves numbers out."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.errors import BadInput, Refused
from dynia.state.journal import name_of
from dynia.state.record import Envelope, Record, encode
from dynia.state.store import open_store
from tests.fakes import states
from tests.fakes.cloud import HOME, fresh_disk

LINEAGE = "f" * 32


def test_a_state_that_records_nothing_takes_the_lineage_and_stays_readable() -> None:
    disk = fresh_disk()
    store = open_store(HOME, disk=disk)
    store.take_lineage(LINEAGE)
    store.take_lineage(LINEAGE)
    assert store.state.lineage == LINEAGE == open_store(HOME, disk=disk).state.lineage
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
    assert open_store(HOME, disk=disk).state.lineage == LINEAGE


def test_one_that_records_something_keeps_its_own() -> None:
    disk = fresh_disk()
    store = open_store(HOME, disk=disk)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
    before = disk.files()
    with pytest.raises(Refused, match="is of lineage"):
        store.take_lineage(LINEAGE)
    assert disk.files() == before


def test_one_whose_journal_was_only_begun_keeps_its_own_too() -> None:
    """Its records would be of another lineage than the snapshot, and nobody could read it again."""
    disk = fresh_disk()
    store = open_store(HOME, disk=disk)
    with store.lock("prod", "test"):
        pass
    with pytest.raises(Refused, match="is of lineage"):
        store.take_lineage(LINEAGE)
    assert open_store(HOME, disk=disk).state.lineage == store.state.lineage


def test_a_note_goes_on_above_a_serial_and_is_read_again() -> None:
    disk = fresh_disk()
    store = open_store(HOME, disk=disk)
    with store.lock("prod", "test", above=7):
        store.write("prod", states.recorded("prod"), "because", above=120)
        assert open_store(HOME, disk=disk, make=False).serial("prod") == 121
        store.write("prod", states.begun("prod", 1), "because", above=3)
    again = open_store(HOME, disk=disk)
    assert (again.serial("prod"), again.state.clusters[0].serial, again.fencing("prod")) == (122, 122, 8)


def test_nothing_but_a_note_leaves_numbers_out() -> None:
    disk = fresh_disk()
    store = open_store(HOME, disk=disk)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
    folder = HOME / ".dynia" / "journal" / "prod"
    last = msgspec.json.decode(disk.read(folder / disk.names(folder)[-1], 100_000), type=Envelope)
    record = msgspec.json.decode(last.record, type=Record)
    jumped = msgspec.structs.replace(
        record, n=record.n + 1, serial=record.serial + 5, kind="end", changes=(), previous=last.checksum
    )
    disk.write(folder / name_of(jumped.n), encode(jumped)[0])
    with pytest.raises(BadInput, match="does not follow"):
        open_store(HOME, disk=disk, make=False)


def test_where_only_the_snapshot_is_lost_it_is_said_what_to_do() -> None:
    disk = fresh_disk()
    store = open_store(HOME, disk=disk)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
    disk.remove(HOME / "state.json")
    with pytest.raises(BadInput) as refused:
        open_store(HOME, disk=disk, make=False)
    assert "dynia state rebuild" in refused.value.mistakes[0].hint
