"""Progress: redrawn only on a terminal, a heartbeat in quiet times, and JSON lines that are the events."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from dynia.commands.output import Output
from dynia.commands.reporting import HEARTBEAT_S, JsonLines, Live, Plain, reporter_for
from dynia.commands.screens.board import Board
from dynia.interfaces.events import Event, StepProgress
from dynia.interfaces.requests import ProgressKind
from tests.unit.cli.terminals import terminal
from tests.unit.screens.more_samples import GONE_WRONG, RUNS, UNDER_WAY
from tests.unit.screens.samples import NOW


def test_plain_lines_carry_the_time_and_a_heartbeat_says_how_long_it_still_may(nobody: Output) -> None:
    reporter = Plain(nobody, (lines := list[str]()).append)
    for event in UNDER_WAY:
        reporter.take(event)
    told = len(lines)
    assert all(re.match(r"\d\d:\d\d:\d\dZ |  ", line) for line in lines)
    last = UNDER_WAY[-1].at
    reporter.tick(last + HEARTBEAT_S - 0.1)
    assert len(lines) == told
    reporter.tick(last + HEARTBEAT_S)
    assert "still at: wait for api to be healthy, 10 s of at most 75 s" in lines[-1]
    reporter.tick(last + HEARTBEAT_S + 1)
    assert len(lines) == told + 1
    reporter.tick(last + 2 * HEARTBEAT_S)
    assert len(lines) == told + 2


def test_a_finished_run_has_no_heart(nobody: Output) -> None:
    reporter = Plain(nobody, (lines := list[str]()).append)
    for event in GONE_WRONG:
        reporter.take(event)
    told = len(lines)
    reporter.tick(GONE_WRONG[-1].at + 1000)
    assert len(lines) == told


@pytest.mark.parametrize("name", sorted(RUNS))
def test_json_lines_are_the_events(nobody: Output, tmp_path: Path, name: str) -> None:
    reporter = JsonLines(nobody)
    for event in RUNS[name]:
        reporter.take(event)
    lines = (tmp_path / "out").read_bytes().splitlines()
    assert tuple(msgspec.json.decode(line, type=Event) for line in lines) == RUNS[name]
    assert all(32 <= byte < 127 or byte >= 160 or byte >= 128 for line in lines for byte in line)


def test_json_lines_escape_what_a_terminal_would_obey(nobody: Output, tmp_path: Path) -> None:
    hostile = StepProgress(at=NOW, node="a", text="\x1b[31m \x9b2J \u202e \x7f")
    JsonLines(nobody).take(hostile)
    text = (tmp_path / "out").read_text(encoding="utf-8")
    assert text.rstrip("\n").isprintable()
    assert msgspec.json.decode(text, type=Event) == hostile


def test_the_live_screen_is_redrawn_in_place() -> None:
    with terminal() as person:
        reporter = Live(person.output)
        for event in UNDER_WAY:
            reporter.take(event)
        person.shown()
        reporter.tick(NOW + 21)
        frame = person.shown()
        reporter.tick(NOW + 22)
        again = person.shown()
    assert frame.startswith("\x1b[5A\r")
    assert frame.count("\n") == again.count("\n") == 5
    assert "[+] apply prod  1/4 nodes" in frame


def test_a_remark_is_kept_above_the_live_screen() -> None:
    with terminal() as person:
        reporter = Live(person.output)
        for event in UNDER_WAY:
            reporter.take(event)
        shown = person.shown()
    assert shown.index("found calm-heron by its tag") < shown.rindex("[+] apply prod")


@pytest.mark.parametrize(
    ("kind", "on_terminal", "as_json", "wanted"),
    [
        ("auto", True, False, Live),
        ("auto", False, False, Plain),
        ("auto", True, True, Plain),
        ("plain", True, False, Plain),
        ("tty", True, False, Live),
        ("tty", False, False, Plain),
        ("json", True, True, JsonLines),
    ],
)
def test_the_way_of_showing_fits_who_watches(
    nobody: Output, kind: ProgressKind, on_terminal: bool, as_json: bool, wanted: type
) -> None:
    with terminal() as person:
        output = person.output if on_terminal else nobody
        assert type(reporter_for(kind, output, as_json=as_json)) is wanted


def test_colour_needs_a_terminal_that_wants_it(nobody: Output) -> None:
    assert not nobody.color
    with terminal() as person:
        assert person.output.color
    with terminal(NO_COLOR="1") as person:
        assert not person.output.color
    with terminal(TERM="dumb") as person:
        assert not person.output.color
        assert not person.output.is_terminal


def test_every_step_of_a_pass_is_somewhere_on_the_board() -> None:
    board = Board()
    for event in GONE_WRONG:
        board.take(event)
    states = {name: row.state for name, row in board.rows.items()}
    assert states == {
        "misty-owl": "done",
        "swift-fox": "failed",
        "brave-panda": "left",
        "quick-lynx": "waiting",
    }
