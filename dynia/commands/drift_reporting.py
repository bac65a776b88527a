"""Runs `dynia drift --report`: one look, the report in every format, and who is told of what stays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dynia.commands.around import Around
from dynia.commands.drift_folder import DriftFolder
from dynia.commands.exit_codes import drift_code
from dynia.commands.interrupts import run_interruptible
from dynia.commands.screens.drift_html import drift_html
from dynia.commands.screens.drift_report_json import report_json
from dynia.commands.screens.drift_report_markdown import report_markdown
from dynia.commands.screens.drift_report_text import report_text
from dynia.commands.screens.status_view import StatusView, status_view
from dynia.services.ask_services import ask_services
from dynia.services.former_texts import former_texts
from dynia.services.planning.drift_diffs import diffs_of, texts_wanted
from dynia.services.planning.drift_items import item
from dynia.services.planning.drift_report import DriftReport, drift_report
from dynia.services.planning.drift_runs import Found, Run, alert_of, alerted, next_run, sightings
from dynia.services.planning.ignoring import ignored
from dynia.services.reconcile import reconciler

if TYPE_CHECKING:
    from dynia.commands.output import Output
    from dynia.services.planning.inputs import PlanningInput
    from dynia.services.planning.plan import Plan
    from dynia.services.session import Session


def report_drift(
    session: Session, output: Output, folder: str, alert_after: int
) -> tuple[Plan, PlanningInput]:
    """Look, write the report into `folder`, and tell webhooks what has been there in `alert_after` reports on
    end (0: nobody is told)."""
    place = DriftFolder(Path(folder), session.cluster, output.tell)
    before = place.open()
    for note in session.store.notes:
        output.tell(f"Note: {note}")

    async def work() -> tuple[Plan, PlanningInput, StatusView, dict[str, str]]:
        async with reconciler(session) as run:
            found = await run.plan()
            if run.given is None:
                raise RuntimeError("a plan without a look")
            given, recipes = run.given, run.recipes
            cells = await ask_services(run.connections, given, applied=True)
            texts = await former_texts(run.connections, texts_wanted(found, given, recipes))
            diffs = diffs_of(found, given, recipes, texts)
            return found, given, status_view(given, found, cells), diffs

    whole, given, status, diffs = run_interruptible(work())
    entries = session.spec.ignored if session.spec else ()
    silenced = ignored(whole.drift, entries, given.observed.at)
    plan = replace(whole, drift=silenced.counted)
    now = next_run(
        before,
        session.cluster,
        given.observed.at,
        drift_code(plan),
        (Found(item=item(one), category=one.category, node=one.node) for one in plan.drift),
        (name for name, _ in plan.not_observed),
    )
    runs = (*before, now)
    report = drift_report(
        given, plan, exit_code=now.code, seen=sightings(runs), runs=runs, diffs=diffs, silenced=silenced
    )
    files = written(report, status)
    place.write(files, runs)
    output.tell(f"Report: {', '.join(files)} in {place.path}")
    if alert_after:
        told = _alert(session, output, plan, before, now, alert_after)
        if told != now:
            place.write({}, (*before, told))
    return whole, given


def written(report: DriftReport, status: StatusView) -> dict[str, bytes]:
    """The report by the name of its file."""
    return {
        "drift.txt": report_text(report, status).encode(),
        "drift.md": report_markdown(report, status).encode(),
        "drift.json": report_json(report, status),
        "drift.html": drift_html(report, status).encode(),
    }


def _alert(
    session: Session, output: Output, plan: Plan, before: tuple[Run, ...], now: Run, after: int
) -> Run:
    alert = alert_of(before, now, after)
    if alert is None:
        return now
    heard = Around(session.spec, session, "drift", output.tell).drifted(plan, alert)
    return alerted(now, alert) if heard else now
