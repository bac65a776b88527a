"""Runs the verbs that look and change nothing: one look at the world, one screen, one exit code."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dynia.commands.around import Around
from dynia.commands.drift_reporting import report_drift
from dynia.commands.exit_codes import DONE, NOT_OBSERVED, drift_code, plan_code
from dynia.commands.interrupts import run_interruptible
from dynia.commands.output import Output, standard_output
from dynia.commands.recording import Recorder
from dynia.commands.saved import keep
from dynia.commands.scoped import of_part
from dynia.commands.screens.drift import drift_text
from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.plan_json import drift_json, plan_json
from dynia.commands.screens.saved import digest_text, kept_text
from dynia.commands.screens.status import status_json, status_text
from dynia.commands.screens.status_view import StatusView, status_view
from dynia.interfaces.composition import open_session
from dynia.interfaces.observed import NodeFacts
from dynia.interfaces.plan_file import check_writable
from dynia.interfaces.requests import DriftRequest, PlanRequest, StatusRequest
from dynia.services.ask_services import ask_services
from dynia.services.planning.ignoring import ignored
from dynia.services.planning.protect import refuse_losses
from dynia.services.reconcile import reconciler

if TYPE_CHECKING:
    from dynia.services.planning.inputs import PlanningInput
    from dynia.services.planning.plan import Plan
    from dynia.services.session import Session


def plan(request: PlanRequest) -> int:
    """Show the plan; the exit code."""
    output = standard_output()
    out = Path(request.out) if request.out else None
    if out is not None:
        check_writable(out)
    session = open_session(file=request.target.file, cluster=request.target.cluster)
    session = of_part(session, request.part)
    Around(session.spec, session, "plan", output.tell).before_plan()
    found, _ = look(session, output, refuse=True, resume=request.resume)
    if request.as_json:
        output.data(plan_json(found))
    else:
        screen = plan_text(
            found, width=output.width, detail=request.detail, color=output.color, now=time.time()
        )
        output.show(screen)
        if request.detail == "full":
            output.show("\n" + digest_text(found, width=output.width))
    refuse_losses(found)
    if out is not None:
        keep(out, found, session)
        said = kept_text(request.out, width=output.width)
        (output.tell if request.as_json else output.show)(said if request.as_json else "\n" + said)
    return plan_code(found, detailed=request.detailed_exitcode)


def drift(request: DriftRequest) -> int:
    """Show the drift; the exit code."""
    output = standard_output()
    session = open_session(file=request.target.file, cluster=request.target.cluster)
    recorder = Recorder(session, "drift", lambda text: output.tell(f"Note: {text}"))
    if request.report:
        found, given = report_drift(session, output, request.report, request.alert_after)
    else:
        found, given = look(session, output)
    silenced = ignored(found.drift, session.spec.ignored if session.spec else (), given.observed.at)
    found = replace(found, drift=silenced.counted)
    recorder.drift(found)
    if request.as_json:
        output.data(drift_json(found, silenced))
    else:
        seen = sum(1 for node in given.observed.nodes.values() if isinstance(node, NodeFacts))
        screen = drift_text(
            found,
            width=output.width,
            color=output.color,
            now=time.time(),
            observed=seen,
            silenced=silenced,
        )
        output.show(screen)
    return drift_code(found)


def status(request: StatusRequest) -> int:
    """Show what is there and what serves; the exit code."""
    output = standard_output()
    session = open_session(file=request.target.file, cluster=request.target.cluster)

    async def work() -> StatusView:
        async with reconciler(session) as run:
            found = await run.plan()
            if run.given is None:
                raise RuntimeError("a plan without a look")
            cells = await ask_services(run.connections, run.given, applied=True)
            return status_view(run.given, found, cells)

    view = run_interruptible(work())
    if request.as_json:
        output.data(status_json(view))
    else:
        output.show(status_text(view, width=output.width, color=output.color, now=time.time()))
    return DONE if view.observed else NOT_OBSERVED


def look(
    session: Session, output: Output, *, refuse: bool = False, resume: bool = False
) -> tuple[Plan, PlanningInput]:
    """One look at a cluster: what was seen, and what follows from it. `refuse`: a vendor that says no is an
    error, as it would be for apply. `resume`: as it would be with that."""
    for note in session.store.notes:
        output.tell(f"Note: {note}")

    async def work() -> tuple[Plan, PlanningInput]:
        async with reconciler(session) as run:
            found = await run.plan(resume=resume)
            if refuse:
                run.refuse()
            if run.given is None:
                raise RuntimeError("a plan without a look")
            return found, run.given

    return run_interruptible(work())
