"""What is done once every config is right: names are bound, and what no config names any more goes."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from dynia.interfaces.desired import ClusterSpec, NoEntry, SshProvider
from dynia.interfaces.observed import NodeFacts, NotObserved
from dynia.services.actions import DeleteNode, HandOver, ReleaseReservedIp, RemoveComponent
from dynia.services.planning.addresses import give_back, move_address, take_address
from dynia.services.planning.begun import forget, left_over
from dynia.services.planning.certificates import renew_certificate
from dynia.services.planning.components import data_folders
from dynia.services.planning.components.failover import FAILOVER
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.nodes import Membership, delete, not_deleted, why_it_goes
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Line, Step, Waiting
from dynia.services.planning.records import decide_records
from dynia.services.planning.removal import empty_node, left_components, remove
from dynia.services.planning.replacing import asked_for, leaves_entrance
from dynia.services.planning.serving import misled, serving
from dynia.services.planning.speakers import SPEAKER, unheard
from dynia.services.planning.wanted import Wanted
from dynia.state.model import Node


def finish(
    given: PlanningInput,
    spec: ClusterSpec,
    membership: Membership,
    wanted: Wanted,
    holder: str,
    move: HandOver | None,
) -> Part:
    """All steps; the pass takes them only when nothing else is left to do. `move`: how the reserved IP would
    leave the holder."""
    if given.rollback is not None:
        return _left_services(given, membership.staying, wanted)
    moved = move_address(given, spec, membership.staying)
    bound = decide_records(given, spec)
    removed = _left_services(given, membership.staying, wanted)
    deleted = _leaving(given, spec, membership, tuple(s.id for s in moved.steps))
    returned = _give_back(given, spec, membership, bound, (*removed.steps, *deleted.steps))
    begun = Part()
    if not take_address(given, spec).steps:
        intents = left_over(given, "reserved_ip", ())
        begun = forget(intents, dict.fromkeys((i.step for i in intents), tuple(s.id for s in returned.steps)))
    left = leaves_entrance(given, spec, membership.staying, holder, move)
    parts = [moved, bound, left, removed, deleted, returned, begun]
    renewed = renew_certificate(given, spec, membership.staying, holder)
    if not any(p.steps for p in parts):
        parts.append(renewed)
    return Part(
        # Where there is something else to do, the next pass renews.
        more=renewed.more or left.more,
        steps=tuple(s for p in parts for s in p.steps),
        lines=tuple(line for p in parts for line in p.lines),
        drift=tuple(d for p in parts for d in p.drift),
        waiting=tuple(w for p in parts for w in p.waiting),
    )


def _give_back(
    given: PlanningInput, spec: ClusterSpec, membership: Membership, bound: Part, steps: tuple[Step, ...]
) -> Part:
    """Once nobody holds it and no name leads to it: `steps` take keepalived from nodes, and nodes away. What
    is not observed, node or name, may go on with it when it is somebody else's."""
    returned = give_back(given, entry_stays=not isinstance(spec.entry, NoEntry))
    deleted = {s.action.name: s.id for s in steps if isinstance(s.action, DeleteNode)}
    silent = unheard(given, (*membership.staying, *membership.leaving))
    left = [name for name in silent if name not in deleted]
    unseen = isinstance(given.observed.records, NotObserved) and bool(bound.waiting)
    if left or unseen:
        reason = "is given back when the names that may lead to it are observed"
        if left:
            reason = f"is given back when {', '.join(left)} is observed: keepalived may hold it there"
        released = (s.action for s in returned.steps if isinstance(s.action, ReleaseReservedIp))
        waiting = tuple(Waiting(subject=f"reserved IP {one.address}", reason=reason) for one in released)
        return replace(returned, steps=(), lines=(), waiting=(*returned.waiting, *waiting))
    # A claim unit would take back what is detached.
    asleep = (
        s.id
        for s in steps
        if isinstance(s.action, RemoveComponent) and s.action.component in (FAILOVER, SPEAKER)
    )
    names = (s.id for s in bound.steps)
    before = (*names, *asleep, *(deleted[name] for name in silent))
    return replace(returned, steps=tuple(_after(s, before) for s in returned.steps)) if before else returned


def _after(step: Step, before: tuple[str, ...]) -> Step:
    return replace(step, after=tuple(sorted({*step.after, *before})))


