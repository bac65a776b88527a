"""Tells what a CI run has to say: the job's summary and outputs, and the one comment or issue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dynia.interfaces.ci_run import CiRun
from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.providers.github import GitHub, Unsure
from dynia.services.ci_record import Written, issue_deed, ours

TRIES = 3


def summarize(run: CiRun, markdown: str) -> None:
    """The page of the job."""
    _append(run.summary, f"{markdown}\n")


def outputs(run: CiRun, values: Mapping[str, str]) -> None:
    """What later steps of the job read. No value has more than one line."""
    lines = [f"{name}={value.splitlines()[0] if value else ''}\n" for name, value in values.items()]
    _append(run.output, "".join(lines))


def keep_comment(hub: GitHub, pull: int, body: str) -> None:
    """One comment for each marker: written once, then edited."""
    for _ in range(TRIES):
        found = our_comment(hub, pull, _marker(body))
        try:
            if found is None:
                hub.write_comment(pull, body)
            elif found.body != body:
                hub.edit_comment(found.number, body)
            return
        except Unsure:
            continue  # it may be there: look
    raise _never(f"comment of pull request {pull}")


def our_comment(hub: GitHub, pull: int, marker: str) -> Written | None:
    return ours(hub.comments(pull), hub.me(), marker)


def keep_issue(hub: GitHub, code: int, title: str, body: str) -> str:
    """What became of the issue, in words."""
    for _ in range(TRIES):
        deed = issue_deed(code, ours(hub.open_issues(hub.me()), hub.me(), _marker(body)), body)
        try:
            match deed.kind:
                case "open":
                    hub.open_issue(title, body)
                    return "An issue is opened."
                case "leave":
                    return f"Issue {deed.number} stays as it is." if deed.number else "No issue is open."
                case _:
                    gone = deed.kind == "close"
                    hub.edit_issue(deed.number, body, close=gone)
                    return f"Issue {deed.number} is {'closed' if gone else 'brought up to date'}."
        except Unsure:
            continue
    raise _never(f"issue {title!r}")


def _marker(body: str) -> str:
    return body.partition("\n")[0]


def _never(what: str) -> NotObservedError:
    return NotObservedError(
        f"GitHub: the {what} was sent {TRIES} times without an answer, and it is not there",
        hint="see https://www.githubstatus.com; run the job again",
    )


def _append(path: str, text: str) -> None:
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise DyniaError(f"{path} can't be written: {error.strerror or error}") from error
