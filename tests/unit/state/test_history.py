"""The history's files: bounded whatever is told, the newest stay, and a number is never given twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.errors import DyniaError
from dynia.state.history import LIMIT, MOST_BYTES, MOST_RUNS, History
from dynia.state.loaded import Places
from tests.fakes.disk import FakeDisk, PowerCut, best, worst

HOME = Path("/team")
FOLDER = HOME / ".dynia" / "history" / "prod"


def new_disk() -> FakeDisk:
    disk = FakeDisk()
    disk.make_folder(HOME)
    disk.sync_folder(Path("/"))
    return disk


def history(disk: FakeDisk, owner: str = "me", **bounds: int) -> History:
    return History(disk, Places(folder=HOME), "prod", owner=owner, **bounds)


def held(disk: FakeDisk) -> dict[str, bytes]:
    return {name: disk.read(FOLDER / name, MOST_BYTES) for name in disk.names(FOLDER)}


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 300), st.none() | st.integers(1, 300)), max_size=25))
def test_it_stays_within_its_bounds_and_what_it_keeps_is_the_newest(
    told: list[tuple[int, int | None]],
) -> None:
    disk = new_disk()
    kept = history(disk, most_runs=5, most_bytes=1000)
    for place, (begun, ended) in enumerate(told):
        number = kept.begin(b"b" * begun)
        assert number == place + 1
        if ended is not None:
            kept.end(number, b"e" * ended)
        assert sum(map(len, held(disk).values())) <= 1000
        numbers = kept.numbers()
        assert numbers == tuple(range(number, number - len(numbers), -1)) and len(numbers) <= 5
        assert kept.read(number).begun == b"b" * begun


def test_it_keeps_as_much_as_it_may() -> None:
    disk = new_disk()
    kept = history(disk, most_runs=5, most_bytes=1000)
    for _ in range(9):
        kept.begin(b"b" * 200)
    assert kept.numbers() == (9, 8, 7, 6, 5)
    kept.begin(b"b" * 600)
    assert kept.numbers() == (10, 9, 8)


def test_its_bounds_are_those_of_the_docs() -> None:
    assert (MOST_RUNS, MOST_BYTES) == (200, 20 * 1024 * 1024) and 3 * LIMIT < MOST_BYTES
    said = (Path(__file__).resolve().parents[3] / "docs" / "operating.md").read_text(encoding="utf-8")
    assert "200 runs" in said and "20 MB" in said


def test_two_that_begin_at_once_have_two_numbers() -> None:
    disk = new_disk()
    mine, theirs = history(disk), history(disk, "them")
    assert mine.begin(b"first") == 1
    # They looked before the first was there.
    theirs.numbers = lambda: ()  # type: ignore[method-assign]
    assert theirs.begin(b"second") == 2
    assert [mine.read(n).begun for n in (1, 2)] == [b"first", b"second"]


def test_what_others_put_there_is_neither_read_nor_taken_away() -> None:
    disk = new_disk()
    kept = history(disk, most_runs=2)
    kept.begin(b"x")
    for name in ("notes.txt", "1.json", "00000001.json.bak", "x00000009.json"):
        disk.write(FOLDER / name, b"theirs")
    for _ in range(3):
        kept.begin(b"x")
    assert kept.numbers() == (4, 3)
    assert {"notes.txt", "1.json", "00000001.json.bak", "x00000009.json"} <= set(disk.names(FOLDER))
    with pytest.raises(DyniaError, match="there is no run 1"):
        kept.read(1)


def test_what_a_killed_writer_left_goes_with_its_run() -> None:
    disk = new_disk()
    kept = history(disk, most_runs=2)
    kept.begin(b"x")
    disk.write(FOLDER / "00000001-end.json.other.tmp", b"half")
    for _ in range(2):
        kept.begin(b"x")
    assert disk.names(FOLDER) == ["00000002.json", "00000003.json"]


def test_wherever_the_power_goes_a_run_is_there_whole_or_not_at_all() -> None:
    """Its bytes are synced before they have a name, so nothing is ever torn."""
    at = 0
    while True:
        at += 1
        disk = new_disk()
        history(disk).begin(b"before" * 9)
        last = disk.steps + at

        def off(step: int, what: str, last: int = last) -> None:
            if step >= last:
                raise PowerCut

        disk.before = off
        try:
            kept = history(disk)
            kept.end(kept.begin(b"begun" * 9), b"ended" * 9)
        except PowerCut:
            ended = False
        else:
            ended = True
        for after in (best(disk), worst(disk)):
            kept = history(after)
            assert kept.read(1).begun == b"before" * 9
            for number in kept.numbers():
                found = kept.read(number)
                assert found.begun in (b"before" * 9, b"begun" * 9) and found.ended in (b"", b"ended" * 9)
            assert kept.numbers() == (2, 1) or not ended
        if ended:
            assert at > 10
            return
