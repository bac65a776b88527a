"""Progress as text: a live screen with one line a node, and plain lines with the time before each."""

from __future__ import annotations

import time

from dynia.commands.screens.board import CLUSTER, Board, Row, State
from dynia.commands.screens.text import (
    Role,
    cells,
    clean,
    count,
    listing,
    one_line,
    pad,
    paint,
    shorten,
    wrap,
)
from dynia.interfaces.durations import span
from dynia.interfaces.events import (
    Event,
    NodeWaiting,
    Note,
    PassStarted,
    RunEnded,
    RunStarted,
    StepEnded,
    StepFailed,
    StepProgress,
    StepStarted,
)

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_MARKS: dict[State, str] = {"waiting": "·", "running": "", "done": "✔", "failed": "✘", "left": "-"}
_ROLES: dict[State, Role] = {
    "waiting": "dim",
    "running": "change",
    "done": "good",
    "failed": "bad",
    "left": "dim",
}
_FIRST: dict[State, int] = {"failed": 0, "running": 1, "left": 2, "waiting": 3, "done": 4}


_RESULTS = {
    "nothing": "nothing to do",
    "not_observed": "done, but not every node was observed",
    "undone": "done, but not all that is wanted",
    "stale": "stopped, something changed since the plan",
    "failed": "stopped part way",
    "rolled_back": "failed and was rolled back",
    "paused": "paused after the canary",
    "not_rolled_back": "failed, and could NOT be rolled back everywhere",
}


