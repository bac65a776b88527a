"""Runs a failover drill: asks, plays it, shows what was seen; the exit code."""

from __future__ import annotations

from dynia.commands.beside import beside
from dynia.commands.exit_codes import DONE, ERROR
from dynia.commands.interrupts import run_interruptible
from dynia.commands.output import Output, standard_output
from dynia.commands.recording import Recorder
from dynia.commands.screens.drill import drill_json, drill_question, drill_text
from dynia.interfaces.composition import open_session
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.events import Note
from dynia.interfaces.requests import DrillRequest
from dynia.services.drill import DrillWish, Ground, failover
from dynia.services.drill_report import DrillReport
from dynia.services.leased import unhurried
from dynia.services.reconcile import reconciler


def drill_failover(request: DrillRequest) -> int:
    """Exits 1 where nobody took over, or not everything was as before at the end."""
    output = standard_output()
    session = open_session(
        file=request.target.file,
        cluster=request.target.cluster,
        emit=lambda event: output.tell(f"Note: {event.text}") if isinstance(event, Note) else None,
        lock_wait=request.lock_wait,
    )
    session = unhurried(session)
    wish = DrillWish(node=request.node, hard=request.hard)

    verb = "drill failover --hard" if request.hard else "drill failover"
    recorder = Recorder(session, verb, lambda text: output.tell(f"Note: {text}"))

    async def ask(ground: Ground) -> bool:
        agreed = await beside(lambda: _agreed(request, ground, output))
        if agreed:
            recorder.begin()
        return agreed

    async def work() -> DrillReport:
        async with reconciler(session) as run:
            return await failover(run, wish, ask)

    try:
        report = run_interruptible(work())
    except DyniaError as error:
        recorder.end(error)
        raise
    recorder.end(report)
    if request.as_json:
        output.data(drill_json(report))
    else:
        output.show(drill_text(report, width=output.width, color=output.color))
    return DONE if report.taken and report.settled else ERROR


def _agreed(request: DrillRequest, ground: Ground, output: Output) -> bool:
    if request.yes:
        return True
    if not output.can_ask:
        raise Refused("a drill asks before, and there is no terminal to ask on", hint="add --yes")
    question = drill_question(ground, DrillWish(node=request.node, hard=request.hard))
    return output.ask(f"{question} [y/N]").lower() in ("y", "yes")
