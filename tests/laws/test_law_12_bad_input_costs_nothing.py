"""Law 12 at the door: whatever verb meets a wrong file, it says where, and nothing is written, connected to or run.

The tables of mistakes, each at its place: tests/bad_input. Files that are mangled at random: tests/unit/files.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynia.interfaces.cli import run
from tests.bad_input import compose_cases, desired_cases, template_cases
from tests.bad_input.cases import Case, fingerprint, write
from tests.bad_input.state.good import STATE, journal_of, lay_out
from tests.examples import examples

VERBS = (
    ("plan",), ("plan", "--json"), ("apply", "--yes"), ("apply",), ("sync", "--yes"), ("drift",), ("status",),
    ("cluster", "list"), ("node", "list"),
)  # fmt: skip
TABLES = {
    "desired": (desired_cases.GOOD, desired_cases.CASES),
    "compose": (compose_cases.GOOD, compose_cases.CASES),
    "template": (template_cases.GOOD, template_cases.CASES),
}
# What leaves the process, whatever code does it: the interpreter itself tells.
WATCHED = (
    "socket.connect",
    "socket.bind",
    "subprocess.Popen",
    "os.posix_spawn",
    "os.exec",
    "os.fork",
    "os.system",
)
_seen: list[str] = []
_hooked: list[bool] = []


def left_the_process() -> list[str]:
    """Every such event from the first call on."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(
            lambda event, args: _seen.append(f"{event} {args!r:.200}") if event in WATCHED else None
        )
    return _seen


def check(folder: Path, verb: tuple[str, ...], place: str, capsys: pytest.CaptureFixture[str]) -> None:
    before, events = fingerprint(folder), len(left_the_process())
    capsys.readouterr()
    with chdir(folder):
        code = run(list(verb))
    said = capsys.readouterr()
    assert (code, said.out) == (1, ""), said.err
    assert place in said.err, said.err
    assert "Traceback" not in said.err
    assert fingerprint(folder) == before
    assert left_the_process()[events:] == []


@settings(
    max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_wrong_file_stops_every_verb_at_its_line(
    data: st.DataObject, capsys: pytest.CaptureFixture[str]
) -> None:
    good, cases = TABLES[data.draw(st.sampled_from(sorted(TABLES)))]
    case: Case = data.draw(st.sampled_from([c for c in cases if c.version == "2.0.0"]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(os.path.realpath(name))
        with chdir(folder):
            file, line, column, _ = write(case, good, folder)
        if data.draw(st.booleans()):
            lay_out(folder)
        check(folder, data.draw(st.sampled_from(VERBS)), f"{file}:{line}:{column}", capsys)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_wrong_file_is_said_before_the_repository_that_it_lacks(
    verb: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found by the property above, in a folder that is in no repository."""
    (case,) = (c for c in desired_cases.CASES if c.name == "a lease of a state in git that is too short")
    with chdir(tmp_path):
        file, line, column, _ = write(case, desired_cases.GOOD, tmp_path)
    check(tmp_path, verb, f"{file}:{line}:{column}", capsys)


# An edit of the good state, and the place that must be named.
BAD_STATES = {
    "no JSON": ('"generation": 3,', '"generation": 3,,', 6),
    "another type": ('"serial": 40, "generation"', '"serial": "40", "generation"', 6),
    "a key too much": ('"name": "staging", ', '"name": "staging", "colour": 1, ', 7),
    "a node of no cluster": (
        '"cluster": "prod", "name": "swift-fox"',
        '"cluster": "prud", "name": "swift-fox"',
        12,
    ),
}


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("wrong", BAD_STATES)
def test_a_wrong_state_stops_every_verb_at_its_line(
    wrong: str, verb: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, line = BAD_STATES[wrong]
    assert STATE.count(old) == 1
    for name, text in desired_cases.GOOD.items():
        (tmp_path / name).write_text(text)
    lay_out(tmp_path)
    (tmp_path / "state.json").write_text(STATE.replace(old, new))
    check(tmp_path, verb, f"state.json:{line}:", capsys)


def test_a_record_of_the_journal_that_was_edited_stops_every_verb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in desired_cases.GOOD.items():
        (tmp_path / name).write_text(text)
    lay_out(tmp_path)
    record = journal_of(tmp_path) / "00000042.json"
    record.write_text(record.read_text().replace("198.18", "198.19", 1))
    for verb in VERBS:
        check(tmp_path, verb, "00000042.json:1:", capsys)
