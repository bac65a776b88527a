"""A pass of a part of the file: machines, ways to containers and last steps without the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from msgspec.structs import replace

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import (
    BindDns,
    DeleteNode,
    ForgetIntent,
    ForgetNode,
    HandOver,
    ObtainCertificate,
    RemoveComponent,
    StartNode,
    UnbindDns,
)
from dynia.services.planning.components.haproxy import names_others
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.introductions import domains_of
from dynia.services.planning.lines import title
from dynia.services.planning.nodes import Membership
from dynia.services.planning.part import Part
from dynia.services.planning.partial import leading, routes_to
from dynia.services.planning.plan import Line, Step, Waiting
from dynia.services.planning.scope import DNS, ENTRY, KNOW_NODES
from dynia.services.planning.turn import Work, component, service_of
from dynia.services.planning.wanted import Wanted
from dynia.state.model import Node


def some_machines(given: PlanningInput, membership: Membership, machines: Part) -> tuple[Membership, Part]:
    """Without the machines that were not named. One that is not to go now stays, for every config."""
    scope = given.scope
    if scope.whole:
        return membership, machines
    recorded = given.state.nodes_of(given.target)
    # Who is left out would not be told of nodes that come and go.
    deaf = any(n in KNOW_NODES for n in scope.excludes) or any(scope.leaves(n.name) for n in recorded)

    def takes(name: str) -> bool:
        if not recorded and not scope.names_nodes:
            return not scope.leaves(name)
        return scope.takes(name)

    def kept(step: Step) -> bool:
        return takes(step.node) and not (deaf and not isinstance(step.action, StartNode))

    steps = _without(machines.steps, {step.id for step in machines.steps if not kept(step)})
    leaving = tuple(node for node in membership.leaving if takes(node.name) and not deaf)
    back = [node for node in membership.leaving if node not in leaving]
    there = {step.node for step in steps} | {node.name for node in leaving}
    coming = tuple(name for name in membership.coming if name in there)
    left = sorted({*(s.node for s in machines.steps), *(n.name for n in membership.leaving)} - there - {""})
    starts = any(isinstance(step.action, StartNode) for step in steps)
    part = replace(
        machines,
        steps=steps,
        lines=tuple(line for line in machines.lines if not line.nodes or set(line.nodes) & there),
        drift=tuple(d for d in machines.drift if (d.node or d.subject) in there),
        waiting=(*machines.waiting, *(left_out(f"node {name}") for name in left)),
        more=machines.more and bool(steps or leaving),
    )
    staying = tuple(sorted((*membership.staying, *back), key=lambda node: node.ordinal))
    some = replace(
        membership,
        staying=staying,
        leaving=leaving,
        coming=coming,
        settled=membership.settled or not (coming or starts),
    )
    return some, part


def left_out(subject: str, nodes: Iterable[str] = ()) -> Waiting:
    names = sorted(set(nodes))
    where = f", on {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return Waiting(subject=subject, reason=f"left out{where if names else ''}", final=True)


def led_to_what_stays(
    given: PlanningInput, spec: ClusterSpec, wanted: Wanted, nodes: tuple[Node, ...]
) -> Wanted:
    """Caddy goes on leading to the containers that run of services which this plan does not bring."""
    if given.scope.whole:
        return wanted
    routes: dict[str, Mapping[str, str]] = {}
    for node in nodes:
        found: dict[str, str] = {}
        for service in spec.services:
            if not given.scope.takes(node.name, f"service/{service.name}"):
                found |= routes_to(given.observed.nodes.get(node.name), spec, {service.name}) or {}
        if found:
            routes[node.name] = found
    return leading(wanted, routes) if routes else wanted


def refuse_half_told(
    given: PlanningInput, works: Iterable[Work], left: Iterable[tuple[str, str]], wanted: Wanted
) -> None:
    """haproxy.cfg says of every service how it is asked: it must not speak of a release that is left out."""
    http = {s.name for s in wanted.topology.spec.services if s.kind == "http"}
    waits = sorted({name for _, one in left if (name := service_of(one)) in http})
    if given.scope.whole or not waits:
        return
    for work in works:
        facts = given.observed.nodes.get(work.node)
        told = any(component(step) == "haproxy" for step in work.steps)
        if not told or not isinstance(facts, NodeFacts) or not facts.servers:
            continue
        if not names_others(wanted.topology, facts, domains_of(given)):
            more = " ".join(f"--target {name}" for name in waits)
            raise Refused(
                f"haproxy.cfg on {work.node} also says how {', '.join(waits)} is asked, and that is left out",
                hint=f"nothing was touched; take it along ({more}), or leave out --target and --exclude",
            )


def last_of(given: PlanningInput, last: Part, left: Iterable[tuple[str, str]]) -> Part:
    """The last steps without those that were not named. Nothing goes while something that was left out may
    still lead to it."""
    scope = given.scope
    if scope.whole or not last.steps:
        return last
    leads = any(one in KNOW_NODES for _, one in left)
    gone: dict[str, Step] = {}
    for step in last.steps:
        early = leads and not isinstance(step.action, ObtainCertificate)
        if early or not _named(given, step) or any(name in gone for name in step.after):
            gone[step.id] = step
    if not gone:
        return last
    steps = _without(last.steps, gone.keys())
    told = {_subject(step) for step in steps}
    nodes: dict[str, list[str]] = {}
    for step in gone.values():
        nodes.setdefault(_subject(step), []).append(step.node)
    return replace(
        last,
        steps=steps,
        lines=tuple(line for line in last.lines if _about(line, told)),
        drift=(),
        waiting=(*last.waiting, *(left_out(subject, filter(None, on)) for subject, on in nodes.items())),
        more=last.more and bool(steps),
    )


def _named(given: PlanningInput, step: Step) -> bool:
    scope = given.scope
    match step.action:
        case RemoveComponent(component=name):
            return scope.takes(step.node, name)
        case DeleteNode() | ForgetNode() | HandOver():
            return True  # of a machine that was named
        case BindDns() | UnbindDns():
            return scope.takes("", DNS)
        case ObtainCertificate():
            return scope.takes("", "tls")
        case ForgetIntent():
            return not scope.targets
        case _:
            return scope.takes("", ENTRY)


def _subject(step: Step) -> str:
    match step.action:
        case RemoveComponent(component=name):
            return title(name)
        case DeleteNode(name=name) | ForgetNode(name=name):
            return f"node {name}"
        case BindDns() | UnbindDns():
            return DNS
        case ObtainCertificate():
            return "certificate"
        case _:
            return "reserved IP"


def _about(line: Line, told: Set[str]) -> bool:
    return any(line.subject == subject or line.subject.startswith(f"{subject} ") for subject in told)


def _without(steps: tuple[Step, ...], gone: Set[str]) -> tuple[Step, ...]:
    kept = (step for step in steps if step.id not in gone)
    return tuple(replace(s, after=tuple(a for a in s.after if a not in gone)) for s in kept)
