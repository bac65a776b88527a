"""What the tests of the door share: an `Output` on files, where nobody can answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dynia.commands.output import Output


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Output]:
    """Writes to `out` and `err` in tmp_path, as in CI."""
    (tmp_path / "in").touch()
    with (
        (tmp_path / "out").open("w") as out,
        (tmp_path / "err").open("w") as err,
        (tmp_path / "in").open() as none,
    ):
        yield Output(out, err, none, {})
