"""What is told of a run in the history: the values, and the bytes that they are kept as. Pure.

How it began is one line of JSON, and in a second line the plan as a saved plan's file has it. How it ended
is one line, and below it the events, one a line. No secret is in it: plans and events have none, and of
messages only the first line is kept, since below it stands what containers and commands said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar

import msgspec

from dynia.interfaces.events import Event, RunResult, StepFailed, StepProgress
from dynia.interfaces.shape import Shape
from dynia.services import saved_plan
from dynia.services.drill_report import DrillReport
from dynia.services.planning.digest import sealed
from dynia.services.planning.plan import Plan
from dynia.services.saved_plan import SavedPlan

FORMAT, VERSION = "dynia.run", 1
PLAN_LIMIT = 4 * 1024 * 1024
EVENTS_LIMIT = 1024 * 1024

Outcome = RunResult | Literal["no_drift", "drift"]


class Ended(Shape):
    """How a run ended. `at` is seconds since the epoch; `message` says in one line why it did not end well;
    `left_out` is how many of the last events were too many to keep."""

    at: float
    seconds: float
    result: Outcome
    exit_code: int
    generation: int
    done: int = 0
    message: str = ""
    drill: DrillReport | None = None
    left_out: int = 0


class Begun(Shape):
    """How a run began. `generation` is of the last finished apply before it, `fencing` the number of its
    lease, `steps` how many its plan has. `ended` where all was over when this was told."""

    verb: str
    cluster: str
    at: float
    by: str
    commit: str = ""
    url: str = ""
    tool: str = ""
    generation: int = 0
    fencing: int = 0
    digest: str = ""
    steps: int = 0
    ended: Ended | None = None


class Run(Shape):
    """One run as it is known. `unreadable` says why nothing is known of it; `going`: it has not ended, and
    whoever runs it still has the lease."""

    number: int
    begun: Begun | None = None
    ended: Ended | None = None
    unreadable: str = ""
    going: bool = False


_Part = TypeVar("_Part", Begun, Ended)


class _Head(Shape):
    format: str
    version: int
    run: msgspec.Raw


def begun_bytes(begun: Begun, plan: Plan | None) -> bytes:
    """A plan that is too large to keep is left out."""
    head = _line(begun)
    if plan is None:
        return head
    kept = saved_plan.encode(
        SavedPlan(by=begun.by, at=int(begun.at), commit=begun.commit, tool=begun.tool, plan=plan)
    )
    return head + kept if len(kept) <= PLAN_LIMIT else head


def ended_bytes(ended: Ended, events: Iterable[Event]) -> bytes:
    """Events that are too many to keep are counted."""
    lines, size, left = list[bytes](), 0, 0
    for event in events:
        if isinstance(event, StepProgress):
            continue
        line = msgspec.json.encode(_first_line(event)) + b"\n"
        size += len(line)
        if size > EVENTS_LIMIT:
            left += 1
        else:
            lines.append(line)
    return _line(msgspec.structs.replace(ended, left_out=left)) + b"".join(lines)


def drift_seen(plan: Plan) -> Plan:
    """Of a look at the cluster what is kept: nothing of how it would be mended."""
    changes = tuple(msgspec.structs.replace(line, details=()) for line in plan.changes)
    return sealed(
        msgspec.structs.replace(plan, steps=(), later=(), diffs=(), content=(), images=(), changes=changes)
    )


def run_of(number: int, begun: bytes, ended: bytes) -> Run:
    """What these bytes tell. Whatever they are, it is a value."""
    try:
        if not begun:
            return Run(number=number, unreadable="its begin is missing")
        first = _head(begun, Begun)
        last = _head(ended, Ended) if ended else first.ended
    except _Unreadable as error:
        return Run(number=number, unreadable=str(error))
    return Run(number=number, begun=first, ended=last)


def plan_of(begun: bytes, name: str) -> Plan | None:
    """The plan that ran; None where none was kept. `DyniaError` where it is none any more."""
    rest = begun.partition(b"\n")[2]
    return saved_plan.decode(rest, name).plan if rest.strip() else None


def events_of(ended: bytes) -> tuple[Event, ...]:
    """What happened, in order. A line that is no event is left out."""
    return tuple(_events(ended.splitlines()[1:]))


def _events(lines: Iterable[bytes]) -> Iterable[Event]:
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=Event)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue


class _Unreadable(Exception):
    pass


def _line(value: Begun | Ended) -> bytes:
    raw = msgspec.Raw(msgspec.json.encode(value, order="deterministic"))
    return msgspec.json.encode(_Head(format=FORMAT, version=VERSION, run=raw)) + b"\n"


def _first_line(event: Event) -> Event:
    if isinstance(event, StepFailed):
        return msgspec.structs.replace(event, message=event.message.partition("\n")[0])
    return event


def _head(data: bytes, kind: type[_Part]) -> _Part:
    try:
        head = msgspec.json.decode(data.partition(b"\n")[0], type=_Head)
        if (head.format, head.version) != (FORMAT, VERSION):
            raise _Unreadable(f"it was told as {head.format} {head.version}, and this Dynia reads {VERSION}")
        return msgspec.json.decode(head.run, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _Unreadable("it was torn or changed by hand") from error
