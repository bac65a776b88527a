"""What hooks and webhooks are given (docs/json.md says what each key means): no file's content, no secret."""

from __future__ import annotations

from dynia.commands.screens.machine import document
from dynia.commands.screens.plan_json import plan_body
from dynia.interfaces.errors import DyniaError, Interrupted, Locked, Refused, Stale
from dynia.interfaces.events import RunResult
from dynia.interfaces.shape import Shape
from dynia.services.apply_result import PAUSED, ApplyResult
from dynia.services.planning.drift_runs import Alert
from dynia.services.planning.plan import Plan

# What a webhook and a hook at the end are told of the plan; the whole of it may be some MB.
_TOLD = ("digest", "empty", "summary", "changes", "drift", "order", "joining", "effect")
_RESULTS = {4: "not_observed", 8: "rolled_back", 9: "not_rolled_back", PAUSED: "paused"}


class Run(Shape):
    """Whose run it is. `generation` is of the last finished apply before it; `url` is the CI job's."""

    verb: str
    cluster: str
    generation: int
    at: float
    by: str
    commit: str
    url: str


def hook_json(
    event: str,
    run: Run,
    plan: Plan | None,
    end: ApplyResult | DyniaError | None,
    alert: Alert | None = None,
    *,
    whole: bool = False,
) -> bytes:
    """One document, on one line. `whole`: all that `dynia plan --json` says but what files say."""
    body = plan_body(plan) if plan is not None else {}
    told = [key for key in body if key != "diffs"] if whole else _TOLD
    return document(
        "hook",
        {
            "event": event,
            "verb": run.verb,
            "cluster": run.cluster,
            "generation": run.generation,
            "at": run.at,
            "by": run.by,
            "commit": run.commit,
            "url": run.url,
            "plan": {key: body[key] for key in told} if plan is not None else None,
            "end": _end(end),
            "alert": (
                {
                    "state": alert.state,
                    "items": [{"item": name, "runs": number} for name, number in alert.items],
                }
                if alert is not None
                else None
            ),
        },
        one_line=True,
    )


def _end(end: ApplyResult | DyniaError | None) -> dict[str, object] | None:
    if end is None:
        return None
    if isinstance(end, DyniaError):
        return _told(name_of(end), end.exit_code, message=_first(end.message))
    undone = "failed" if end.failures and not end.went_on else "undone"
    back = end.back
    return _told(
        "done" if end.exit_code == 0 else _RESULTS.get(end.exit_code, undone),
        end.exit_code,
        generation=end.generation,
        stepsDone=end.done,
        seconds=round(end.seconds, 3),
        failures=[{"step": f.step, "node": f.node, "message": _first(f.message)} for f in end.failures],
        left=[{"subject": subject, "reason": reason} for subject, reason in end.left],
        rolledBack={"to": back.to, "whole": back.whole} if back is not None else None,
    )


def _told(result: str, code: int, **more: object) -> dict[str, object]:
    whole: dict[str, object] = {
        "result": result,
        "exitCode": code,
        "message": "",
        "generation": None,
        "stepsDone": None,
        "seconds": None,
        "failures": [],
        "left": [],
        "rolledBack": None,
    }
    return whole | more


def name_of(error: DyniaError) -> RunResult:
    """How a run ended that this ended."""
    match error:
        case Interrupted():
            return "interrupted"
        case Stale():
            return "stale"
        case Locked():
            return "locked"
        case Refused():
            return "refused"
        case _:
            return "failed"


def _first(message: str) -> str:
    """Below the first line stands what containers and commands said, which nobody can vouch for."""
    return message.partition("\n")[0]
