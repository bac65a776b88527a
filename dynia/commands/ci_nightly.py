"""Runs `dynia ci nightly`: one issue that is open for as long as something drifts."""

from __future__ import annotations

import os
from pathlib import Path

from dynia.commands.ci_looking import link_of
from dynia.commands.ci_telling import keep_issue, outputs, summarize
from dynia.commands.output import standard_output
from dynia.commands.screens.markdown import MOST, marker
from dynia.commands.screens.plan_markdown import origin
from dynia.interfaces.ci_run import read_ci_run
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.read_whole import read_whole
from dynia.interfaces.requests import CiNightlyRequest
from dynia.providers.github import GitHub
from dynia.services.ci_record import CLEAN, DRIFTED

MOST_REPORT = 2**20
GONE = "Nothing drifts any more, and every node was observed."


def ci_nightly(request: CiNightlyRequest) -> int:
    """Open, edit, close or leave the issue; the exit code is the drift report's."""
    output, run = standard_output(), read_ci_run(os.environ)
    outputs(run, {"exit-code": str(request.found)})
    if request.found not in (*DRIFTED, CLEAN):
        output.tell(
            f"The drift report ended with exit {request.found}: nothing is claimed, no issue changes."
        )
        return request.found
    first = marker("drift", request.cluster)
    said = _read(Path(request.report) / "drift.md", first)
    foot = " · ".join(origin(link_of(run)))
    text = f"{first}\n\n{said if request.found else GONE}\n\n{foot}\n"
    summarize(run, text)
    if run.repository:
        with GitHub(os.environ, run.repository) as hub:
            output.show(keep_issue(hub, request.found, f"Drift of cluster {request.cluster}", text))
    return request.found


def _read(path: Path, first: str) -> str:
    """The report without a marker of its own. It is made to fit; one that does not is another file."""
    raw = read_whole(path, MOST_REPORT, "drift report", missing="`dynia drift --report DIR` writes it")
    said = raw.decode(errors="replace").removeprefix(first).strip()
    if len(said.encode("utf-16-le")) > 2 * MOST:
        raise DyniaError(f"{path} is too long for an issue", hint="is it what `dynia drift --report` wrote?")
    return said
