"""The stop that the kills on real nodes rely on: each point is where it says, and a killed process leaves just that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynia.state.store import open_store
from tests.conftest import ROOT
from tests.e2e.kills.knife import Stop, kill, variables, wait_for_stop

KINDS = ("first", "second", "second")
STEP = "2-second"
# point -> is its record there, files of the deed, is the step open in the journal, does a next run see it done
POINTS = {
    "unbegun": (False, set(), False),
    "begun": (True, set(), True),
    "during": (True, {f"{STEP}.began"}, True),
    "done": (False, {f"{STEP}.began", f"{STEP}.did"}, True),
    "ended": (True, {f"{STEP}.began", f"{STEP}.did"}, False),
}


class Runs:
    """Starts processes that are gone at the end of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.told = folder, folder / "told"
        self.started: list[subprocess.Popen[str]] = []

    def start(
        self, point: str, *, kind: str = "second", delay: float = 0.05, wait: bool = False
    ) -> Stop | None:
        asked = variables(kind, point, delay, self.told)
        argv = [sys.executable, "-m", "tests.integration.state_crash.steps", str(self.folder), *KINDS]
        process = subprocess.Popen(
            [*argv, "--wait"] if wait else argv,
            cwd=ROOT, env={**os.environ, **asked}, stdin=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.started.append(process)
        if wait:
            # The first step's line: the second one gets none before it is killed.
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        return wait_for_stop(process, self.told, 60)

    def clean(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=10)
            if process.stdin is not None:
                process.stdin.close()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = Runs(tmp_path)
    yield made
    made.clean()


def deeds(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name.startswith(STEP)}


@pytest.mark.parametrize("point", POINTS)
def test_a_process_stops_at_the_point_that_it_was_asked_for(runs: Runs, point: str) -> None:
    written, files, is_open = POINTS[point]
    stop = runs.start(point, wait=point == "during")
    assert stop is not None and stop.step == STEP and not stop.quick
    assert stop.written is written
    assert deeds(runs.folder) == files
    kill(runs.started[0])
    assert stop.written is written, "somebody wrote on"
    store = open_store(runs.folder, make=False)
    assert [one.step for one in store.unfinished("prod")] == ([STEP] if is_open else [])
    with store.lock("prod", "the next run"):
        assert not list((runs.folder / ".dynia").rglob("*.tmp"))


def test_a_deed_that_is_quicker_than_the_time_is_stopped_before_its_end_is_written(runs: Runs) -> None:
    stop = runs.start("during", delay=3600)
    assert stop is not None and stop.step == STEP and stop.quick
    assert not stop.written
    assert f"{STEP}.did" in deeds(runs.folder)


def test_a_kind_that_does_not_come_stops_nobody(runs: Runs) -> None:
    assert runs.start("begun", kind="third") is None
    assert runs.started[0].returncode == 0


def test_whoever_is_continued_goes_on_to_the_end(runs: Runs) -> None:
    assert runs.start("begun") is not None
    os.kill(runs.started[0].pid, signal.SIGCONT)
    assert runs.started[0].wait(timeout=60) == 0
    assert open_store(runs.folder, make=False).unfinished("prod") == ()
