"""How an apply ended, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dynia.commands.screens.drift import not_observed_lines
from dynia.commands.screens.layout import entries
from dynia.commands.screens.machine import document
from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.plan_json import plan_body
from dynia.commands.screens.text import clean, count, listing, one_line, paint, wrap
from dynia.interfaces.durations import span

if TYPE_CHECKING:
    from dynia.services.apply_result import ApplyResult, Back, Failure


def nothing_done(result: ApplyResult) -> bool:
    return not result.done and not result.failures


def end_text(result: ApplyResult, *, width: int, color: bool = False, verb: str = "apply") -> str:
    """How any apply ended: what it did, or that there was nothing to do."""
    if not nothing_done(result):
        return apply_result_text(result, width=width, color=color, verb=verb)
    left = left_text(result, width=width, verb=verb)
    shown = plan_text(result.last, width=width, color=color)
    return f"{shown}\n\n{left}" if left else shown


def apply_result_text(result: ApplyResult, *, width: int, color: bool = False, verb: str = "apply") -> str:
    """The end of an apply that had something to do: what was done, what was not, what now."""
    if result.failures:
        return _failed(result, width, color, verb)
    plan = result.last
    less = result.left or plan.part
    generation = f" It is generation {result.generation}." if result.generation and not less else ""
    how = "Paused after the canary" if result.paused else "Done"
    first = f"{how}: cluster {result.plan.cluster}, {count(result.done, 'step')} in {span(result.seconds)}."
    lines = [paint(text, "good", color) for text in wrap(first + generation, width, rest="  ")]
    if plan.not_observed:
        lines += ["", "Not observed (nothing is claimed)"]
        lines += not_observed_lines(plan.not_observed, width=width)
    silent = {name for name, _ in plan.not_observed}
    waiting = [w for w in plan.waiting if w.subject not in silent and not w.final]
    if waiting:
        rows = [("  . ", (one_line(w.subject), one_line(w.reason))) for w in waiting]
        title = "Waiting" if result.paused else "Not done"
        lines += ["", title, *(text for laid in entries(rows, width) for text in laid)]
    if plan.drift:
        left = f"{count(len(plan.drift), 'difference')} left that {verb} does not mend: see `dynia drift`."
        lines += ["", *wrap(left, width, rest="  ")]
    if plan.part:
        text = "That was a part of the file: the cluster is not settled by it. Run `dynia plan` for the rest."
        lines += ["", *wrap(text, width, rest="  ")]
    if result.exit_code:
        last = left_text(result, width=width, verb=verb)
        lines += ["", last or "\n".join(wrap(_next(result.exit_code, verb), width, rest="  "))]
    return "\n".join(lines)


def left_text(result: ApplyResult, *, width: int, verb: str = "apply") -> str:
    """The last line where some node was not observed, or something that the file wants is not there yet."""
    if result.exit_code == 4 and result.last.not_observed:
        return "\n".join(wrap(_next(4, verb), width, rest="  "))
    undone = [w for w in result.last.waiting if not w.final]
    if not result.exit_code or result.failures or result.last.not_observed or not undone:
        return ""
    paused = listing([one_line(w.subject) for w in result.last.paused], 6)
    if result.paused:
        text = f"Exit {result.exit_code}: paused: {paused}. Next: look at the canary, then"
        text += " `dynia apply --resume`."
        return "\n".join(wrap(text, width, rest="  "))
    undone = [w for w in undone if not w.paused]
    first = next((w for w in undone if not w.unseen), undone[0])
    said = "not observed" if first.unseen else "not done"
    more = f", and {len(undone) - 1} more" if len(undone) > 1 else ""
    what = f"{one_line(first.subject)} ({one_line(first.reason)}){more}"
    text = f"Exit {result.exit_code}: {said}: {what}. Next: mend that, then run `dynia {verb}` again."
    if paused:
        text += f" Besides, after the canary wait: {paused} (`dynia apply --resume`)."
    return "\n".join(wrap(text, width, rest="  "))


def _failed(result: ApplyResult, width: int, color: bool, verb: str) -> str:
    lines: list[str] = []
    for failure in result.failures:
        lines += _failure(failure, width, color)
    worked = {failure.node for failure in result.failures}
    waiting = list(dict.fromkeys(step.node for step in result.not_run if step.node))
    untouched = [name for name in waiting if name not in worked]
    lines.append("")
    where = ", and the others went on" if result.went_on else " before it"
    lines += wrap(f"{count(result.done, 'step')} done{where}", width, first="  ", rest="    ")
    if result.not_run:
        on = f" (on {listing(untouched, 6)})" if untouched else ""
        said = f"{count(len(result.not_run), 'step')} not started{on}"
        lines += wrap(said, width, first="  ", rest="    ")
    if result.plan.not_observed:
        lines += ["", "Not observed (nothing is claimed)"]
        lines += not_observed_lines(result.plan.not_observed, width=width)
    if result.back is not None:
        return "\n".join((*lines, *_back(result, result.back, width, color)))
    last = _next(result.exit_code, verb)
    if result.went_on:
        names = listing(list(dict.fromkeys(failure.node for failure in result.failures)), 6)
        last = f"Exit {result.exit_code}: failed on {names}, left behind (rollout.max_failures)."
        last += f" Next: mend the cause, then run `dynia {verb}` again: it tries there once more."
        behind = {failure.node for failure in result.failures}
        undone = [w for w in result.last.waiting if not w.final and w.subject not in behind]
        rows = [("  . ", (one_line(w.subject), one_line(w.reason))) for w in undone]
        lines += ["", "Not done", *(text for laid in entries(rows, width) for text in laid)] if rows else []
    lines += ["", *wrap(last, width, rest="  ")]
    return "\n".join(lines)


def _back(result: ApplyResult, back: Back, width: int, color: bool) -> list[str]:
    """What the way back came to. Who is not named here was not seen on what it had."""
    lines: list[str] = []

    def say(text: str) -> None:
        lines.extend(wrap(text, width, first="  ", rest="    "))

    if back.nodes:
        verb, serve = ("is", "serves") if len(back.nodes) == 1 else ("are", "serve")
        say(f"rolled back: {listing(back.nodes, 6)} {verb} on generation {back.to} and {serve} (observed)")
    if back.silent:
        say(f"no answer, and not changed by this apply: {listing(back.silent, 6)}")
    if back.astray:
        say(f"NOT rolled back: {listing(back.astray, 6)} did not answer, and may run what failed")
    for service in dict.fromkeys(one.service for one in back.out):
        who = listing([one.node for one in back.out if one.service == service], 6)
        say(f"HAProxy of the others sends {service} to {who} no more, until that was changed")
    for subject, reason in back.left:
        say(f"NOT rolled back: {one_line(subject)} ({one_line(reason)})")
    for failure in back.failures:
        lines += ["", *_failure(failure, width, color)]
    held = listing([f"{one.release} of {one.service}" for one in back.holds], 6)
    first = "Exit 8: rolled back. The cluster serves what it served before."
    then = "Next: mend it, then run `dynia apply`"
    if not back.whole:
        first = "Exit 9: NOT rolled back everywhere; act now."
        then = "Next: look at `dynia status`, then run `dynia rollback` to go on"
    names = " or ".join(f"`dynia unhold {one.service}`" for one in back.holds)
    on_hold = f"release {held} is on hold until its content changes, or {names}."
    return [*lines, "", *wrap(f"{first} {then}; {on_hold}", width, rest="  ")]


def _failure(failure: Failure, width: int, color: bool) -> list[str]:
    first, *others = clean(failure.message).splitlines() or [""]
    where = "" if not failure.node or failure.node in first else f"{failure.step} · "
    lines = [paint(text, "bad", color) for text in wrap(f"✘ {where}{first}", width, rest="  ")]
    for other in others:
        indent = " " * min(max(len(other) - len(other.lstrip()), 4), width // 4)
        lines += wrap(other, width, first=indent, rest=indent + "  ")
    if failure.hint:
        lines += wrap(clean(failure.hint), width, first="  next: ", rest="    ")
    return lines


def _next(code: int, verb: str) -> str:
    match code:
        case 4:
            return (
                f"Exit 4. Next: run `dynia {verb}` again when these nodes answer; it does what is left. "
                "One that does not come back: `dynia node replace NAME`."
            )
        case 5:
            return f"Exit 5. Next: wait until the node is free, then run `dynia {verb}` again."
        case 6:
            return "Exit 6: something changed since the plan was made. Next: `dynia plan`, look, then apply."
        case 7:
            return f"Exit 7: stopped part way. Next: mend the cause, then run `dynia {verb}` again to go on."
        case other:
            return f"Exit {other}."


def result_json(result: ApplyResult, verb: str = "apply", *, one_line: bool = False) -> bytes:
    """`dynia apply --json`: one document at the end."""
    return document(
        "apply",
        {
            "verb": verb,
            "cluster": result.plan.cluster,
            "exitCode": result.exit_code,
            "generation": result.generation,
            "stepsDone": result.done,
            "seconds": round(result.seconds, 3),
            "failures": [
                {"step": f.step, "node": f.node, "message": f.message, "hint": f.hint}
                for f in result.failures
            ],
            "notRun": [step.id for step in result.not_run],
            "left": _pairs(result.left),
            "rolledBack": _back_body(result.back) if result.back is not None else None,
            "plan": plan_body(result.plan),
        },
        one_line=one_line,
    )


def _back_body(back: Back) -> dict[str, object]:
    return {
        "to": back.to,
        "whole": back.whole,
        "nodes": list(back.nodes),
        "silent": list(back.silent),
        "notBack": list(back.astray),
        "sentNothing": [{"service": one.service, "node": one.node} for one in back.out],
        "failures": [
            {"step": f.step, "node": f.node, "message": f.message, "hint": f.hint} for f in back.failures
        ],
        "left": _pairs(back.left),
        "onHold": [{"service": one.service, "release": one.release} for one in back.holds],
    }


def _pairs(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"subject": subject, "reason": reason} for subject, reason in pairs]
