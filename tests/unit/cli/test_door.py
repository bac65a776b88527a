"""The door: exit codes, errors shown once, what is said before the verb, and readers that go away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dynia.interfaces import cli
from dynia.interfaces.cli import run
from dynia.interfaces.errors import ApplyFailed, Locked, NotObservedError, Refused, Stale

DYNIA = (sys.executable, "-c", "from dynia.interfaces.cli import main; main()")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-option"],
        ["plan", "--no-such-option"],
        ["nonsense"],
        ["plan", "superfluous"],
        ["logs"],
        ["apply", "--progress", "loud"],
        ["node", "nonsense"],
    ],
)
def test_a_usage_error_exits_1_since_2_would_read_as_changes(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error: ")
    assert "--help" in said.err


def test_a_slip_of_the_pen_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["aply"]) == 1
    assert "Did you mean `dynia apply`?" in capsys.readouterr().err


def test_a_folder_without_a_file_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in (["plan"], ["apply"], ["drift"], ["sync"], ["status"], ["node", "list"], ["service", "list"]):
        assert run(verb) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("Error: ")
        assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


def test_version_says_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dynia ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("no"), 1),
        (NotObservedError("silent"), 4),
        (Locked("busy"), 5),
        (Stale("moved"), 6),
        (ApplyFailed("broke"), 7),
        (KeyError("x"), 1),
        (ExceptionGroup("several", [ValueError("a"), Locked("busy")]), 5),
    ],
)
def test_an_error_is_shown_once_without_a_traceback_and_exits_with_its_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli._failed(error, False) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error: ")
    assert "Traceback" not in said.err
    assert len([line for line in said.err.splitlines() if line.startswith("Error: ")]) == 1


def test_what_nobody_foresaw_is_called_a_bug_with_the_way_to_a_report(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli._failed(KeyError("x"), False) == 1
    said = capsys.readouterr().err
    assert "this is a bug in dynia" in said
    assert "--debug" in said


def test_debug_adds_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise Locked("busy") from OSError("why")
    except Locked as error:
        assert cli._failed(error, True) == 5
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "OSError: why" in said


def test_debug_after_two_dashes_belongs_to_the_command_that_is_run() -> None:
    assert "--debug" not in cli._own(["exec", "api", "--", "tool", "--debug"])
    assert "--debug" in cli._own(["--debug", "exec", "api", "--", "tool"])


FILE = """\
clusters:
  prod:
    provider: {kind: docker}
    nodes: {count: 3}
  staging:
    provider: {kind: docker}
    nodes: {count: 1}
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["-f", "here.yaml", "--cluster", "prod", "node", "list"],
        ["node", "list", "-f", "here.yaml", "--cluster", "prod"],
        ["-f", "gone.yaml", "--cluster", "staging", "node", "list", "--cluster", "prod", "-f", "here.yaml"],
        ["--debug", "-f", "here.yaml", "service", "list", "--cluster", "prod", "--debug"],
    ],
)
def test_file_and_cluster_may_stand_before_or_after_the_verb(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "here.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 0
    assert capsys.readouterr().out.startswith("prod: no ")


def test_what_is_said_wrongly_before_the_verb_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    assert run(["-f", "gone.yaml", "node", "list"]) == 1
    assert "gone.yaml" in capsys.readouterr().err
    assert run(["-f", "here.yaml", "--cluster", "prd", "node", "list"]) == 1
    assert "prd" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*DYNIA, "--help"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 0


MANY_LINES = """
import sys
from dynia.commands.output import standard_output
output = standard_output()
for number in range(20000):
    output.show("line " + str(number))
output.data(b"bytes")
sys.exit(3 if output.closed else 0)
"""


def test_a_screen_whose_reader_goes_away_ends_silently_with_its_own_exit_code() -> None:
    read, write = os.pipe()
    program = subprocess.Popen([sys.executable, "-c", MANY_LINES], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    os.read(read, 10)
    os.close(read)
    _, said = program.communicate()
    assert said == b""
    assert program.returncode == 3


def test_a_terminal_without_utf_8_gets_plain_signs() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from dynia.commands.output import standard_output as o; o().show('a · b → c ✔ é')",
        ],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"a - b > c + ?\n"
