"""Saved plans on disk: written whole, over nothing but another one, and read without being hung or filled up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dynia.interfaces import plan_file
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.plan_file import check_writable, read_plan, write_plan
from tests.unit.screens import samples
from tests.unit.services.test_saved_plan import GOOD, saved


def test_what_was_written_is_read_and_another_one_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "prod.plan"
    write_plan(path, GOOD)
    assert read_plan(path) == GOOD
    other = saved(samples.SCALE)
    write_plan(path, other)
    assert read_plan(path) == other
    assert [p.name for p in tmp_path.iterdir()] == ["prod.plan"]
    assert path.stat().st_mode & 0o777 & ~0o644 == 0


@pytest.mark.parametrize("what", ["text", "empty", "json", "folder", "link", "fifo"])
def test_nothing_else_is_overwritten(tmp_path: Path, what: str) -> None:
    path, other = tmp_path / "clusters.yaml", tmp_path / "other.plan"
    write_plan(other, GOOD)
    match what:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(other)
        case "fifo":
            os.mkfifo(path)
        case _:
            path.write_text({"text": "clusters: {}\n", "empty": "", "json": "{}"}[what])
    before = path.lstat()
    for deed in (lambda: check_writable(path), lambda: write_plan(path, GOOD)):
        with pytest.raises(Refused, match="no saved plan"):
            deed()
    assert path.lstat() == before and read_plan(other) == GOOD


def test_a_folder_that_is_not_there_is_said_before_any_look_at_the_world(tmp_path: Path) -> None:
    with pytest.raises(DyniaError, match="there is no folder"):
        check_writable(tmp_path / "plans" / "prod.plan")
    with pytest.raises(DyniaError, match="can't be written: not a directory"):
        (tmp_path / "file").touch()
        check_writable(tmp_path / "file" / "prod.plan")
    check_writable(tmp_path / "prod.plan")
    assert not (tmp_path / "prod.plan").exists()


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DyniaError, match="there is no saved plan"):
        read_plan(tmp_path / "none.plan")
    with pytest.raises(DyniaError, match="it is a folder"):
        read_plan(tmp_path)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(DyniaError, match="not a regular file"):
        read_plan(fifo)
    with pytest.raises(DyniaError, match="not a regular file"):
        read_plan(Path("/dev/zero"))
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(DyniaError, match="can't be read"):
        read_plan(loop)


def test_a_huge_file_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = tmp_path / "huge.plan"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DyniaError, match="larger than 64 MiB"):
        read_plan(huge)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "prod.plan"
    write_plan(path, GOOD)
    (tmp_path / f".prod.plan.{os.getpid()}.tmp").touch()
    with pytest.raises(DyniaError, match="can't be written: file exists"):
        write_plan(path, saved(samples.SCALE))
    assert read_plan(path) == GOOD
    assert plan_file.LIMIT == 64 * 2**20