def live_lines(board: Board, *, width: int, height: int, now: float, color: bool) -> list[str]:
    """The live screen. More nodes than lines: what runs and what failed is shown, the rest is counted."""
    rows = [row for row in board.rows.values() if row.name != CLUSTER or row.running or row.failed]
    ready = sum(1 for row in rows if row.state == "done")
    if board.ended is None:
        took = f"  {_clock(now - board.began)}"
        head = f"[+] {board.title} {board.cluster}"
        tail = f"  {ready}/{len(rows)} nodes  pass {max(board.number, 1)}{took}"
    else:
        head = f"[{'+' if board.ended.exit_code == 0 else '!'}] {board.title} {board.cluster}"
        tail = f"  {ready}/{len(rows)} nodes  {_clock(board.ended.seconds)}"
    lines = [paint(shorten(head, max(width - cells(tail), 8)) + tail, "head", color)]
    room = max(height - 3, 3)
    shown, rest = rows, []
    if len(rows) > room:
        ranked = sorted(rows, key=lambda row: _FIRST[row.state])
        chosen = {row.name for row in ranked[: room - 1]}
        shown = [row for row in rows if row.name in chosen]
        rest = [row for row in rows if row.name not in chosen]
    wide = min(max((cells(row.name) for row in shown), default=0), max(width // 3, 10))
    lines += [_live_row(board, row, wide, width, now, color) for row in shown]
    if rest:
        states: dict[str, int] = {}
        for row in rest:
            states[_word(row.state)] = states.get(_word(row.state), 0) + 1
        said = ", ".join(f"{number} {word}" for word, number in states.items())
        lines.append(paint(shorten(f"   and {count(len(rest), 'node')} more: {said}", width), "dim", color))
    return lines


def _word(state: State) -> str:
    return "not started" if state == "left" else state


def _live_row(board: Board, row: Row, wide: int, width: int, now: float, color: bool) -> str:
    mark = _MARKS[row.state] or SPINNER[int(now * 5) % len(SPINNER)]
    text, timing = _doing(board, row, now)
    head = f" {mark} {pad(shorten(one_line(row.name), wide), wide)}  "
    room = max(width - cells(head) - cells(timing) - (2 if timing else 0), 4)
    body = pad(shorten(text, room), room) + (f"  {timing}" if timing else "")
    line = shorten((head + body).rstrip(), width)
    return f" {paint(mark, _ROLES[row.state], color)}{line[1 + len(mark) :]}" if color else line


def _doing(board: Board, row: Row, now: float) -> tuple[str, str]:
    """What a node does in words, and for how long, and how long it still may."""
    match row.state:
        case "running":
            running = max(row.running.values(), key=lambda one: one.since)
            text = running.text or running.sentence
            others = len(row.running) - 1
            more = f" (and {others} more)" if others else ""
            return one_line(text) + more, f"{span(now - running.since)} of {span(running.deadline_s)}"
        case "failed":
            return one_line(row.failed.splitlines()[0]).removeprefix(f"{row.name} · "), ""
        case "waiting":
            default = "waiting (holder, last)" if row.name == board.holder else "waiting"
            return (f"waiting ({one_line(row.reason)})" if row.reason else default), ""
        case "left":
            return f"not started ({one_line(row.reason)})", ""
        case _:
            return f"done, {count(row.done, 'step')}", span(row.ended - row.began)


def _clock(seconds: float) -> str:
    whole = max(int(seconds), 0)
    return f"{whole // 60:02}:{whole % 60:02}"


def plain_lines(board: Board, event: Event, *, width: int) -> list[str]:
    """The lines of one event; the board has taken it already."""
    text = _said(board, event)
    if text is None:
        return []
    first, *others = clean(text).splitlines()
    stamp = time.strftime("%H:%M:%SZ ", time.gmtime(event.at))
    lines = wrap(first, width, first=stamp, rest=" " * len(stamp) + "  ")
    for other in others:
        indent = " " * min(len(other) - len(other.lstrip()), width // 4)
        lines += wrap(other, width, first=" " * 4 + indent, rest=" " * 6 + indent)
    return lines


def heartbeat_lines(board: Board, *, width: int, now: float) -> list[str]:
    """Said when nothing else was for a while: what runs, and how long it still may."""
    running = board.longest_running()
    if not running:
        text = "looking at the cluster"
    else:
        row, one = running[0]
        doing = one.text or one.sentence
        text = f"{row.name}: still at: {doing}, {span(now - one.since)} of at most {span(one.deadline_s)}"
        others = list(dict.fromkeys(r.name for r, _ in running[1:] if r is not row))
        if others:
            text += f"; also {listing(others)}"
    stamp = time.strftime("%H:%M:%SZ ", time.gmtime(now))
    return wrap(one_line(text), width, first=stamp, rest=" " * len(stamp) + "  ")


def _said(board: Board, event: Event) -> str | None:
    match event:
        case RunStarted():
            return (
                f"{event.title} {event.cluster}: {count(event.steps, 'step')} "
                f"on {count(len(event.nodes), 'node')}"
            )
        case PassStarted():
            return f"pass {event.number}: {count(len(event.steps), 'step')}"
        case StepStarted():
            return f"{_who(event.node)}{one_line(event.sentence)} (at most {span(event.deadline_s)})"
        case StepProgress():
            return f"{_who(event.node)}{one_line(event.text)}"
        case StepEnded():
            return f"{_who(event.node)}done: {one_line(board.sentence(event.step))} ({span(event.seconds)})"
        case StepFailed():
            hint = f"\nnext: {event.hint}" if event.hint else ""
            first = one_line(board.sentence(event.step))
            return f"{_who(event.node)}FAILED: {first} ({span(event.seconds)})\n{event.message}{hint}"
        case NodeWaiting():
            return f"{_who(event.node)}waiting: {one_line(event.reason)}"
        case Note():
            return one_line(event.text)
        case RunEnded():
            end = (
                f"{_RESULTS.get(event.result, event.result)}, exit {event.exit_code} ({span(event.seconds)})"
            )
            return f"{board.title} {board.cluster}: {end}"
        case _:
            # StepNotRun: the summary at the end names them once, not each in a line of its own.
            return None


def _who(node: str) -> str:
    return f"{one_line(node)}: " if node else ""
