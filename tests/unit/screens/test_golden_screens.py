"""Every screen at 80 and 120 columns with NO_COLOR=1, printed to a file, against what is checked in.

After a change that is meant: ``DYNIA_UPDATE_GOLDEN=1 pytest tests/unit/screens``, then read the diff.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dynia.commands.screens.text import cells
from tests.unit.screens.catalogue import catalogue

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden_screens"
KINDS = sorted({name.split("/")[0] for name in catalogue()})
WIDTHS = (80, 120)


@functools.cache
def printed(width: int) -> dict[str, str]:
    """What the program wrote to a file, by kind of screen."""
    environ = {
        **os.environ,
        "COLUMNS": str(width),
        "NO_COLOR": "1",
        "TERM": "xterm-256color",
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
    }
    with tempfile.TemporaryFile() as file:
        subprocess.run(
            [sys.executable, "-m", "tests.unit.screens.print_all"],
            cwd=ROOT,
            env=environ,
            stdout=file,
            check=True,
        )
        file.seek(0)
        text = file.read().decode()
    kinds: dict[str, str] = {}
    for block in text.split("=== ")[1:]:
        kind = block.split("/")[0]
        kinds[kind] = kinds.get(kind, "") + f"=== {block}"
    return kinds


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_screen_is_what_was_reviewed(kind: str, width: int) -> None:
    path = GOLDEN / f"{kind}.{width}.txt"
    text = printed(width)[kind]
    if os.environ.get("DYNIA_UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = [line for text in printed(width).values() for line in text.splitlines()]
    assert len(lines) > 500
    assert [line for line in lines if cells(line) > width] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_a_file_gets_no_escape_byte_and_nothing_else_that_a_terminal_obeys(width: int) -> None:
    for text in printed(width).values():
        strange = {
            c for c in text if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2066")
        }
        assert strange == set()


def test_no_golden_file_is_left_over() -> None:
    names = {f"{kind}.{width}.txt" for kind in KINDS for width in WIDTHS}
    assert {path.name for path in GOLDEN.iterdir()} == names


@pytest.mark.parametrize("width", [40, 57, 80, 120, 200])
def test_colour_changes_no_character_and_no_width(width: int) -> None:
    for name, screen in catalogue().items():
        bare, colored = screen(width, False), screen(width, True)
        assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == bare, name
        assert all(cells(line) <= width for line in bare.splitlines()), name


def test_a_terminal_gets_colour() -> None:
    screens = catalogue()
    assert "\x1b[" in screens["plan/drift-and-pending"](80, True)
    assert "\x1b[" in screens["status/trouble"](80, True)