def _left_services(given: PlanningInput, staying: tuple[Node, ...], wanted: Wanted) -> Part:
    """Components that left the file. A service stays while a node is silent: it may still send requests."""
    names = tuple(wanted.by_name)
    looked = {n.name: given.observed.nodes.get(n.name) for n in staying}
    seen = {name: facts for name, facts in looked.items() if isinstance(facts, NodeFacts)}
    left = {n.name: left_components(n, seen.get(n.name), names) for n in staying}
    gone = sorted({name for found in left.values() for name in found})
    if not gone:
        return Part()
    silent = [n.name for n in staying if n.name not in seen]
    back = given.rollback
    why = f"because generation {back.to} has none" if back else "because the file no longer asks for it"
    data = data_folders(given.desired, given.state.cluster(given.target))
    steps: list[Step] = []
    waiting = []
    for node in staying:
        facts = seen.get(node.name)
        if facts is None:
            continue
        after: tuple[str, ...] = ()
        for name in left[node.name]:
            if silent and name.startswith("service/"):
                continue
            steps.append(remove(node.name, name, facts, why, after, data=data))
            after = (steps[-1].id,)
    lines = tuple(
        Line(
            sign="-",
            subject=name.replace("/", " ", 1),
            nodes=tuple(n.name for n in staying if name in left[n.name]),
            why=why,
            files=True,
        )
        for name in gone
    )
    if silent:
        reason = f"stays until {', '.join(silent)} is observed and sends nothing there"
        waiting = [
            Waiting(subject=n.replace("/", " ", 1), reason=reason) for n in gone if n.startswith("service/")
        ]
    return Part(steps=tuple(steps), lines=lines, waiting=tuple(waiting))


def _leaving(given: PlanningInput, spec: ClusterSpec, membership: Membership, after: tuple[str, ...]) -> Part:
    host = isinstance(spec.provider, SshProvider)
    recorded = len(membership.staying) + len(membership.leaving)
    why = {
        n.name: "because it left the file" if host else why_it_goes(given, n, recorded, spec.nodes)
        for n in membership.leaving
    }
    volumes = any(s.volumes == "per-node" for s in spec.services)
    allowed, needed = _dispensable(given, spec, membership)
    left = leave(given, allowed, why, after, host=host, irreversible=volumes)
    return replace(left, waiting=(*left.waiting, *needed))


def _dispensable(
    given: PlanningInput, spec: ClusterSpec, membership: Membership
) -> tuple[tuple[Node, ...], tuple[Waiting, ...]]:
    """Of the nodes that leave, those whose services enough others were seen to serve; the rest waits."""
    least = max(1, spec.nodes - spec.rollout.max_unavailable)
    stays = serving(spec, given.observed, membership.staying)
    leaves = serving(spec, given.observed, membership.leaving)
    astray = frozenset(misled(spec, given.observed, membership.staying))
    few = sorted(name for name, nodes in stays.items() if len(nodes - astray) < least)
    allowed: list[Node] = []
    waiting: list[Waiting] = []
    for node in membership.leaving:
        held = [name for name in few if node.name in leaves[name]]
        if not held:
            allowed.append(node)
            continue
        now = ", ".join(str(len(stays[name] - astray)) for name in held)
        reason = f"{', '.join(held)} must be seen to serve on {least} others before it goes, and is on {now}"
        waiting.append(Waiting(subject=node.name, reason=reason))
    return tuple(allowed), tuple(waiting)


def leave(
    given: PlanningInput,
    nodes: tuple[Node, ...],
    why: Mapping[str, str],
    after: tuple[str, ...],
    *,
    host: bool,
    irreversible: bool,
) -> Part:
    """Machines are deleted; hosts that exist are emptied of what is ours and forgotten. A machine that runs
    and does not answer is left alone: it is not known to be dead."""
    listed = given.observed.provider_nodes
    machines = {} if isinstance(listed, NotObserved) else {m.provider_id: m for m in listed}
    data = data_folders(given.desired, given.state.cluster(given.target))
    steps: list[Step] = []
    waiting = []
    for node in nodes:
        facts = given.observed.nodes.get(node.name)
        machine = machines.get(node.provider_id)
        silent = not isinstance(facts, NodeFacts) and (host or machine is None or machine.status == "running")
        if silent and not asked_for(given, node):
            waiting.append(not_deleted(given, node))
            continue
        before = after
        if host and isinstance(facts, NodeFacts):
            emptied = empty_node(node, facts, why[node.name], data)
            steps += emptied
            before = (*after, emptied[-1].id)
        steps.append(delete(node, why[node.name], before, irreversible=irreversible))
    return Part(steps=tuple(steps), waiting=tuple(waiting))
