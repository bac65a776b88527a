"""What a CI run is told by its runner: the repository, the pull request, where the summary and outputs go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.read_whole import read_whole
from dynia.interfaces.shape import Shape

MOST_EVENT = 32 * 2**20
# It has neither secrets nor a token that writes, as a fork has.
_BARE = ("dependabot[bot]",)


class CiRun(Shape):
    """`pull` is the pull request's number, or 0. `bare`: a run without secrets, from somebody else's branch.
    `summary` and `output` are files to append to, or empty. Without a `repository` nothing is posted."""

    repository: str = ""
    commit: str = ""
    branch: str = ""
    pull: int = 0
    bare: bool = False
    url: str = ""
    summary: str = ""
    output: str = ""


class _Repo(msgspec.Struct):
    full_name: str = ""


class _Head(msgspec.Struct):
    sha: str = ""
    repo: _Repo | None = None


class _Pull(msgspec.Struct):
    number: int = 0
    head: _Head = msgspec.field(default_factory=_Head)


class _Event(msgspec.Struct):
    pull_request: _Pull | None = None


def read_ci_run(environ: Mapping[str, str]) -> CiRun:
    """Raises where the runner says something that it never would."""
    name = environ.get("GITHUB_EVENT_NAME", "")
    if name == "pull_request_target":
        raise Refused(
            "pull_request_target gives the secrets to whatever a pull request runs",
            hint="use `on: pull_request`; examples/cluster-repo has a workflow",
        )
    repository = environ.get("GITHUB_REPOSITORY", "")
    if repository and not re.fullmatch(r"[A-Za-z0-9][\w.-]*/(?!\.\.?$)[\w.-]+", repository, re.ASCII):
        raise DyniaError(f"GITHUB_REPOSITORY is no owner/name: {repository[:100]!r}")
    pull = _pull(environ.get("GITHUB_EVENT_PATH", "")) if name == "pull_request" else None
    commit = pull.head.sha if pull else environ.get("GITHUB_SHA", "")
    if commit and not re.fullmatch("[0-9a-f]{7,64}", commit):
        raise DyniaError(f"the commit of this run is none: {commit[:100]!r}")
    home = pull.head.repo.full_name if pull and pull.head.repo else ""
    return CiRun(
        repository=repository,
        commit=commit,
        branch=environ.get("GITHUB_REF_NAME", ""),
        pull=pull.number if pull else 0,
        bare=pull is not None and (home != repository or environ.get("GITHUB_ACTOR", "") in _BARE),
        url=_url(environ, repository),
        summary=environ.get("GITHUB_STEP_SUMMARY", ""),
        output=environ.get("GITHUB_OUTPUT", ""),
    )


def _pull(path: str) -> _Pull:
    raw = read_whole(Path(path), MOST_EVENT, "event of a CI run") if path else b""
    try:
        event = msgspec.json.decode(raw, type=_Event)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DyniaError(f"{path or 'GITHUB_EVENT_PATH'} is no event of a pull request: {error}") from error
    if event.pull_request is None or not 0 < event.pull_request.number < 2**53:
        raise DyniaError(f"{path} names no pull request")
    return event.pull_request


def _url(environ: Mapping[str, str], repository: str) -> str:
    """Where people see this run; empty where that is not known."""
    server, number = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_RUN_ID", "")
    if not (repository and re.fullmatch(r"https?://[\w.:-]+", server, re.ASCII) and number.isdecimal()):
        return ""
    return f"{server}/{repository}/actions/runs/{number}"
