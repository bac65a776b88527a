"""A reader takes no lock: whatever a writer does in the middle of its reading, it sees one true moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynia.interfaces.errors import DyniaError
from dynia.state.store import open_store
from tests.fakes.disk import FakeDisk
from tests.fakes.states import born, recorded

HOME = Path("/team")


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_reader_that_is_overtaken_by_a_fold_at_any_step_still_sees_everything_acknowledged(goes_on):
    for k in range(1, reading_steps() + 1):
        overtaken_at(k, goes_on)


def overtaken_at(k, goes_on):
    disk, writer, held = written()

    def overtake(step: int, what: str) -> None:
        if step == k:
            disk.before = lambda step, what: None
            writer.snapshot()
            if goes_on:
                writer.write("prod", born("prod", 9), "one more")

    disk.steps, disk.before = 0, overtake
    reader = open_store(HOME, disk=disk)
    assert len(reader.state.nodes_of("prod")) in (8, 9), k
    assert reader.notes == ()
    held.__exit__(None, None, None)


def test_a_state_that_changes_at_every_look_is_given_up_on_with_a_clear_error():
    disk, writer, _ = written()
    numbers = iter(range(10, 10_000))

    def always(step: int, what: str) -> None:
        if what.startswith("list"):
            disk.before = lambda step, what: None
            writer.write("prod", born("prod", next(numbers)), "one more")
            writer.snapshot()
            disk.before = always

    disk.before = always
    with pytest.raises(DyniaError, match="changes faster than it can be read"):
        open_store(HOME, disk=disk)


def reading_steps() -> int:
    disk, _, _ = written()
    disk.steps = 0
    open_store(HOME, disk=disk)
    return disk.steps


def written():
    """A disk on which a run holds prod and has written nine records that are not folded yet."""
    disk = FakeDisk()
    disk.make_folder(HOME)
    writer = open_store(HOME, disk=disk)
    held = writer.lock("prod", "the writer")
    held.__enter__()
    writer.write("prod", recorded("prod"), "cluster recorded")
    for ordinal in range(1, 9):
        writer.write("prod", born("prod", ordinal), "a node")
    return disk, writer, held
