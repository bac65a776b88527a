"""A cluster that is to go: everything of ours, and nothing else."""

from __future__ import annotations

import msgspec

from dynia.interfaces.observed import NotObserved
from dynia.services.actions import DeleteNode
from dynia.services.planning.addresses import give_back
from dynia.services.planning.finish import leave
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.nodes import delete
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Line, Step, Waiting
from dynia.services.planning.records import forget_records

WHY = "because the cluster is destroyed"


def plan_destroy(given: PlanningInput) -> tuple[Part, tuple[tuple[str, str], ...]]:
    """Names first, then machines, then the address that they had. Beside it the hosts that did not answer,
    with reasons: what is ours is still there. (A machine is deleted whether it answers or not.)"""
    home = given.state.cluster(given.target)
    host = home is not None and home.provider == "ssh"
    recorded = given.state.nodes_of(given.target)
    names = forget_records(given)
    unbound = tuple(s.id for s in names.steps)
    if host:
        why = {node.name: WHY for node in recorded}
        nodes = leave(given, recorded, why, unbound, host=True, irreversible=False)
    else:
        nodes = _machines(given, unbound)
    gone = tuple(s.id for s in nodes.steps if isinstance(s.action, DeleteNode))
    # Who is left may still hold it, and a name that still says it would lead to whoever gets it next.
    kept = any(not w.final for w in (*nodes.waiting, *names.waiting))
    address = Part() if kept else give_back(given, entry_stays=False)
    released = tuple(_after(s, gone or unbound) for s in address.steps)
    lines = (
        *(Line(sign="-", subject=f"node {n.name}", nodes=(n.name,), why=WHY) for n in recorded),
        *address.lines,
        *names.lines,
    )
    part = Part(
        steps=(*names.steps, *nodes.steps, *released),
        lines=lines,
        waiting=(*names.waiting, *nodes.waiting),
    )
    seen = given.observed.nodes
    silent = {n.name: seen.get(n.name) for n in recorded if host}
    return part, tuple((name, how.reason) for name, how in silent.items() if isinstance(how, NotObserved))


def _machines(given: PlanningInput, after: tuple[str, ...]) -> Part:
    """Every machine with the tag, recorded or not, whether it answers or not: its owner said so."""
    listed = given.observed.provider_nodes
    if isinstance(listed, NotObserved):
        reason = f"machines not observed ({listed.reason})"
        return Part(waiting=(Waiting(subject="provider", reason=reason),))
    recorded = given.state.nodes_of(given.target)
    known = {n.provider_id for n in recorded}
    steps: list[Step] = [delete(n, WHY, after, irreversible=True) for n in recorded]
    for machine in sorted(listed, key=lambda m: (m.ordinal, m.provider_id)):
        if machine.provider_id in known:
            continue
        steps.append(
            Step(
                id=f"{machine.name}/delete-orphan/{machine.provider_id}",
                action=DeleteNode(name=machine.name, provider_id=machine.provider_id, recorded=False),
                why=WHY,
                after=after,
                node=machine.name,
                irreversible=True,
            )
        )
    return Part(steps=tuple(steps))


def _after(step: Step, before: tuple[str, ...]) -> Step:
    return step if step.after else msgspec.structs.replace(step, after=before)
