"""The folder of drift reports: whole files, one cluster, a memory that survives what lies there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dynia.commands.drift_folder import RUNS, SET_ASIDE, DriftFolder
from dynia.interfaces.errors import DyniaError, Refused
from dynia.services.planning.drift_runs import Run

RUN = Run(cluster="prod", at=1, code=0)


def folder(path: Path, said: list[str], cluster: str = "prod") -> DriftFolder:
    return DriftFolder(path, cluster, said.append)


def test_it_is_made_and_what_was_written_is_known_the_next_time(tmp_path: Path) -> None:
    said: list[str] = []
    place = folder(tmp_path / "a" / "b", said)
    assert place.open() == ()
    place.write({"drift.txt": b"one"}, (RUN,))
    assert place.open() == (RUN,) and said == []
    assert sorted(path.name for path in place.path.iterdir()) == ["drift.txt", RUNS]


def test_a_file_is_replaced_whole_and_never_written_through_a_link(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "drift.txt").symlink_to(other)
    folder(tmp_path / "reports", []).write({"drift.txt": b"new"}, (RUN,))
    assert other.read_text() == "mine"
    assert (tmp_path / "reports" / "drift.txt").read_bytes() == b"new"


@pytest.mark.parametrize("torn", [b'{"cluster":"prod","at"', b"\xff\xfe", b"[" * 10_000, b'{"cluster":1}'])
def test_a_damaged_memory_is_set_aside_with_a_word_and_what_is_whole_is_kept(
    tmp_path: Path, torn: bytes
) -> None:
    said: list[str] = []
    place = folder(tmp_path, said)
    place.write({}, (RUN,))
    damaged = (tmp_path / RUNS).read_bytes() + torn
    (tmp_path / RUNS).write_bytes(damaged)
    assert place.open() == (RUN,)
    assert (tmp_path / SET_ASIDE).read_bytes() == damaged and not (tmp_path / RUNS).exists()
    assert len(said) == 1 and f"set aside as {SET_ASIDE}" in said[0]


def test_what_is_no_file_hangs_nobody(tmp_path: Path) -> None:
    said: list[str] = []
    os.mkfifo(tmp_path / RUNS)
    assert folder(tmp_path, said).open() == ()
    assert said and not (tmp_path / RUNS).exists()


def test_the_reports_of_another_cluster_are_not_overwritten(tmp_path: Path) -> None:
    folder(tmp_path, []).write({}, (RUN,))
    with pytest.raises(Refused, match="holds the reports of cluster prod"):
        folder(tmp_path, [], "staging").open()


def test_a_place_that_is_no_folder_is_told_before_anything_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DyniaError, match="can't be written into") as caught:
        folder(tmp_path / "file", []).open()
    assert "--report DIR" in caught.value.hint
