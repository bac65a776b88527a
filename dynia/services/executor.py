"""Walk a plan's steps in dependency order, write the state, tell what happens. Decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass

import msgspec

from dynia.interfaces.errors import BadInput, DyniaError, NotBegun, NotKept, NotObservedError
from dynia.interfaces.events import StepEnded, StepFailed, StepNotRun, StepStarted
from dynia.services.actions.base import Tools
from dynia.services.planning.estimate import kind_of, paced
from dynia.services.planning.plan import Step
from dynia.services.session import Session


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the steps. `failed` pairs a step with its error; `not_run` never began."""

    done: tuple[str, ...]
    failed: tuple[tuple[Step, DyniaError], ...]
    not_run: tuple[Step, ...]

    def among(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Those of these steps that ended well."""
        done = frozenset(self.done)
        return tuple(step for step in steps if step.id in done)


async def execute(steps: tuple[Step, ...], tools: Tools, session: Session) -> Outcome:
    """Run steps as soon as what they wait for has ended well.

    After a failure, or when `session.stop` is set, nothing more is started but what undoes a step that was
    begun; what runs is awaited. On cancellation what runs is cancelled and awaited: its begin stands in the
    journal without an end, and the next run finds by observation how far it came.
    """
    walk = _Walk(steps)
    running: dict[asyncio.Task[DyniaError | None], Step] = {}
    done: list[str] = []
    failed: list[tuple[Step, DyniaError]] = []
    try:
        while True:
            while walk.ready and not failed and not session.stop.is_set() and len(running) < session.fan_out:
                step = walk.ready.popleft()
                running[asyncio.create_task(_run(step, tools, session), name=step.id)] = step
            if not running:
                break
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            # By when they were begun: a set has an order of its own in every process.
            for task in [one for one in running if one in ended]:
                step, error = running.pop(task), task.result()
                if error is None:
                    done.append(step.id)
                    walk.ended(step.id)
                else:
                    failed.append((step, error))
        for step in _owed(steps, {*done, *(step.id for step, _ in failed)}):
            error = await _run(step, tools, session)
            if error is None:
                done.append(step.id)
            else:
                failed.append((step, error))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    finished = {*done, *(step.id for step, _ in failed)}
    not_run = tuple(step for step in steps if step.id not in finished)
    why = f"{failed[0][0].id} failed" if failed else "interrupted"
    for step in not_run:
        session.emit(StepNotRun(at=session.clock.now(), step=step.id, node=step.node, reason=why))
    return Outcome(done=tuple(done), failed=tuple(failed), not_run=not_run)


def _owed(steps: tuple[Step, ...], ended: set[str]) -> tuple[Step, ...]:
    """What takes away the effect of a step that was begun, and did not come to its turn itself."""
    return tuple(step for step in steps if step.undoes in ended and step.id not in ended)


async def _run(step: Step, tools: Tools, session: Session) -> DyniaError | None:
    store = session.store
    begun = False
    try:
        store.begin(session.cluster, step.id, msgspec.json.encode(step.action), step.action.intents(tools))
        begun = True
        return await _recorded(step, tools, session)
    except (NotKept, BadInput) as caught:
        # The state can't be written, or not read. What runs beside this step is let end: how far it came is
        # found by observation.
        ran, kind = ("ran, and its end is not recorded", DyniaError) if begun else ("not begun", NotBegun)
        error = kind(f"{step.id} · {ran}: {caught.message}", hint=caught.hint)
        session.emit(
            StepFailed(
                at=session.clock.now(), step=step.id, node=step.node, message=error.message, hint=error.hint
            )
        )
        return error


async def _recorded(step: Step, tools: Tools, session: Session) -> DyniaError | None:
    store, clock = session.store, session.clock
    session.emit(
        StepStarted(
            at=clock.now(),
            step=step.id,
            node=step.node,
            sentence=step.action.sentence(),
            deadline_s=step.deadline_s,
        )
    )
    began = clock.monotonic()
    error: DyniaError
    answered = False
    try:
        async with asyncio.timeout(step.deadline_s):
            changes = await step.action.run(tools)
    except TimeoutError:
        error = DyniaError(
            f"{step.id} · not finished within {step.deadline_s:g} s",
            hint="what it did is found by the next apply; look at the node first",
        )
    except DyniaError as caught:
        error, answered = caught, not isinstance(caught, NotObservedError)
    else:
        seconds = clock.monotonic() - began
        pace = paced(store.state, session.cluster, kind_of(step), seconds)
        store.end(session.cluster, step.id, (*changes, *pace))
        session.emit(StepEnded(at=clock.now(), step=step.id, node=step.node, seconds=seconds))
        return None
    with contextlib.suppress(NotKept):
        store.fail(session.cluster, step.id, error.message)
    session.emit(
        StepFailed(
            at=clock.now(),
            step=step.id,
            node=step.node,
            message=error.message,
            seconds=clock.monotonic() - began,
            hint=error.hint,
        )
    )
    # One that answered is kept: what runs beside this step on the same node is let end.
    if step.node and not answered:
        await tools.forget_connection(step.node)
    return error


class _Walk:
    """Which steps are ready: constant work per edge."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        known = {step.id for step in steps}
        self._left = {step.id: len([a for a in step.after if a in known]) for step in steps}
        self._by_id = {step.id: step for step in steps}
        self._next: dict[str, list[str]] = {}
        for step in steps:
            for earlier in step.after:
                if earlier in known:
                    self._next.setdefault(earlier, []).append(step.id)
        self.ready = deque(step for step in steps if self._left[step.id] == 0)

    def ended(self, step_id: str) -> None:
        for later in self._next.get(step_id, ()):
            self._left[later] -= 1
            if self._left[later] == 0:
                self.ready.append(self._by_id[later])
