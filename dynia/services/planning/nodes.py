"""Which machines a cluster has after this apply: who stays, comes, goes, is started or forgotten."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.desired import ClusterSpec, SshProvider
from dynia.interfaces.observed import NotObserved, ProviderNode
from dynia.interfaces.shape import Shape
from dynia.services.actions import DeleteNode, ForgetNode, StartNode
from dynia.services.planning.begun import forget, left_over
from dynia.services.planning.coming import coming_machines, ordinals
from dynia.services.planning.hosts import decide_hosts
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Drift, Line, Step, Waiting
from dynia.services.planning.replacing import (
    answers,
    asked_for,
    is_replaced,
    stays_for,
    still_needed,
    why_it_comes,
)
from dynia.state.model import Node


class Membership(Shape):
    """`staying` are recorded nodes that configs name; `leaving` recorded ones that no config names any more.

    `settled` is false while a machine comes or is started: its addresses are not known yet, and configs
    are rendered in the next pass, for everybody.
    """

    staying: tuple[Node, ...]
    leaving: tuple[Node, ...] = ()
    coming: tuple[str, ...] = ()
    settled: bool = True


def decide_nodes(given: PlanningInput, spec: ClusterSpec, holder: str) -> tuple[Membership, Part]:
    """Compare the wanted count with the state and with the provider's list."""
    recorded = given.state.nodes_of(spec.name)
    if isinstance(spec.provider, SshProvider):
        staying, gone, steps, lines = decide_hosts(given, spec)
        leaving = tuple(n for n in gone if answers(given, n))
        mute = tuple(n for n in gone if not answers(given, n))
        staying = tuple(sorted((*staying, *mute), key=lambda n: n.ordinal))
        coming = tuple(step.node for step in steps)
        begun = forget(left_over(given, "node", {step.id for step in steps}), {})
        return (
            Membership(staying=staying, leaving=leaving, coming=coming, settled=not steps),
            Part(
                steps=(*steps, *begun.steps),
                lines=(*lines, *begun.lines),
                waiting=tuple(not_deleted(given, n) for n in mute),
                more=bool(steps),
            ),
        )
    listed = given.observed.provider_nodes
    if isinstance(listed, NotObserved):
        why = Waiting(subject="provider", reason=f"machines not observed ({listed.reason})")
        return Membership(staying=recorded), Part(waiting=(why,))
    return _decide_machines(given, spec, holder, recorded, listed)


def _decide_machines(
    given: PlanningInput,
    spec: ClusterSpec,
    holder: str,
    recorded: tuple[Node, ...],
    listed: tuple[ProviderNode, ...],
) -> tuple[Membership, Part]:
    machines = {machine.provider_id: machine for machine in listed}
    alive = [n for n in recorded if n.provider_id in machines and machines[n.provider_id].status != "absent"]
    kept = {n.name for n in alive}
    gone = [n for n in recorded if n.name not in kept]
    old = still_needed(given, spec, alive, holder)
    wanted = spec.nodes + (old is not None)
    surplus = _surplus(given, alive, len(alive) - wanted, holder)
    leaving = [
        n
        for n in surplus
        if machines[n.provider_id].status == "off" or answers(given, n) or asked_for(given, n)
    ]
    left = {n.name for n in leaving}
    staying = tuple(n for n in alive if n.name not in left)

    known = {n.provider_id for n in alive}
    strays = sorted(
        (m for m in listed if m.provider_id not in known), key=lambda m: (m.ordinal, m.provider_id)
    )
    intents = {
        i.ordinal: i for i in given.state.intents if i.cluster == spec.name and i.kind == "node" and i.ordinal
    }
    why = why_it_comes(given, old) if old is not None and not gone else _why_more(recorded, gone, spec)
    missing = wanted - len(staying)
    coming, adopted = coming_machines(given, spec, alive, missing, strays, intents, why)
    off = [n for n in staying if machines[n.provider_id].status == "off" and not asked_for(given, n)]
    starting = tuple(_start(n) for n in off)
    forgotten = tuple(_forget(n) for n in gone)
    orphans = [m for m in strays if m.provider_id not in adopted and m.ordinal not in ordinals(coming)]
    deleted = tuple(_delete_orphan(m) for m in orphans)
    begun = _begun(given, coming, orphans)
    steps = (*forgotten, *coming, *starting, *deleted, *begun.steps)
    drift = (
        *(_gone(n) for n in gone),
        *(_off(n) for n in alive if machines[n.provider_id].status == "off"),
        *(_orphan(m) for m in strays if m.ordinal not in intents and m.provider_id not in adopted),
    )
    twins = any(m.provider_id not in adopted and m.ordinal in ordinals(coming) for m in strays)
    part = Part(
        steps=steps,
        drift=drift,
        lines=(*_lines(given, coming, leaving, orphans, spec, len(recorded)), *begun.lines),
        waiting=(
            *(not_deleted(given, n) for n in surplus if n.name not in left),
            *stays_for(given, spec, old, alive),
        ),
        more=bool(coming or starting or leaving or twins or old),
    )
    membership = Membership(
        staying=staying,
        leaving=tuple(leaving),
        coming=tuple(step.node for step in coming),
        settled=not coming and not starting,
    )
    return membership, part


