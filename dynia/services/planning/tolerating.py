"""How many nodes may fail a release before it is given up, and what is left of the others' rollout. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from dynia.interfaces.errors import DyniaError, ReleaseFailed
from dynia.services.actions import WaitHealthy
from dynia.services.planning.inputs import Aside, PlanningInput
from dynia.services.planning.plan import Step, Waiting
from dynia.services.planning.turn import Work, service_of
from dynia.state.model import State


def left_aside(
    given: PlanningInput, state: State, failed: Iterable[tuple[Step, DyniaError]]
) -> tuple[Aside, ...] | None:
    """Who is left behind, so that the others go on; None: it stops. `state` is as of now.

    Only a release that has passed its gate somewhere may fail elsewhere: what fails on its canary is given up
    at once. So is what fails otherwise than by its gate. Nobody is left behind on a way back, nor by hand.
    """
    spec = given.desired
    if spec is None or given.rollback is not None or given.by_hand is not None:
        return None
    found, nodes = {*given.aside}, state.nodes_of(given.target)
    for step, error in failed:
        action = step.action
        if not (isinstance(action, WaitHealthy) and isinstance(error, ReleaseFailed)):
            return None
        if not any(node.components.get(action.component) == action.release for node in nodes):
            return None
        found.add(Aside(node=action.node, component=action.component, release=action.release))
    return tuple(sorted(found)) if len({one.node for one in found}) <= spec.rollout.max_failures else None


def others(given: PlanningInput, works: Iterable[Work]) -> list[Work]:
    """The turns of those who are not left behind."""
    names = {one.node for one in given.aside}
    return [work for work in works if work.node not in names]


def counted(given: PlanningInput, serving: Mapping[str, Set[str]]) -> dict[str, frozenset[str]]:
    """Who serves, without those that failed: whatever their containers say, a gate said no."""
    gone = {(service_of(one.component), one.node) for one in given.aside}
    return {
        service: frozenset(name for name in names if (service, name) not in gone)
        for service, names in serving.items()
    }


def said_of(given: PlanningInput) -> tuple[Waiting, ...]:
    return tuple(
        Waiting(
            subject=one.node,
            reason=f"release {one.release} of {service_of(one.component)} failed there, and the others go on "
            "(rollout.max_failures)",
        )
        for one in given.aside
    )
