"""Runs `dynia ci plan`: one look, and one comment of the pull request that says what merging it would do."""

from __future__ import annotations

import os
import time
from pathlib import Path

from dynia.commands.around import Around
from dynia.commands.ci_telling import keep_comment, outputs, summarize
from dynia.commands.exit_codes import plan_code
from dynia.commands.looking import look
from dynia.commands.output import Output, standard_output
from dynia.commands.screens.ci_markdown import checked_only, no_plan_comment, plan_comment
from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.plan_markdown import Link
from dynia.interfaces.ci_run import CiRun, read_ci_run
from dynia.interfaces.clusters_file import load
from dynia.interfaces.composition import open_session
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.find_file import find_file
from dynia.interfaces.requests import CiPlanRequest, Target
from dynia.interfaces.target import resolve_target
from dynia.providers.github import GitHub
from dynia.services.planning.plan import Plan


def ci_plan(request: CiPlanRequest) -> int:
    """Show the plan, in the log, the summary and the comment; the exit code."""
    output, run = standard_output(), read_ci_run(os.environ)
    link, cluster = link_of(run), request.target.cluster or ""
    try:
        if run.bare:
            text = checked_only(cluster, _checked(request.target), link)
            output.show(f"{cluster}: the file is right. No plan: this run has no secrets.")
            return _told(run, output, text, None, 0)
        found = planned(request.target, output)
    except DyniaError as error:
        _told(run, output, no_plan_comment(cluster, error, link), None, error.exit_code)
        raise
    output.show(plan_text(found, width=output.width, now=time.time()))
    text = plan_comment(found, link, now=time.time())
    return _told(run, output, text, found, plan_code(found, detailed=False))


def planned(target: Target, output: Output) -> Plan:
    """As `dynia plan` makes it."""
    session = open_session(file=target.file, cluster=target.cluster)
    Around(session.spec, session, "plan", output.tell).before_plan()
    return look(session, output, refuse=True)[0]


def link_of(run: CiRun) -> Link:
    return Link(commit=run.commit, url=run.url)


def results(plan: Plan | None, code: int) -> dict[str, str]:
    """The outputs of a job."""
    changes = "" if plan is None else "false" if plan.empty else "true"
    return {"digest": plan.digest if plan else "", "changes": changes, "exit-code": str(code)}


def _checked(target: Target) -> int:
    """How many services the cluster has, with all files read that they name; connects to nothing."""
    desired = load(find_file(target.file, os.environ, Path.cwd()))
    known = tuple(spec.name for spec in desired.clusters)
    name = resolve_target(target.cluster, os.environ, None, known)
    return next(len(spec.services) for spec in desired.clusters if spec.name == name)


def _told(run: CiRun, output: Output, text: str, plan: Plan | None, code: int) -> int:
    """Outputs come first: whatever GitHub says, they are there."""
    outputs(run, results(plan, code))
    summarize(run, text)
    if run.pull and not run.bare:
        with GitHub(os.environ, run.repository) as hub:
            keep_comment(hub, run.pull, text)
        output.show(f"\nThe comment of pull request {run.pull} is up to date.")
    elif not run.repository:
        output.show("\n" + text)
    return code
