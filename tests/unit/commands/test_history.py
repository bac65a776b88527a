"""`dynia history`: what is told of applies, drills and drift, and what it says of runs that ended or did not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from dynia.commands import history
from dynia.commands.recording import Recorder
from dynia.commands.telling import last_runs
from dynia.interfaces.errors import DyniaError, Interrupted
from dynia.interfaces.events import Note, StepFailed, StepProgress, StepStarted
from dynia.interfaces.node_requests import GateAnswer
from dynia.services.history import (
    EVENTS_LIMIT,
    Begun,
    Ended,
    Run,
    begun_bytes,
    ended_bytes,
    events_of,
    run_of,
)
from dynia.services.planning.digest import sealed
from dynia.services.planning.plan import Plan
from dynia.state.history import LIMIT, History
from dynia.state.store import open_store
from tests.fakes import states
from tests.fakes.cloud import HOME, Cloud, Engine, applied
from tests.fakes.disk import FakeDisk
from tests.fakes.time_that_jumps import run
from tests.plans import worlds
from tests.unit.screens.history_samples import RUNS
from tests.unit.screens.samples import DRIFT_AND_PENDING, IMAGE_CHANGE
from tests.unit.services.test_drained import haproxy

replace = msgspec.structs.replace
PLAN = sealed(IMAGE_CHANGE)


class Told:
    """An engine whose runs are told of, on a disk in memory."""

    def __init__(self, level: int, start: tuple[Cloud, FakeDisk] | None = None) -> None:
        self.cloud, self.disk = start or applied(
            worlds.cluster(services=(worlds.service(config="level = 1\n"),))
        )
        haproxy(self.cloud)
        spec = worlds.cluster(services=(worlds.service(config=f"level = {level}\n"),))
        self.engine = Engine(self.cloud, self.disk, spec, "somebody@here")
        self.said: list[str] = []
        session = dataclasses.replace(self.engine.run.session, commit="9d2e11a0c4b1")
        self.recorder = Recorder(session, "apply", self.said.append)
        self.session = dataclasses.replace(session, emit=self.recorder.heard(session.emit))
        self.engine.run.session = self.session

    @property
    def kept(self) -> History:
        return self.session.store.history("prod")

    def runs(self) -> tuple[Run, ...]:
        return last_runs(self.kept, 200)

    def apply(self) -> None:
        async def approve(plan: Plan) -> bool:
            if plan.steps:
                self.recorder.begin(plan)
            return True

        try:
            self.recorder.end(run(self.engine.run.apply(approve)))
        except DyniaError as error:
            self.recorder.end(error)
            raise


def test_an_apply_is_told_with_who_and_when_and_how_it_ended() -> None:
    told = Told(2)
    before = told.session.store.state.cluster("prod")
    told.apply()
    (one,) = told.runs()
    assert one.begun is not None and one.ended is not None and before is not None
    assert (one.begun.verb, one.begun.by, one.begun.commit) == ("apply", "somebody@here", "9d2e11a0c4b1")
    assert (one.ended.result, one.ended.exit_code) == ("done", 0)
    assert (one.begun.generation, one.ended.generation) == (before.generation, before.generation + 1)
    assert one.ended.done == one.begun.steps > 0
    assert told.said == []
    events = events_of(told.kept.read(1).ended)
    assert [type(e).__name__ for e in (events[0], events[-1])] == ["RunStarted", "RunEnded"]


def test_what_failed_is_told_in_one_line() -> None:
    told = Told(2)
    told.cloud.lie = lambda asked, node: (
        GateAnswer(healthy=False, reason="GET /healthz → 500", output="api-1 | boom")
        if asked == "gate"
        else None
    )
    told.apply()
    (one,) = told.runs()
    assert one.ended is not None and one.ended.exit_code in (7, 8, 9)
    assert one.ended.message and "boom" not in told.kept.read(1).ended.decode()


def test_a_run_that_was_killed_did_not_end_and_the_next_one_has_the_next_number() -> None:
    told = Told(2)

    class Killed(BaseException):
        pass

    def kill(asked: str, node: str) -> None:
        if asked == "gate":
            raise Killed

    told.cloud.lie = kill
    with pytest.raises(Killed):
        told.apply()
    told.cloud.lie = lambda asked, node: None
    again = Told(2, (told.cloud, told.disk))
    again.apply()
    newest, killed = again.runs()
    assert (newest.number, killed.number) == (2, 1)
    assert newest.ended is not None and killed.ended is None and killed.begun is not None


def test_what_was_refused_before_the_first_step_leaves_nothing() -> None:
    told = Told(2)
    told.recorder.end(Interrupted("nothing was changed"))
    assert told.runs() == ()
    unchanged = Told(1)
    unchanged.apply()
    assert unchanged.runs() == ()


def test_drift_is_told_without_how_it_would_be_mended() -> None:
    told = Told(1)
    told.recorder.drift(replace(DRIFT_AND_PENDING, cluster="prod"))
    (one,) = told.runs()
    assert one.ended is not None and (one.ended.result, one.ended.exit_code) == ("drift", 3)
    assert b'"steps":[]' in told.kept.read(1).begun and b"haproxy.cfg" in told.kept.read(1).begun


def test_telling_makes_no_plan_stale() -> None:
    told = Told(2)
    before = told.engine.plan()
    told.recorder.begin(before)
    told.recorder.drift(before)
    store = open_store(HOME, disk=told.disk, make=False)
    assert store.serial("prod") == before.serial
    assert Told(2, (told.cloud, told.disk)).engine.plan().digest == before.digest


@pytest.mark.parametrize("where", ["begun", "ended"])
def test_a_history_that_cannot_be_written_is_a_note_and_the_apply_goes_on(where: str) -> None:
    told = Told(2)

    def full(step: int, what: str) -> None:
        if "/history/" in what and what.startswith("create") and (where == "begun" or "-end" in what):
            raise OSError(28, "No space left on device")

    told.disk.before = full
    told.apply()
    assert [line.partition(" (")[0] for line in told.said] == ["the history can't be written"]
    assert "no space left on device" in told.said[0]
    home = told.session.store.state.cluster("prod")
    assert home is not None and home.generation > 1


BEGUN = Begun(verb="apply", cluster="prod", at=1.0, by="me")
ENDED = Ended(at=2.0, seconds=1.0, result="done", exit_code=0, generation=1)


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(0, 400))
def test_whatever_lies_there_is_told_and_never_an_exception(begun: bytes, ended: bytes, cut: int) -> None:
    whole, last = begun_bytes(BEGUN, PLAN), ended_bytes(ENDED, ())
    for first, second in ((begun, ended), (whole[:cut], last), (whole, last[:cut] or b"x"), (begun, last)):
        found = run_of(1, first, second)
        assert found.begun is not None or found.unreadable
        events_of(second)


def test_what_is_kept_of_a_run_is_bounded_whatever_it_said() -> None:
    many = [
        StepStarted(at=1.0, step=f"s{n}", node="n", sentence="x" * 900, deadline_s=1.0) for n in range(2000)
    ]
    data = ended_bytes(ENDED, many)
    found = run_of(1, begun_bytes(BEGUN, None), data).ended
    assert found is not None and found.left_out > 0 and len(events_of(data)) + found.left_out == 2000
    assert len(data) < EVENTS_LIMIT + 4096 < LIMIT
    huge = replace(PLAN, diffs=(replace(PLAN.diffs[0], after="x" * LIMIT),))
    assert len(begun_bytes(BEGUN, huge)) < 4096


def test_of_a_message_the_first_line_is_kept_and_progress_is_not() -> None:
    failed = StepFailed(at=1.0, step="s", node="n", message="it failed\n  PASSWORD=x")
    note = Note(at=1.0, text="adopted")
    data = ended_bytes(ENDED, [failed, StepProgress(at=1.0, node="n", text="streaming"), note])
    assert events_of(data) == (replace(failed, message="it failed"), note)


# The commands.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of two clusters, and of prod the runs of the samples; no desired file."""
    store = open_store(tmp_path)
    for name in ("prod", "staging"):
        with store.lock(name, "test"):
            store.write(name, states.recorded(name), "because")
    kept = store.history("prod")
    for one in reversed(RUNS):
        number = kept.begin(begun_bytes(replace(one.begun, fencing=0), PLAN) if one.begun else b"torn")
        if one.ended:
            kept.end(number, ended_bytes(one.ended, (Note(at=3.0, text="hello"),)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("DYNIA_CLUSTER", "DYNIA_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def said(*arguments: str) -> Result:
    return CliRunner().invoke(history.command, list(arguments))


def test_the_list_says_what_ran_and_how_it_ended(folder: Path) -> None:
    shown = said("--cluster", "prod").output
    for word in ("drift (exit 3)", "failed, rolled back (exit 8)", "did not end", "not readable", "41 → 42"):
        assert word in shown
    runs = json.loads(said("--cluster", "prod", "--json", "--last", "3").output)
    assert [one["number"] for one in runs["runs"]] == [7, 6, 5] and runs["more"] == 4
    assert [one["state"] for one in runs["runs"]] == ["did not end", "ended", "ended"]


def test_a_run_that_has_the_lease_is_under_way(folder: Path) -> None:
    store = open_store(folder)
    with store.lock("prod", "somebody"):
        begun = Begun(verb="apply", cluster="prod", at=1.0, by="me", fencing=store.fencing("prod"))
        number = store.history("prod").begin(begun_bytes(begun, None))
        (first, *_) = json.loads(said("--cluster", "prod", "--json").output)["runs"]
        assert (first["number"], first["state"]) == (number, "under way")
    (first, *_) = json.loads(said("--cluster", "prod", "--json").output)["runs"]
    assert first["state"] == "did not end"


def test_one_run_is_shown_with_its_plan_and_events(folder: Path) -> None:
    shown = said("show", "5", "--cluster", "prod").output
    assert "Run 5 of prod: apply, done" in shown and "service api" in shown and "hello" in shown
    told = json.loads(said("show", "5", "--cluster", "prod", "--json").output)
    assert told["plan"]["digest"] == PLAN.digest
    assert told["events"] == [{"event": "note", "at": 3.0, "text": "hello"}]
    assert "not readable" in said("show", "1", "--cluster", "prod").output


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("show", "99", "--cluster", "prod"), "there is no run 99"),
        ((), "which cluster?"),
        (("--cluster", "nobody"), "is not known"),
        (("--cluster", "../x"), "can't be a cluster's name"),
    ],
)
def test_what_is_not_there_is_told(folder: Path, arguments: tuple[str, ...], word: str) -> None:
    done = said(*arguments)
    assert isinstance(done.exception, DyniaError) and word in done.exception.message


def test_a_cluster_that_is_gone_still_has_its_history(folder: Path) -> None:
    open_store(folder).history("gone").begin(begun_bytes(replace(BEGUN, cluster="gone"), None))
    assert "apply" in said("--cluster", "gone").output
    assert "Runs of" not in said("--cluster", "staging").output


def test_looking_at_it_writes_nothing(folder: Path) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = files()
    said("--cluster", "prod")
    said("show", "5", "--cluster", "prod")
    assert files() == before
