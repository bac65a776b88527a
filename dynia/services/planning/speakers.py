"""VRRP between nodes that come and go: whoever speaks must be known to the one who holds the address.

Adverts are unicast: a node that the holder's config does not name hears nothing, and takes the address as
well. So a node that leaves stops keepalived before the others forget it, and a node that comes starts it
after the holder was told about it. And an address is nobody else's while one who may speak for it is silent.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import HandOver
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Step, Waiting
from dynia.services.planning.removal import remove
from dynia.services.planning.turn import Work, component
from dynia.state.model import Node

SPEAKER = "keepalived"
_WHY = "because the node leaves, and must not take the reserved IP when the others forget it"


def unheard(given: PlanningInput, nodes: Iterable[Node]) -> tuple[str, ...]:
    """Nodes that did not answer and run keepalived as far as anybody knows: each may hold the address."""
    seen = given.observed.nodes
    return tuple(sorted(n.name for n in nodes if _speaks(n) and not isinstance(seen.get(n.name), NodeFacts)))


def _speaks(node: Node) -> bool:
    return SPEAKER in node.components or SPEAKER in node.pushed


def silence(given: PlanningInput, leaving: tuple[Node, ...]) -> Part:
    """Stops keepalived on nodes that leave. Configs without them come in the next pass."""
    steps = []
    for node in leaving:
        facts = given.observed.nodes.get(node.name)
        if isinstance(facts, NodeFacts) and _speaks(node):
            steps.append(remove(node.name, SPEAKER, facts, _WHY))
    return Part(steps=tuple(steps), more=bool(steps))


def hold_back(
    given: PlanningInput, works: list[Work], staying: tuple[Node, ...], holder: str
) -> tuple[list[Work], tuple[Waiting, ...]]:
    """Nodes that never spoke stay quiet while a silent node may hold the address without knowing them."""
    spoke = {n.name for n in staying if _speaks(n)}
    silent = unheard(given, staying)
    if (holder and holder not in silent) or not silent:
        return works, ()
    kept: list[Work] = []
    waiting = []
    for work in works:
        quiet = tuple(s for s in work.steps if component(s) != SPEAKER)
        if work.node not in spoke and len(quiet) < len(work.steps):
            reason = f"keepalived waits: {', '.join(silent)} may hold the reserved IP and is not observed"
            waiting.append(Waiting(subject=work.node, reason=reason))
            work = msgspec.structs.replace(work, steps=quiet)
        if work.steps:
            kept.append(work)
    return kept, tuple(waiting)


def after_holder(joining: list[Step], turns: list[Step], holder: str) -> tuple[list[Step], list[Step]]:
    """Splits the steps of joining nodes: those that may run at once, and those from keepalived on, which come
    after the holder's own, and after the address has left it."""
    own = [s for s in turns if s.node == holder]
    told = next((s.id for s in own if component(s) == SPEAKER), "")
    told = told or next((s.id for s in own if isinstance(s.action, HandOver)), "")
    if not told:
        return joining, []
    early: list[Step] = []
    late: list[Step] = []
    waits: set[str] = set()
    for step in joining:
        if component(step) == SPEAKER:
            waits.add(step.node)
            after = tuple(sorted({*step.after, told}))
            late.append(msgspec.structs.replace(step, after=after))
        else:
            (late if step.node in waits else early).append(step)
    return early, late
