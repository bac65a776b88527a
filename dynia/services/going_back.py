"""After a release failed: all nodes go back to the last good generation, in the same run, under its lease."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from dynia.interfaces.errors import ApplyFailed, DyniaError, Interrupted, Locked, Stale
from dynia.interfaces.observed import ObservedNode
from dynia.services.actions import ActivateComponent, PushComponent
from dynia.services.actions.base import Recipe
from dynia.services.actions.component import applied
from dynia.services.apply_result import ApplyResult, Back, Failure
from dynia.services.connections import Connections
from dynia.services.executor import Outcome
from dynia.services.planning.plan import Plan
from dynia.services.planning.since_approval import Touched, touched_by
from dynia.services.planning.way_back import WayBack, astray
from dynia.services.rollback import Chosen, gathered
from dynia.services.session import Session
from dynia.state.hold import with_holds
from dynia.state.model import Change, PutCluster, SetPushed

STILL = "is not on what it had"


@dataclass(frozen=True, slots=True)
class Known:
    """What was `seen` when an apply was approved, and what it left on nodes since."""

    seen: Mapping[str, ObservedNode]
    touched: Touched


@dataclass(frozen=True, slots=True)
class Stopped:
    """Where an apply stopped: what it was about to do in this pass, how far it came, what was known; and what
    was rendered for it."""

    plan: Plan
    outcome: Outcome
    known: Known
    recipes: Mapping[str, Mapping[str, Recipe]]


class Run(Protocol):
    """What this needs of a `Reconciler`."""

    connections: Connections

    async def go_back(self, known: Known) -> ApplyResult: ...


async def go_back(session: Session, way: WayBack, stopped: Stopped, begin: Callable[[Session], Run]) -> Back:
    """What came of it. That it was begun, and what is on hold, is in the state before anything is touched:
    a run that is killed here is finished by `dynia rollback`.

    Nobody is asked: who approved an apply approved its way back. But what a person edited since is not
    written over (law 4).
    """
    holds = way.holds(int(session.clock.now()))
    home = session.store.state.cluster(session.cluster)
    if home is None or session.spec is None or session.bring_back is None:
        raise RuntimeError("there is a way back only where a cluster was applied")
    changed = replace(home, rollback=way.rollback, holds=with_holds(home.holds, holds))
    back = Back(to=way.target.number, holds=holds)
    try:
        changes: list[Change] = [PutCluster(cluster=changed), *_perhaps_live(session.cluster, stopped)]
        session.store.write(session.cluster, tuple(changes), "a release failed: going back")
        chosen = Chosen(target=way.target, newer=(), rollback=way.rollback)
        wanted = await gathered(session, chosen, session.spec.ssh)
        run = begin(session.bring_back(session, wanted, chosen))
        try:
            result = await run.go_back(Known(stopped.known.seen, _left(stopped)))
        finally:
            await run.connections.close()
    except Interrupted:
        raise
    except DyniaError as error:
        failure = Failure(step="rollback", node="", message=error.message, hint=error.hint)
        return dataclasses.replace(back, failures=(failure,))
    return _judged(session, way, back, result)


def _perhaps_live(cluster: str, stopped: Stopped) -> Iterator[SetPushed]:
    """Of a push that got no answer nobody knows whether it was done. A node that is taken to run what it got
    is sent nothing until it is seen; one that answers is seen to run something else."""
    for step, error in stopped.outcome.failed:
        action = step.action
        unsure = not isinstance(error, ApplyFailed | Locked | Stale)
        if unsure and isinstance(action, PushComponent | ActivateComponent) and action.gated:
            release = stopped.recipes[action.node][action.component].release
            yield SetPushed(cluster=cluster, node=action.node, release=applied(release))


def _left(stopped: Stopped) -> Touched:
    """What the apply left on nodes. Of a push that failed it may be that, or what was there before; one that
    the node refused, since somebody had edited there, left nothing."""
    steps = {step.id: step for step in stopped.plan.steps}
    failed = tuple(step for step, error in stopped.outcome.failed if not isinstance(error, Locked | Stale))
    pushed = touched_by((*(steps[name] for name in stopped.outcome.done),), stopped.recipes)
    unsure = {key: replace(left, digest=None) for key, left in touched_by(failed, stopped.recipes).items()}
    return stopped.known.touched | unsure | pushed


def _judged(session: Session, way: WayBack, back: Back, result: ApplyResult) -> Back:
    """By what was observed at the end, and of the silent by what was seen there last."""
    state = session.store.state
    nodes = tuple(node.name for node in state.nodes_of(session.cluster))
    silent = tuple(name for name, _ in result.last.not_observed if name in nodes)
    lost = astray(state, session.cluster, way.target, silent)
    others = astray(state, session.cluster, way.target, [name for name in nodes if name not in silent])
    home, whole = state.cluster(session.cluster), result.exit_code in (0, 4)
    return dataclasses.replace(
        back,
        done=result.done,
        nodes=tuple(name for name in nodes if name not in (*silent, *others)),
        silent=tuple(name for name in silent if name not in lost),
        astray=lost,
        # Only where every HAProxy that answers was told.
        out=home.kept_out if home is not None and whole else (),
        failures=result.failures,
        left=(
            *((w.subject, w.reason) for w in result.last.waiting if not w.final),
            *((name, STILL) for name in others),
        ),
    )