def _surplus(given: PlanningInput, alive: list[Node], surplus: int, holder: str) -> list[Node]:
    """Who is replaced, and the highest ordinals that do not hold the entry address."""
    candidates = [n for n in reversed(alive) if n.name != holder]
    replaced = [n for n in alive if n in candidates and is_replaced(given, n)]
    replaced.sort(key=lambda n: not asked_for(given, n))
    candidates = [*replaced, *(n for n in candidates if n not in replaced)]
    return sorted(candidates[: max(0, surplus)], key=lambda n: n.ordinal)


def not_deleted(given: PlanningInput, node: Node) -> Waiting:
    """A machine that runs and is silent is not known to be dead: configs go on naming it."""
    facts = given.observed.nodes.get(node.name)
    reason = facts.reason if isinstance(facts, NotObserved) else "not looked at"
    return Waiting(subject=node.name, reason=f"not observed ({reason}), so it is not deleted")


def _begun(given: PlanningInput, coming: tuple[Step, ...], orphans: list[ProviderNode]) -> Part:
    """Forgets creates that nobody goes on with, once the machines that came of them are deleted."""
    intents = tuple(
        i for i in left_over(given, "node", {s.id for s in coming}) if i.ordinal not in ordinals(coming)
    )
    before = {
        i.step: tuple(_delete_orphan(m).id for m in orphans if i.name == m.name or i.ordinal == m.ordinal)
        for i in intents
    }
    return forget(intents, before)


def _start(node: Node) -> Step:
    return Step(
        id=f"{node.name}/start",
        action=StartNode(name=node.name, provider_id=node.provider_id),
        why="because its machine is off at the provider",
        node=node.name,
    )


def _forget(node: Node) -> Step:
    return Step(
        id=f"{node.name}/forget",
        action=ForgetNode(name=node.name, provider_id=node.provider_id),
        why="because its machine is gone at the provider",
        node=node.name,
    )


def _delete_orphan(machine: ProviderNode) -> Step:
    return Step(
        id=f"{machine.name}/delete-orphan/{machine.provider_id}",
        action=DeleteNode(name=machine.name, provider_id=machine.provider_id, recorded=False),
        why="because it carries this cluster's tag and no node is it",
        node=machine.name,
        irreversible=True,
    )


def delete(node: Node, why: str, after: Iterable[str] = (), *, irreversible: bool = False) -> Step:
    """Delete a recorded machine that no config names any more."""
    return Step(
        id=f"{node.name}/delete",
        action=DeleteNode(name=node.name, provider_id=node.provider_id),
        why=why,
        after=tuple(sorted(after)),
        node=node.name,
        irreversible=irreversible,
    )


def why_it_goes(given: PlanningInput, node: Node, recorded: int, wanted: int) -> str:
    return "because it is replaced" if is_replaced(given, node) else f"because nodes {recorded} → {wanted}"


def _why_more(recorded: tuple[Node, ...], gone: list[Node], spec: ClusterSpec) -> str:
    if len(recorded) == spec.nodes and gone:
        names = ", ".join(n.name for n in gone)
        return f"because {names} {'is' if len(gone) == 1 else 'are'} gone at the provider"
    return f"because nodes {len(recorded)} → {spec.nodes}"


def _lines(
    given: PlanningInput,
    coming: tuple[Step, ...],
    leaving: list[Node],
    orphans: list[ProviderNode],
    spec: ClusterSpec,
    recorded: int,
) -> tuple[Line, ...]:
    plus = tuple(
        Line(sign="+", subject=f"node {step.node}", nodes=(step.node,), why=step.why) for step in coming
    )
    minus = tuple(
        Line(
            sign="-",
            subject=f"node {n.name}",
            nodes=(n.name,),
            why=why_it_goes(given, n, recorded, spec.nodes),
        )
        for n in leaving
    )
    strays = tuple(
        Line(sign="-", subject=f"machine {m.name}", why="because it carries our tag and no node is it")
        for m in orphans
    )
    return (*plus, *minus, *strays)


def _gone(node: Node) -> Drift:
    return Drift(
        node=node.name,
        kind="node",
        subject=node.name,
        category="tampered",
        detail="gone at the provider",
        remedy="will be made again under a new name",
    )


def _off(node: Node) -> Drift:
    return Drift(
        node=node.name,
        kind="node",
        subject=node.name,
        category="tampered",
        detail="off at the provider",
        remedy="will be started",
    )


def _orphan(machine: ProviderNode) -> Drift:
    return Drift(
        node="",
        kind="node",
        subject=machine.name,
        category="orphan",
        detail="a machine with this cluster's tag that no node is",
        remedy="will be deleted",
    )
