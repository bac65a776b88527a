"""How much of a cluster one plan destroys, and when that is so much that its number is asked for: pure."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.services.actions import DeleteNode, RemoveComponent
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Destroyed, Plan, Step
from dynia.services.planning.protect import keeps_data, without_heir
from dynia.services.planning.turn import service_of


def destroyed(given: PlanningInput, steps: Iterable[Step]) -> tuple[Destroyed, ...]:
    """Nodes and services that are there and are gone afterwards. For one that is replaced another came. A
    cluster that is destroyed as a whole is asked for by name."""
    if given.desired is None:
        return ()
    there = tuple(steps)
    gone, nodes = without_heir(given, there), given.state.nodes_of(given.target)
    leaving = {step.node for step in there if isinstance(step.action, DeleteNode)}
    removed = {
        name
        for step in there
        if isinstance(step.action, RemoveComponent) and step.node not in leaving
        if (name := service_of(step.action.component))
    }
    known = {d.name for d in given.state.deployments if d.cluster == given.target} | removed
    found = (
        Destroyed(kind="node", gone=len(gone), there=len(nodes), data=any(s.irreversible for s in gone)),
        Destroyed(
            kind="service",
            gone=len(removed),
            there=len(known),
            data=any(keeps_data(given.state, given.target, name) for name in removed),
        ),
    )
    return tuple(one for one in found if one.gone)


def much(plan: Plan) -> tuple[Destroyed, ...]:
    """More than a third of a kind. One thing is one line of the plan, which everybody reads: it counts only
    where data goes with it."""
    return tuple(
        one for one in plan.effect.destroyed if 3 * one.gone > one.there and (one.gone > 1 or one.data)
    )


def in_words(found: Iterable[Destroyed]) -> str:
    """As in ``4 of 6 nodes and 2 of 3 services``."""
    return " and ".join(
        f"{one.gone} of {one.there} {one.kind}{'' if one.there == 1 else 's'}" for one in found
    )
