"""Tells the history of a run, before it does anything and at its end. What fails here stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from dynia.commands.exit_codes import DONE, DRIFT, ERROR, NOT_OBSERVED, drift_code
from dynia.commands.screens.hook_json import name_of
from dynia.commands.screens.text import one_line
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.events import Event, EventSink, RunResult
from dynia.interfaces.version import version
from dynia.services.apply_result import ApplyResult
from dynia.services.drill_report import DrillReport
from dynia.services.history import Begun, Ended, Outcome, begun_bytes, drift_seen, ended_bytes
from dynia.services.planning.plan import Plan
from dynia.services.reconcile import RESULTS
from dynia.services.session import Session
from dynia.state.history import History

_T = TypeVar("_T")


class Recorder:
    """One run. Until `begin` was said nothing is kept. `say` shows a line."""

    def __init__(self, session: Session, verb: str, say: Callable[[str], None]) -> None:
        self._session, self._verb, self._say = session, verb, say
        self._events: list[Event] = []
        self._began = session.clock.monotonic()
        self._number = 0

    def heard(self, emit: EventSink) -> EventSink:
        """The same sink; what it is told is kept too."""

        def take(event: Event) -> None:
            self._events.append(event)
            emit(event)

        return take

    def begin(self, plan: Plan | None = None) -> None:
        """Before the first step of this plan."""
        begun = self._begun(plan)
        self._number = self._tried(lambda: self._history().begin(begun_bytes(begun, plan))) or 0

    def end(self, end: ApplyResult | DyniaError | DrillReport) -> None:
        if not self._number:
            return
        self._tried(
            lambda: self._history().end(self._number, ended_bytes(self._ended(end), tuple(self._events)))
        )

    def drift(self, plan: Plan) -> None:
        """A look that touched nothing: its begin and its end are one."""
        code = drift_code(plan)
        told: dict[int, Outcome] = {DONE: "no_drift", DRIFT: "drift", NOT_OBSERVED: "not_observed"}
        ended = self._at_end(told.get(code, "drift"), code)
        seen = drift_seen(plan)
        begun = msgspec.structs.replace(self._begun(None), ended=ended)
        self._tried(lambda: self._history().begin(begun_bytes(begun, seen)))

    def _begun(self, plan: Plan | None) -> Begun:
        session = self._session
        return Begun(
            verb=self._verb,
            cluster=session.cluster,
            at=session.clock.now(),
            by=session.lessee,
            commit=session.commit,
            url=session.lease.url if session.lease else "",
            tool=version(),
            generation=self._generation(),
            fencing=session.store.fencing(session.cluster),
            digest=plan.digest if plan else "",
            steps=len(plan.steps) + len(plan.later) if plan else 0,
        )

    def _ended(self, end: ApplyResult | DyniaError | DrillReport) -> Ended:
        if isinstance(end, DrillReport):
            well = bool(end.taken) and end.settled
            told = self._at_end("done" if well else "failed", DONE if well else ERROR)
            return msgspec.structs.replace(told, drill=end)
        if isinstance(end, DyniaError):
            told = self._at_end(name_of(end), end.exit_code)
            return msgspec.structs.replace(told, message=_first(end.message))
        told = self._at_end(_result(end), end.exit_code)
        why = end.failures[0].message if end.failures else ""
        return msgspec.structs.replace(told, done=end.done, message=_first(why))

    def _at_end(self, result: Outcome, code: int) -> Ended:
        clock = self._session.clock
        return Ended(
            at=clock.now(),
            seconds=round(clock.monotonic() - self._began, 3),
            result=result,
            exit_code=code,
            generation=self._generation(),
        )

    def _generation(self) -> int:
        home = self._session.store.state.cluster(self._session.cluster)
        return home.generation if home else 0

    def _history(self) -> History:
        return self._session.store.history(self._session.cluster)

    def _tried(self, deed: Callable[[], _T]) -> _T | None:
        try:
            return deed()
        except (DyniaError, OSError) as error:
            why = error.message if isinstance(error, DyniaError) else (error.strerror or str(error)).lower()
            self._say(f"the history can't be written ({one_line(_first(why))}): nothing else rests on it")
            return None


def _result(end: ApplyResult) -> RunResult:
    return "undone" if end.exit_code == 7 and not end.last.steps else RESULTS[end.exit_code]


def _first(message: str) -> str:
    """Below the first line stands what containers and commands said."""
    return message.partition("\n")[0]
