"""An edited file is written whole, where nobody changed it meanwhile, and keeps mode and links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dynia.interfaces.errors import DyniaError, Stale
from dynia.interfaces.files.look import Absent, Regular, look_on_disk
from dynia.interfaces.files.rewrite import FileEdit, looking_past, write_edit


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_the_content_is_new_and_mode_and_neighbours_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "clusters.yaml"
    file.write_bytes(b"old")
    file.chmod(0o640)
    number = file.stat().st_ino
    write_edit(FileEdit(path=str(file), before=b"old", after=b"new"))
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o7777 == 0o640
    assert file.stat().st_ino != number, "it was written in place: a crash would leave half of it"
    assert names(tmp_path) == ["clusters.yaml"]


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "c.yaml").write_bytes(b"old")
    (tmp_path / "clusters.yaml").symlink_to("real/c.yaml")
    write_edit(FileEdit(path=str(tmp_path / "clusters.yaml"), before=b"old", after=b"new"))
    assert (tmp_path / "clusters.yaml").is_symlink()
    assert (tmp_path / "real" / "c.yaml").read_bytes() == b"new"


@pytest.mark.parametrize("before", [b"old", None])
def test_what_somebody_wrote_meanwhile_is_not_written_over(tmp_path: Path, before: bytes | None) -> None:
    file = tmp_path / "clusters.yaml"
    file.write_bytes(b"theirs")
    with pytest.raises(Stale) as caught:
        write_edit(FileEdit(path=str(file), before=before, after=b"new"))
    assert caught.value.exit_code == 6
    assert file.read_bytes() == b"theirs"
    assert names(tmp_path) == ["clusters.yaml"]


def test_a_file_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(Stale):
        write_edit(FileEdit(path=str(tmp_path / "clusters.yaml"), before=b"old", after=b"new"))
    assert names(tmp_path) == []


def test_a_new_file_is_made(tmp_path: Path) -> None:
    write_edit(FileEdit(path=str(tmp_path / "clusters.yaml"), before=None, after=b"new"))
    assert (tmp_path / "clusters.yaml").read_bytes() == b"new"
    assert names(tmp_path) == ["clusters.yaml"]


def test_a_folder_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(DyniaError, match="cannot be written: No such file or directory"):
        write_edit(FileEdit(path=str(tmp_path / "no" / "c.yaml"), before=None, after=b"new"))


def test_the_world_is_seen_as_if_it_were_written(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_bytes(b"old")
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    look = looking_past(FileEdit(path=str(tmp_path / "link.yaml"), before=b"old", after=b"newer"))
    for name in ("link.yaml", "real.yaml"):
        seen = look(str(tmp_path / name), follow=True)
        assert isinstance(seen, Regular) and (seen.content, seen.size) == (b"newer", 5)
    assert isinstance(look(str(tmp_path / "none")), Absent)
    untouched = look_on_disk(str(tmp_path / "real.yaml"))
    assert isinstance(untouched, Regular) and untouched.content == b"old"


def test_the_diff_is_short_and_says_what_is_new(tmp_path: Path) -> None:
    lines = [f"line {n}" for n in range(20)]
    old = "\n".join(lines).encode()
    new = old.replace(b"line 9\n", b"line nine\n")
    assert FileEdit(path="c.yaml", before=old, after=new).diff() == [
        "--- c.yaml",
        "+++ c.yaml",
        "@@ -8,5 +8,5 @@",
        " line 7",
        " line 8",
        "-line 9",
        "+line nine",
        " line 10",
        " line 11",
    ]
    assert FileEdit(path="c.yaml", before=None, after=b"a\n").diff()[:2] == ["--- /dev/null", "+++ c.yaml"]
