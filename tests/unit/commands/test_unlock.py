"""`dynia state unlock`: who has the lock is shown, a person is asked, and whoever had it ends with exit 5."""

from __future__ import annotations

import contextlib
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dynia.commands import state_unlock
from dynia.interfaces.errors import DyniaError, Locked, Refused
from dynia.state.disk import LocalDisk
from dynia.state.lease import Lessee
from dynia.state.store import Store, open_store
from tests.conftest import ROOT
from tests.fakes import states
from tests.fakes.cloud import Cloud, Engine
from tests.plans import worlds

SOMEBODY = Lessee(who="ci@runner-17", host="runner-17", pid=4711, url="https://ci.example/job/42")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of a cluster that nobody has the lock of."""
    store = open_store(tmp_path)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
    monkeypatch.chdir(tmp_path)
    for name in ("DYNIA_CLUSTER", "DYNIA_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[Store]:
    """Somebody has it who gives no sign of life but the first."""
    store = open_store(folder)
    with store.lock("prod", SOMEBODY):
        yield store


def unlock(*arguments: str) -> Result:
    """As in CI: nobody can answer."""
    return CliRunner().invoke(state_unlock.command, list(arguments))


def on_a_terminal(folder: Path, answer: str) -> tuple[int, str]:
    """The program itself; the answer is typed once the question is there."""
    terminal, its_end = pty.openpty()
    program = [sys.executable, "-c", "from dynia.interfaces.cli import main; main()", "state", "unlock"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", "COLUMNS": "100"}
    process = subprocess.Popen(
        program, cwd=folder, env=environ, stdin=its_end, stdout=its_end, stderr=its_end, close_fds=True
    )
    os.close(its_end)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal says that its other side was closed
        while chunk := os.read(terminal, 65536):
            shown += chunk
            if b"is accepted:" in shown and answer:
                os.write(terminal, answer.encode())
                answer = ""
    os.close(terminal)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")


def content(folder: Path) -> dict[str, bytes]:
    """Without the locks' own files: a look takes one for a moment."""
    files = (p for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_where_nobody_has_it_there_is_nothing_to_do(folder: Path) -> None:
    before = content(folder)
    done = unlock()
    assert (done.exit_code, done.output) == (0, "prod is not locked.\n")
    assert unlock("--yes", "--above", "1").output == "prod is not locked.\n"
    assert content(folder) == before


def test_without_a_terminal_it_shows_who_has_it_and_takes_nothing_away(folder: Path) -> None:
    with locked(folder) as store:
        before = content(folder)
        done = unlock()
        assert isinstance(done.exception, Refused) and done.exception.exit_code == 1
        assert done.exception.hint == "say `dynia state unlock --yes --cluster prod`"
        who, beat = done.output.splitlines()
        assert who.startswith(
            "prod is locked by ci@runner-17 (process 4711 on runner-17, https://ci.example/job/42)"
        )
        assert beat.startswith("Its last sign of life: ") and beat.endswith("; one is due every 5 s.")
        assert content(folder) == before
        store.write("prod", states.born("prod", 1), "it works on")


@pytest.mark.parametrize("answer", ["n\n", "\n", "y\n", "yes please\n"])
def test_anything_but_a_yes_leaves_it_as_it_is(folder: Path, answer: str) -> None:
    with locked(folder) as store:
        before = content(folder)
        code, shown = on_a_terminal(folder, answer)
        assert code == 1 and "prod is not unlocked; nothing was changed" in shown
        assert "prod is locked by ci@runner-17" in shown.partition("is accepted:")[0], (
            "shown before it is asked"
        )
        assert content(folder) == before
        store.write("prod", states.born("prod", 1), "it works on")


def test_after_a_yes_the_number_is_higher_and_whoever_had_it_writes_nothing_more(folder: Path) -> None:
    with contextlib.suppress(Locked), locked(folder) as store:
        number = store.fencing("prod")
        code, shown = on_a_terminal(folder, "yes\n")
        assert code == 0 and f"prod is unlocked. From number {number + 1} on it counts" in shown
        after = content(folder)
        with pytest.raises(Locked, match="another one took over") as caught:
            store.write("prod", states.born("prod", 1), "it does not know yet")
        assert caught.value.exit_code == 5 and socket.gethostname() in caught.value.message
    assert content(folder) == after, "not even at its end"
    with open_store(folder).lock("prod", "the next one"):
        assert open_store(folder).state.nodes_of("prod") == ()


def test_an_apply_that_is_unlocked_in_the_middle_ends_with_exit_5_and_does_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole engine over a world in memory, its state on a real disk."""
    monkeypatch.chdir(tmp_path)
    cloud = Cloud()
    engine = Engine(cloud, LocalDisk(), worlds.cluster(2), "ci@runner-17", home=tmp_path)
    told: list[Result] = []
    deeds: list[str] = []

    def in_the_middle(what: str) -> None:
        if not told and len(cloud.deeds) == 5:
            told.append(unlock("--cluster", "prod", "--yes"))
            deeds.extend(cloud.deeds)

    cloud.tick = in_the_middle
    code: int
    try:
        code = engine.apply().exit_code
    except DyniaError as error:
        code = error.exit_code
    assert told[0].exit_code == 0 and "prod is locked by ci@runner-17" in told[0].output
    assert code == 5
    assert len(cloud.deeds) <= len(deeds) + 2, "what a node was at ends there: one deed on each"
    assert Engine(cloud, LocalDisk(), worlds.cluster(2), home=tmp_path).apply().exit_code == 0


def test_the_number_can_be_raised_where_nobody_has_the_lock(folder: Path) -> None:
    assert isinstance(unlock("--above", "40").exception, Refused)
    assert open_store(folder).fencing("prod") == 1
    done = unlock("--above", "40", "--yes")
    assert done.output.splitlines()[0] == "Nobody holds the lock of prod; its number is 1."
    assert (done.exit_code, open_store(folder).fencing("prod")) == (0, 41)


@pytest.mark.parametrize("wrong", ["-1", "many", ""])
def test_a_number_that_is_none_is_a_usage_error(folder: Path, wrong: str) -> None:
    before = content(folder)
    assert unlock("--above", wrong, "--yes").exit_code == 2  # click's own; the door makes it 1
    assert content(folder) == before
