"""Nodes boot again, one after the other: order, handover, drains and gates are those of a rollout."""

from __future__ import annotations

from collections.abc import Set

import msgspec

from dynia.interfaces.desired import ClusterSpec, Service
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import RebootNode, WaitHealthy
from dynia.services.actions.reboot_node import DEADLINE_S, UPDATES_S
from dynia.services.planning.by_hand import Reboot
from dynia.services.planning.check import check_serving, worst_at_once
from dynia.services.planning.compare import Releases, releases_of
from dynia.services.planning.components.compose_override import project
from dynia.services.planning.components.haproxy import check_host
from dynia.services.planning.handing_over import Entrance, check_entrance, lines_of, successor
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.matrix import live_containers
from dynia.services.planning.node_drain import WHY, looked_at, reached
from dynia.services.planning.one_pass import Pass, draining_of
from dynia.services.planning.plan import Line, Step
from dynia.services.planning.rollout import roll
from dynia.services.planning.serving import drained_nodes, find_holder, kept_for_last, well
from dynia.services.planning.turn import Work
from dynia.services.planning.way_back import counted_on
from dynia.state.model import Node

GATE_MORE_S = 60.0


def plan_reboot(given: PlanningInput, spec: ClusterSpec, wish: Reboot) -> Pass:
    """Nodes that still are in the boot of before. What the file says otherwise by now is left to an apply:
    after its reboot a node runs what it ran."""
    nodes, releases = given.state.nodes_of(given.target), releases_of(given.state.cluster(given.target))
    if wish.node:
        reached(given, nodes, wish.node)
    now = counted_on(given, spec, nodes)
    works: list[Work] = []
    seen, waiting, silent = looked_at(given, (n for n in nodes if wish.node in ("", n.name)))
    for node, facts in seen:
        if wish.open_on(node.name, facts):
            serves = {name for name, those in now.items() if node.name in those}
            steps = _turn(spec, releases, node, facts, serves, os_updates=wish.os_updates)
            works.append(Work(node=node.name, ordinal=node.ordinal, steps=steps))
    door = Entrance(successor(given, spec, nodes, now), given.observed.nodes)
    rolled = roll(
        tuple(works),
        now,
        spec.nodes,
        spec.rollout,
        kept_for_last(given),
        draining=draining_of(given, spec, nodes),
        entrance=door,
    )
    concerned = tuple(work.node for work in works)
    steps = _one_by_one(rolled.steps, frozenset(concerned).difference(rolled.order))
    details = (("before", "apt-get dist-upgrade"),) if wish.os_updates else ()
    line = Line(sign="~", subject="reboot", nodes=concerned, details=details, why=WHY, files=True)
    return Pass(
        steps=steps,
        more=bool(rolled.waiting) and bool(steps),
        lines=(*((line,) if works else ()), *lines_of(steps)),
        waiting=(*waiting, *rolled.waiting),
        order=rolled.order,
        serving=check_serving(steps, now, spec.nodes, spec.rollout.max_unavailable),
        at_once=worst_at_once(steps),
        away=drained_nodes(given),
        interrupts=check_entrance(steps, given, spec, now, door.move),
        not_observed=tuple(silent),
        holder=find_holder(given),
    )


def _turn(
    spec: ClusterSpec, releases: Releases, node: Node, facts: NodeFacts, serves: Set[str], *, os_updates: bool
) -> tuple[Step, ...]:
    gates = [_gate(spec, releases, node, s) for s in spec.services if _runs(node, facts, s)]
    reboot = Step(
        id=f"{node.name}/reboot",
        action=RebootNode(
            node=node.name,
            boot=facts.boot_id,
            units=tuple(u.name for u in facts.units if u.active == "active" and u.enabled == "enabled"),
            os_updates=os_updates,
        ),
        why=WHY,
        node=node.name,
        disturbs=tuple(sorted(serves)),
        settles=gates[-1].id if gates and serves else "",
        deadline_s=DEADLINE_S + (UPDATES_S if os_updates else 0.0),
    )
    return reboot, *gates


def _runs(node: Node, facts: NodeFacts, service: Service) -> bool:
    """What was not well before is not waited for after it."""
    there = [c for c in facts.containers if c.project == project(service.name)]
    return (
        f"service/{service.name}" in {*node.components, *node.pushed}
        and bool(there)
        and all(map(well, there))
    )


def _gate(spec: ClusterSpec, releases: Releases, node: Node, service: Service) -> Step:
    """As it is applied there: the file may say another release by now."""
    component = f"service/{service.name}"
    containers = live_containers(releases, node, service.name)
    routed = containers.get(service.target.container, "") if service.target else ""
    gate = WaitHealthy(
        node=node.name,
        service=service.name,
        component=component,
        release=node.pushed.get(component) or node.components[component],
        project=project(service.name),
        containers=containers,
        path=service.health.path if routed else "",
        host=check_host(service) if routed else "",
        header=routed,
        timeout_s=spec.rollout.health_timeout,
        records=False,
    )
    return Step(
        id=f"{node.name}/{component}/wait",
        action=gate,
        why="because it was rebooted",
        node=node.name,
        deadline_s=gate.timeout_s + GATE_MORE_S,
    )


def _one_by_one(steps: tuple[Step, ...], idle: Set[str]) -> tuple[Step, ...]:
    """Whoever serves nothing waits for nobody in a rollout. Here they would all be away at once."""
    last = {step.node: step.id for step in steps}
    before: tuple[str, ...] = ()
    found = []
    for step in steps:
        found.append(step if step.after else msgspec.structs.replace(step, after=before))
        if not step.after and step.node in idle:
            before = (last[step.node],)
    return tuple(found)
