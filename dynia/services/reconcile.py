"""The use cases: plan, apply, destroy. `apply` is gather → plan → execute in a loop until nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec

from dynia.interfaces.errors import ApplyFailed, DyniaError, Interrupted, NotBegun, NotKept, Refused, Stale
from dynia.interfaces.events import NodeWaiting, PassStarted, PlannedStep, RunEnded, RunResult, RunStarted
from dynia.interfaces.observed import NotObserved
from dynia.services.apply_result import PAUSED, ApplyResult, Back, Failure, code_of
from dynia.services.ask_services import not_serving
from dynia.services.connections import Connections
from dynia.services.executor import Outcome, execute
from dynia.services.former_texts import former_texts
from dynia.services.gather import gather
from dynia.services.going_back import Known, Stopped, go_back
from dynia.services.keep_manifests import keep_manifests
from dynia.services.leased import leased
from dynia.services.planning.at_apply import as_reviewed
from dynia.services.planning.by_hand import ByHand
from dynia.services.planning.closing import closing_changes, opening_changes, secrets_noted
from dynia.services.planning.digest import sealed
from dynia.services.planning.estimate import LOOK, paced
from dynia.services.planning.former import missing_texts, with_texts
from dynia.services.planning.images import refuse_full
from dynia.services.planning.inputs import Aside, PlanningInput
from dynia.services.planning.manifests import heal, only_manifests
from dynia.services.planning.next_pass import deeds, refuse_again, refuse_edited, refuse_unapproved
from dynia.services.planning.pausing import resumed
from dynia.services.planning.plan import Plan, Step
from dynia.services.planning.planner import Recipes, make_plan_with_recipes
from dynia.services.planning.protect import refuse_losses
from dynia.services.planning.replacing import most_passes
from dynia.services.planning.since_approval import touched_by, writes_secrets
from dynia.services.planning.stale import Reviewed, check_reviewed
from dynia.services.planning.tolerating import left_aside
from dynia.services.planning.way_back import refuse_held, way_back
from dynia.services.session import Session
from dynia.services.tools import PassTools, tools_for
from dynia.state.model import Node

SETTLE_S = 8.0
LOOK_AGAIN_S = 0.5
RESULTS: dict[int, RunResult] = {
    0: "done",
    4: "not_observed",
    5: "locked",
    6: "stale",
    7: "failed",
    8: "rolled_back",
    9: "not_rolled_back",
    PAUSED: "paused",
}


class Reconciler:
    """One run with its connections held open. Made by `reconciler`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.connections = Connections(session.vendors, self._node, session.fan_out)
        self.given: PlanningInput | None = None
        self.recipes: Recipes = {}
        self.done = 0
        self.restrict = False
        self.by_hand: ByHand | None = None
        self.looked_s = 0.0
        # Releases that failed on nodes which were left behind, so that the others went on.
        self.aside: tuple[Aside, ...] = ()
        self.tolerated: tuple[tuple[Step, DyniaError], ...] = ()
        # The way back of an apply that failed is a run within it, and its end is not the end.
        self.within = False

    async def look(self) -> PlanningInput:
        """The world as it is now."""
        given = await gather(self.session, self.connections)
        if self.by_hand is not None:
            self.by_hand = self.by_hand.begun(given.observed)
            given = msgspec.structs.replace(given, by_hand=self.by_hand)
        if self.aside:
            given = msgspec.structs.replace(given, aside=self.aside)
        self.given = given
        return given

    async def plan(self, *, sync: bool = False, resume: bool = False) -> Plan:
        """What follows from a look at the world. Changes nothing. `sync`: files only. `resume`: what waits
        after its canary goes on.

        VRRP needs a moment to elect: a reserved IP that is on no node yet, or on two while it moves, is seen
        again for SETTLE_S seconds before it is called split.
        """
        time = asyncio.get_running_loop().time
        until = time() + SETTLE_S
        while True:
            began = self.session.clock.monotonic()
            given = await self.look()
            if resume:
                given = self.given = resumed(given)
            plan, self.recipes = make_plan_with_recipes(given, sync=sync)
            self.looked_s = self.session.clock.monotonic() - began
            split = any(item.category == "split" for item in plan.drift)
            if not split or self.session.stop.is_set() or time() >= until:
                return await self._with_texts(plan)
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _with_texts(self, plan: Plan) -> Plan:
        """What changed files say now is asked for where something changes: one more exec on one node."""
        wanted = missing_texts(plan, self._given().observed)
        texts = await former_texts(self.connections, wanted) if wanted else {}
        return sealed(with_texts(plan, texts)) if plan.diffs else plan

    async def apply(
        self,
        approve: Callable[[Plan], Awaitable[bool]],
        *,
        restrict: bool = False,
        ask_always: bool = False,
        reviewed: Reviewed | None = None,
        by_hand: ByHand | None = None,
        resume: bool = False,
    ) -> ApplyResult:
        """Plan, ask, and do it, under the cluster's lock. `restrict`: files only, no machines or addresses.

        `ask_always`: `approve` decides over more than the plan, so it is asked about an empty one too.
        `reviewed`: only that plan is applied; it is made again from the world and compared. `by_hand`: that
        is done, and nothing of what the file says. `resume`: with what has passed its canary when it begins.

        Raises Refused when `approve` says no, Stale when the world moved between review and deed,
        Interrupted after Ctrl-C. A failed step is in the result, not an exception.
        """
        session = self.session
        self.done, self.restrict, self.by_hand = 0, restrict, by_hand
        async with leased(session):
            began = session.clock.monotonic()
            self.refuse_chosen_before()
            plan = await self.plan(sync=restrict, resume=resume)
            if not restrict and by_hand is None:
                self.refuse()
            self.refuse_old_state()
            refuse_held(self._given(), plan)
            refuse_full(session.cluster, plan.steps, self._given().observed)
            if reviewed is not None:
                check_reviewed(reviewed, as_reviewed(reviewed.digest, plan, self._given(), sync=restrict))
            if (plan.steps or ask_always) and not await approve(plan):
                raise Refused(f"cluster {session.cluster}: not applied, nothing was changed")
            refuse_losses(plan)
            if not plan.steps:
                return await self._close(plan, plan, began, worked=False)
            try:
                return await self._passes(plan, began, restrict=restrict)
            except NotKept as error:
                if not self.done:
                    raise
                raise ApplyFailed(f"after {self.done} steps: {error.message}", hint=error.hint) from error

    def refuse(self) -> None:
        """A vendor of names that says no (a wrong key, say) is told before anything is made."""
        records = self._given().observed.records
        if isinstance(records, NotObserved) and records.refused:
            raise DyniaError(records.reason, hint=records.refused)

    def refuse_chosen_before(self) -> None:
        """What a rollback wants was worked out on the state before this run had the lease."""
        session = self.session
        home = session.store.state.cluster(session.cluster)
        if session.rollback is not None and (home is None or home.serial != session.chosen_at):
            raise Stale(
                f"cluster {session.cluster}: another run wrote the state since the generation was chosen",
                hint="nothing was touched; look (`dynia rollback --list`), then run `dynia rollback` again",
            )

    def refuse_old_state(self) -> None:
        """Nodes were told more than this state knows: it is an older copy, and would undo what it lacks."""
        given = self._given()
        newer = heal(given, given.state).waiting
        if newer:
            told = "; ".join(f"{one.subject}: {one.reason}" for one in newer[:3])
            raise Refused(
                f"cluster {given.target}: this state is not the newest. {told}",
                hint="find the newer state, or make it again from the nodes: `dynia state rebuild`",
            )

    async def _passes(
        self, approved: Plan, began: float, *, restrict: bool, known: Known | None = None
    ) -> ApplyResult:
        session, plan, worked = self.session, approved, False
        steps = (*approved.steps, *approved.later)
        turns = (*approved.order, *approved.joining)
        session.emit(
            RunStarted(
                at=session.clock.now(),
                cluster=session.cluster,
                steps=len(steps),
                nodes=turns or tuple(dict.fromkeys(step.node for step in steps if step.node)),
                holder=approved.holder,
                title=self._title(),
            )
        )
        known = known or Known(seen=self._given().observed.nodes, touched={})
        seen, touched = known.seen, known.touched
        most = most_passes(self._given()) + (session.spec.rollout.max_failures if session.spec else 0)
        for number in range(1, most + 1):
            planned = tuple(
                PlannedStep(id=step.id, node=step.node, sentence=step.action.sentence())
                for step in plan.steps
            )
            session.emit(PassStarted(at=session.clock.now(), number=number, steps=planned))
            if opening := opening_changes(self._given()):
                session.store.write(session.cluster, opening, "cluster recorded")
            outcome = await self._execute(plan)
            self.done += len(outcome.done)
            worked = worked or not only_manifests(plan.steps)
            if outcome.failed:
                refused = [error for _, error in outcome.failed if isinstance(error, NotBegun)]
                if not self.done and len(refused) == len(outcome.failed):
                    raise refused[0]
            if outcome.failed and not self._goes_on(outcome):
                known = Known(seen=seen, touched=touched)
                stopped = Stopped(plan=plan, outcome=outcome, known=known, recipes=self.recipes)
                return await self._failed(approved, stopped, began)
            if session.stop.is_set():
                session.store.snapshot()
                raise Interrupted(
                    "interrupted: what was in flight is finished, the state is saved",
                    hint=f"run `dynia {self._verb()}` again to go on",
                )
            plan = msgspec.structs.replace(plan, steps=outcome.among(plan.steps))
            earlier = deeds(plan)
            touched |= touched_by(plan.steps, self.recipes)
            plan = await self.plan(sync=restrict)
            if not plan.steps:
                return await self._close(approved, plan, began, worked=worked)
            refuse_again(plan, earlier)
            if only_manifests(plan.steps):
                # They are to say what the end of this apply records, so they come after it.
                nothing = msgspec.structs.replace(plan, steps=(), changes=())
                return await self._close(approved, nothing, began, worked=worked)
            refuse_unapproved(plan, approved, seen, touched)
        raise ApplyFailed(f"cluster {session.cluster} is not settled after {most} passes")

    def _goes_on(self, outcome: Outcome) -> bool:
        """Whether those that failed are left behind."""
        session = self.session
        aside = left_aside(self._given(), session.store.state, outcome.failed)
        if aside is None or session.stop.is_set():
            return False
        self.aside, self.tolerated = aside, (*self.tolerated, *outcome.failed)
        return True

    async def _execute(self, plan: Plan) -> Outcome:
        session = self.session
        home = session.store.state.cluster(session.cluster)
        noted = secrets_noted(home) if writes_secrets(plan.steps, self.recipes) else ()
        if noted:
            session.store.write(session.cluster, noted, "secrets are written")
        begun = {step.node for step in plan.steps}
        for name, reason in plan.not_observed:
            if name in begun:
                continue  # it is off, and started now
            session.emit(NodeWaiting(at=session.clock.now(), node=name, reason=reason))
        return await execute(plan.steps, await self._tools(), session)

    async def _tools(self) -> PassTools:
        return await tools_for(self.session, self.connections, self._given(), self.recipes)

    async def go_back(self, known: Known) -> ApplyResult:
        """The whole of a run that has the lease already and asks nobody. Nothing is written over that a
        person changed since what is `known`."""
        began, plan = self.session.clock.monotonic(), await self.plan()
        if not plan.steps:
            return await self._close(plan, plan, began, worked=False)
        refuse_edited(plan, known.seen, known.touched)
        return await self._passes(plan, began, restrict=False, known=known)

    async def _failed(self, approved: Plan, stopped: Stopped, began: float) -> ApplyResult:
        session, outcome = self.session, stopped.outcome
        session.store.snapshot()
        failed = (*self.tolerated, *outcome.failed)
        codes = {error.exit_code for _, error in failed}
        code = 6 if codes == {6} else 5 if codes == {5} else 7
        way = way_back(self._given(), failed)
        back = None
        if way is not None and session.bring_back is not None and not session.stop.is_set():
            back = await go_back(session, way, stopped, self._within)
            code = 8 if back.whole else 9
        return self._result(code, approved, stopped.plan, began, _told(failed), outcome.not_run, back)

    def _within(self, session: Session) -> Reconciler:
        run = type(self)(session)
        run.within = True
        return run

    async def _close(self, approved: Plan, last: Plan, began: float, *, worked: bool) -> ApplyResult:
        session, given = self.session, self._given()
        # Of a part that was left out the domains answer with what was there before.
        unserved = (
            ()
            if self.by_hand or not given.scope.whole
            else await not_serving(session, self.connections, given)
        )
        last = msgspec.structs.replace(last, waiting=(*last.waiting, *unserved))
        whole = given.scope.whole and not last.not_observed and all(w.final for w in last.waiting)
        changes = closing_changes(
            given,
            at=int(session.clock.now()),
            by=session.lessee,
            commit=session.commit,
            worked=worked,
            whole=whole,
        )
        if changes:
            pace = paced(session.store.state, session.cluster, LOOK, self.looked_s)
            session.store.write(session.cluster, (*changes, *pace), "applied")
        if changes or self.done:
            session.store.snapshot()
        steps = heal(given, session.store.state).steps
        silent = await keep_manifests(steps, await self._tools(), session) if steps else ()
        last = msgspec.structs.replace(last, not_observed=(*last.not_observed, *silent))
        # What `sync` leaves to `apply` is no failure of it.
        told = (*unserved, *last.paused)
        code = code_of(msgspec.structs.replace(last, waiting=told) if self.restrict else last)
        failures = _told(self.tolerated)
        return self._result(7 if failures else code, approved, last, began, failures, ())

    def _result(
        self,
        code: int,
        approved: Plan,
        last: Plan,
        began: float,
        failures: tuple[Failure, ...],
        not_run: tuple[Step, ...],
        back: Back | None = None,
    ) -> ApplyResult:
        session = self.session
        seconds = session.clock.monotonic() - began
        result = "undone" if code == 7 and not last.steps else RESULTS[code]
        if (self.done or failures) and not self.within:
            session.emit(RunEnded(at=session.clock.now(), result=result, exit_code=code, seconds=seconds))
        home = session.store.state.cluster(session.cluster)
        return ApplyResult(
            exit_code=code,
            plan=approved,
            last=last,
            done=self.done,
            failures=failures,
            not_run=not_run,
            seconds=seconds,
            generation=home.generation if home else 0,
            back=back,
        )

    def _verb(self) -> str:
        """What goes on with this run, was it cut."""
        if self.by_hand is not None:
            return self.by_hand.verb
        if self.session.replace:
            return f"node replace {self.session.replace}"
        if self.session.rollback is not None:
            return "rollback"
        return " ".join(("apply", *self.session.scope.said))

    def _title(self) -> str:
        if self.session.spec is None:
            return "destroy"
        return "sync" if self.restrict else self._verb()

    def _node(self, name: str) -> Node:
        found = self.session.store.state.node(self.session.cluster, name)
        if found is None:
            raise DyniaError(f"cluster {self.session.cluster} has no node {name}")
        return found

    def _given(self) -> PlanningInput:
        if self.given is None:
            raise RuntimeError("plan first")
        return self.given


def _told(failed: tuple[tuple[Step, DyniaError], ...]) -> tuple[Failure, ...]:
    return tuple(
        Failure(step=step.id, node=step.node, message=error.message, hint=error.hint)
        for step, error in failed
    )


@asynccontextmanager
async def reconciler(session: Session) -> AsyncIterator[Reconciler]:
    """A run whose connections are closed at the end, however it ends."""
    run = Reconciler(session)
    try:
        yield run
    finally:
        await run.connections.close()
