"""What a CI run says of itself: whose branch it is, where things go; anything else is an error in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynia.interfaces.ci_run import CiRun, read_ci_run
from dynia.interfaces.errors import DyniaError, Refused

SHA = "0123456789abcdef0123456789abcdef01234567"
HOME = "acme/clusters"


def event(folder: Path, home: object = HOME, number: object = 7) -> dict[str, str]:
    """The environment of a pull request's job."""
    head = {"sha": "f" * 40, "repo": {"full_name": home} if home else None}
    (folder / "event.json").write_text(
        json.dumps({"pull_request": {"number": number, "head": head}, "more": 1})
    )
    return {
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_REPOSITORY": HOME,
        "GITHUB_SHA": SHA,
        "GITHUB_ACTOR": "ada",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_RUN_ID": "42",
    }


def test_a_pull_request_is_about_the_commit_that_people_pushed(tmp_path: Path) -> None:
    run = read_ci_run(event(tmp_path))
    assert (run.pull, run.commit, run.bare) == (7, "f" * 40, False)
    assert run.url == "https://github.com/acme/clusters/actions/runs/42"


@pytest.mark.parametrize("home", ["mallory/clusters", "ACME/clusters", "", None])
def test_what_comes_from_elsewhere_has_no_secrets(tmp_path: Path, home: str | None) -> None:
    assert read_ci_run(event(tmp_path, home)).bare


def test_neither_has_dependabot(tmp_path: Path) -> None:
    assert read_ci_run({**event(tmp_path), "GITHUB_ACTOR": "dependabot[bot]"}).bare


def test_a_push_and_no_ci_at_all_have_no_pull_request(tmp_path: Path) -> None:
    pushed = read_ci_run({**event(tmp_path), "GITHUB_EVENT_NAME": "push"})
    assert (pushed.pull, pushed.bare, pushed.commit) == (0, False, SHA)
    assert read_ci_run({}) == CiRun()


def test_pull_request_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        read_ci_run({**event(tmp_path), "GITHUB_EVENT_NAME": "pull_request_target"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"GITHUB_REPOSITORY": "acme/.."},
        {"GITHUB_REPOSITORY": "acme/clusters/issues/1?"},
        {"GITHUB_EVENT_PATH": "/nowhere/at/all"},
        {"GITHUB_EVENT_PATH": ""},
        {"GITHUB_EVENT_NAME": "push", "GITHUB_SHA": "main; rm"},
    ],
)
def test_what_no_runner_says_is_an_error(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(DyniaError):
        read_ci_run({**event(tmp_path), **wrong})


@pytest.mark.parametrize("server", ["javascript:alert(1)", "https://x)[y](z", "https://x/y", ""])
def test_a_link_is_one_or_there_is_none(tmp_path: Path, server: str) -> None:
    assert read_ci_run({**event(tmp_path), "GITHUB_SERVER_URL": server}).url == ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80) | st.sampled_from([b'{"pull_request": {"number": -1}}', b"[" * 5000]))
def test_any_event_is_read_or_refused(tmp_path: Path, raw: bytes) -> None:
    environ = event(tmp_path)
    (tmp_path / "event.json").write_bytes(raw)
    with pytest.raises(DyniaError):
        read_ci_run(environ)
