"""Runs the verbs that change the world: plan, question, progress, result, exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dynia.commands.approval import approve_apply, approve_destroy
from dynia.commands.around import Around
from dynia.commands.beside import beside
from dynia.commands.interrupts import run_interruptible
from dynia.commands.output import Output, standard_output
from dynia.commands.recording import Recorder
from dynia.commands.reporting import Reporter, reporter_for, ticking
from dynia.commands.saved import part_taken_up, taken_up
from dynia.commands.scoped import of_part
from dynia.commands.screens.apply import end_text, nothing_done, result_json
from dynia.interfaces.composition import open_session
from dynia.interfaces.desired import Desired
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.files.rewrite import FileEdit
from dynia.interfaces.requests import ApplyRequest, DestroyRequest
from dynia.interfaces.shape import Shape
from dynia.services.apply_result import ApplyResult
from dynia.services.planning.by_hand import ByHand, NodeDrain, Promote, Reboot, Restart, Revert
from dynia.services.planning.plan import Plan
from dynia.services.planning.replacing import refuse_replacement
from dynia.services.planning.stale import Reviewed
from dynia.services.reconcile import reconciler
from dynia.services.session import Session

# In place of a node's name.
ALL = "--all"


class Edited(Shape):
    """An edit that is not written yet, and what clusters.yaml and all it names say with it."""

    file: FileEdit
    desired: Desired


def apply(request: ApplyRequest, edited: Edited | None = None) -> int:
    """Plan, ask, apply, and say how it ended; the exit code. An edit is written between the last two."""
    output = standard_output()
    return tell(applied(request, output, edited), output, request, verb=request.verb)


def applied(
    request: ApplyRequest,
    output: Output,
    edited: Edited | None = None,
    *,
    agreed: Callable[[Plan], None] = lambda plan: None,
) -> ApplyResult:
    """All of `apply` but its last words. `agreed` is called after the yes, and before the first step."""
    reporter = reporter_for(request.progress, output, as_json=request.as_json)
    target, reviewed = taken_up(request)
    session = open_session(
        file=target.file,
        cluster=target.cluster,
        named_by=request.plan_file or "the command line",
        emit=reporter.take,
        desired=edited.desired if edited else None,
        lock_wait=request.lock_wait,
        # What is done by hand writes nothing of the file's.
        needs_secrets=by_hand(request) is None,
    )
    if request.verb == "node replace" and session.spec is not None:
        refuse_replacement(session.store.state, session.spec, request.name)
        session = replace(session, replace=request.name)
    session = of_part(session, part_taken_up(request, reviewed))
    _notes(session, output)
    edit = edited.file if edited else None
    around = Around(session.spec, session, request.verb, reporter.note)
    around.before_plan()
    approve = approve_apply(request, output, edit)

    def approved(plan: Plan) -> bool:
        yes = approve(plan)
        if yes:
            agreed(plan)
        return yes

    return run_apply(
        session,
        reporter,
        approved,
        verb=request.said,
        restrict=request.restrict,
        ask_always=edit is not None and not edit.empty,
        reviewed=reviewed,
        by_hand=by_hand(request),
        resume=request.resume or _resumes(reviewed),
        around=around,
    )


def _resumes(reviewed: Reviewed | None) -> bool:
    return reviewed is not None and reviewed.plan is not None and bool(reviewed.plan.resumes)


def by_hand(request: ApplyRequest) -> ByHand | None:
    """What a verb asks for that no file says."""
    match request.verb:
        case "restart":
            return Restart(service=request.name)
        case "node drain" | "node undrain":
            return NodeDrain(node=request.name, back=request.verb == "node undrain")
        case "node promote":
            return Promote(node=request.name)
        case "node reboot":
            return Reboot(node="" if request.name == ALL else request.name, os_updates=request.os_updates)
        case "drift revert":
            return Revert(items=request.items)
        case _:
            return None


def destroy(request: DestroyRequest) -> int:
    """Plan, ask for the name, destroy, and say how it ended; the exit code."""
    output = standard_output()
    reporter = reporter_for(request.progress, output, as_json=request.as_json)
    session = open_session(
        file=request.target.file,
        cluster=request.target.cluster,
        emit=reporter.take,
        destroy=True,
        leave_names=request.leave_names,
        lock_wait=request.lock_wait,
    )
    _notes(session, output)
    result = run_apply(
        session, reporter, approve_destroy(request, output), verb="cluster destroy", restrict=False
    )
    return tell(result, output, request, verb="cluster destroy")


def run_apply(
    session: Session,
    reporter: Reporter,
    approve: Callable[[Plan], bool],
    *,
    verb: str,
    restrict: bool,
    ask_always: bool = False,
    reviewed: Reviewed | None = None,
    by_hand: ByHand | None = None,
    resume: bool = False,
    around: Around | None = None,
) -> ApplyResult:
    """Until the end, or until it is interrupted. What `around` it fails before the first step ends it. `verb`
    is what the history calls it."""
    approved = False
    recorder = Recorder(session, verb, reporter.note)
    session = replace(session, emit=recorder.heard(session.emit))

    async def ask(plan: Plan) -> bool:
        nonlocal approved
        agreed = await beside(lambda: approve(plan))
        if agreed and around is not None:
            await beside(lambda: around.before_apply(plan))
        approved = agreed
        if agreed and plan.steps:
            recorder.begin(plan)
        return agreed

    async def work() -> ApplyResult:
        async with ticking(reporter), reconciler(session) as run:
            return await run.apply(
                ask,
                restrict=restrict,
                ask_always=ask_always,
                reviewed=reviewed,
                by_hand=by_hand,
                resume=resume,
            )

    try:
        result = run_interruptible(work(), stop=session.stop, in_flight=lambda: approved, tell=reporter.note)
    except DyniaError as error:
        recorder.end(error)
        if around is not None:
            around.after(error)
        raise
    recorder.end(result)
    if around is not None:
        around.after(result)
    return result


def _notes(session: Session, output: Output) -> None:
    for note in session.store.notes:
        output.tell(f"Note: {note}")


def tell(result: ApplyResult, output: Output, request: ApplyRequest | DestroyRequest, *, verb: str) -> int:
    """How it ended, and the exit code. JSON goes to standard output, and what people read beside it."""
    lines = request.progress == "json"
    beside = request.as_json or lines
    say, color = (output.tell, output.error_color) if beside else (output.show, output.color)
    again = request.again if isinstance(request, ApplyRequest) else verb
    before = "" if nothing_done(result) else "\n"
    say(before + end_text(result, width=output.width, color=color, verb=again))
    if request.as_json:
        output.data(result_json(result, verb, one_line=lines))
    return result.exit_code
