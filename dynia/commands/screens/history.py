"""The history of a cluster: its last runs, and one of them with the plan that ran and what happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from dynia.commands.screens.board import Board
from dynia.commands.screens.drift import drift_lines, not_observed_lines
from dynia.commands.screens.drill import drill_body, drill_text
from dynia.commands.screens.layout import entries
from dynia.commands.screens.machine import document
from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.plan_json import plan_body
from dynia.commands.screens.progress import plain_lines
from dynia.commands.screens.saved import cleaned
from dynia.commands.screens.text import count, join_wrapped, one_line, paint, wrap
from dynia.interfaces.durations import span
from dynia.interfaces.events import Event
from dynia.interfaces.requests import Detail
from dynia.interfaces.shape import Shape
from dynia.services.history import Begun, Ended, Run
from dynia.services.planning.plan import Plan
from dynia.state.lease import utc

WORDS = {
    "done": "done",
    "nothing": "nothing to do",
    "not_observed": "not every node was observed",
    "undone": "not all that is wanted was done",
    "failed": "failed",
    "rolled_back": "failed, rolled back",
    "not_rolled_back": "failed, NOT rolled back everywhere",
    "paused": "paused after the canary",
    "stale": "stopped, something had changed",
    "locked": "stopped, another run took over",
    "refused": "refused",
    "interrupted": "interrupted",
    "no_drift": "no drift",
    "drift": "drift",
}


class RunView(Shape):
    """One run with all that is kept of it."""

    run: Run
    plan: Plan | None = None
    events: tuple[Event, ...] = ()


def history_text(cluster: str, runs: Sequence[Run], *, width: int, more: int = 0) -> str:
    """`dynia history`, the newest first; `more` are kept and not listed."""
    if not runs:
        return "\n".join(
            wrap(f"{one_line(cluster)}: no run is told of yet; the next apply or drift is the first.", width)
        )
    number = max(len(str(run.number)) for run in runs)
    rows = [(f"  {run.number:>{number}}  ", _row(run)) for run in runs]
    lines = wrap(f"Runs of {one_line(cluster)}, the newest first (times are UTC)", width, rest="  ")
    indent = " " * (number + 4)
    for run, laid in zip(runs, entries(rows, width), strict=True):
        lines += laid
        if run.begun is not None:
            lines += join_wrapped(_more(run, run.begun), width, first=indent)
    if more:
        lines += ["", *wrap(f"{count(more, 'older run')} are kept: `dynia history --last 200`.", width)]
    return "\n".join(lines)


def _row(run: Run) -> tuple[str, ...]:
    begun = run.begun
    if begun is None:
        return (f"not readable: {run.unreadable}",)
    return (utc(begun.at)[:16], _result(run), begun.verb)


def _more(run: Run, begun: Begun) -> list[str]:
    took = [span(run.ended.seconds)] if run.ended else []
    return [*took, _generations(begun, run.ended), one_line(_by(begun))]


def _result(run: Run) -> str:
    if run.ended is None:
        return "under way" if run.going else "did not end"
    word = WORDS.get(run.ended.result, run.ended.result)
    return f"{word} (exit {run.ended.exit_code})" if run.ended.exit_code else word


def _generations(begun: Begun, ended: Ended | None) -> str:
    if ended is None or ended.generation == begun.generation:
        return f"generation {begun.generation}"
    return f"generation {begun.generation} → {ended.generation}"


def _by(begun: Begun) -> str:
    return f"by {begun.by}" + (f" ({begun.commit[:12]})" if begun.commit else "")


def run_text(view: RunView, *, width: int, detail: Detail = "normal", color: bool = False) -> str:
    """`dynia history show N`: how it began and ended, the plan as it was shown then, and what happened."""
    begun, ended = view.run.begun, view.run.ended
    if begun is None:
        return "\n".join(wrap(f"Run {view.run.number} is not readable: {view.run.unreadable}.", width))
    blocks = [_head(view.run, begun, width, color)]
    if view.plan is not None and begun.verb == "drift":
        blocks.append(_drift(cleaned(view.plan), width, color, begun.at))
    elif view.plan is not None:
        text = plan_text(cleaned(view.plan), width=width, detail=detail, color=color, now=begun.at)
        blocks.append([text])
    elif begun.steps:
        blocks.append(wrap("Its plan was too large to keep.", width))
    if ended is not None and ended.drill is not None:
        drill = msgspec.convert(_clean(msgspec.to_builtins(ended.drill)), type(ended.drill))
        blocks.append([drill_text(drill, width=width, color=color)])
    if view.events and detail != "summary":
        blocks.append(["What happened", *_happened(view.events, width)])
    if ended is not None and ended.left_out:
        blocks.append(wrap(f"{count(ended.left_out, 'later event')} were too many to keep.", width))
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _head(run: Run, begun: Begun, width: int, color: bool) -> list[str]:
    first = f"Run {run.number} of {one_line(begun.cluster)}: {one_line(begun.verb)}, {_result(run)}"
    lines = [paint(line, "head", color) for line in wrap(first, width, rest="  ")]
    by = one_line(f"Begun {utc(begun.at)} {_by(begun)}" + (f" · Dynia {begun.tool}" if begun.tool else ""))
    lines += wrap(by, width, rest="  ")
    if begun.url:
        lines += wrap(one_line(begun.url), width, first="  ", rest="  ")
    if run.ended is not None:
        parts = [f"Ended {utc(run.ended.at)}, after {span(run.ended.seconds)}"]
        parts += [count(run.ended.done, "step")] if begun.steps else []
        lines += wrap(" · ".join([*parts, _generations(begun, run.ended)]), width, rest="  ")
        if run.ended.message:
            lines += wrap(one_line(run.ended.message), width, first="  ", rest="    ")
    elif run.going:
        lines += wrap("It is under way: who runs it has the lock.", width)
    else:
        said = "It did not end: it was killed, or its machine died. `dynia apply` goes on where it stopped."
        lines += wrap(said, width, rest="  ")
    if begun.digest:
        lines += wrap(one_line(begun.digest), width, first="Digest  ", rest="        ")
    return lines


def _drift(plan: Plan, width: int, color: bool, at: float) -> list[str]:
    lines: list[str] = []
    if plan.drift:
        lines += ["Drift", *drift_lines(plan, width=width, color=color, now=at, classes=True)]
    if plan.not_observed:
        lines += [""] if lines else []
        lines += [
            "Not observed (nothing is claimed)",
            *not_observed_lines(plan.not_observed, width=width),
        ]
    if plan.changes:
        lines += [""] if lines else []
        lines += wrap(f"Pending (no drift): {count(len(plan.changes), 'change')} not applied then.", width)
    return lines


def _happened(events: Iterable[Event], width: int) -> list[str]:
    board, lines = Board(), list[str]()
    for event in events:
        board.take(event)
        lines += plain_lines(board, event, width=width)
    return lines


def _clean(value: object) -> object:
    match value:
        case str():
            return one_line(value)
        case list() | tuple():
            return [_clean(one) for one in value]
        case dict():
            return {key: _clean(one) for key, one in value.items()}
        case _:
            return value


def history_json(cluster: str, runs: Sequence[Run], *, more: int = 0) -> bytes:
    """`dynia history --json`."""
    return document("history", {"cluster": cluster, "more": more, "runs": [_body(run) for run in runs]})


def run_json(view: RunView) -> bytes:
    """`dynia history show N --json`."""
    ended, plan = view.run.ended, view.plan
    body = _body(view.run) | {
        "plan": plan_body(plan) if plan is not None else None,
        "drill": drill_body(ended.drill) if ended is not None and ended.drill is not None else None,
        "events": list(view.events),
        "eventsLeftOut": ended.left_out if ended else 0,
    }
    return document("run", body)


def _body(run: Run) -> dict[str, object]:
    begun, ended = run.begun or Begun(verb="", cluster="", at=0, by=""), run.ended
    return {
        "number": run.number,
        "verb": begun.verb,
        "by": begun.by,
        "commit": begun.commit,
        "url": begun.url,
        "tool": begun.tool,
        "at": begun.at,
        "state": "unreadable" if run.begun is None else _state(run),
        "result": ended.result if ended else None,
        "exitCode": ended.exit_code if ended else None,
        "message": ended.message if ended else run.unreadable,
        "seconds": ended.seconds if ended else None,
        "generationBefore": begun.generation,
        "generation": ended.generation if ended else None,
        "digest": begun.digest,
        "steps": begun.steps,
        "stepsDone": ended.done if ended else None,
    }


def _state(run: Run) -> str:
    return "ended" if run.ended else "under way" if run.going else "did not end"
