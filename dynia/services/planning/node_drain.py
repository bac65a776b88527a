"""A node is to take no visitors until somebody says otherwise, or to take them again: a plan of one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import NotObservedError, Refused
from dynia.interfaces.node_requests import LASTING_S
from dynia.interfaces.observed import NodeFacts, NotObserved
from dynia.services.actions import DrainNode, UndrainNode
from dynia.services.actions.drain import OTHERS_S
from dynia.services.planning.by_hand import NodeDrain
from dynia.services.planning.check import check_serving, remedy, too_few, worst_at_once
from dynia.services.planning.draining import UNDRAIN_S
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.one_pass import Pass, draining_of
from dynia.services.planning.plan import Line, Step, Waiting
from dynia.services.planning.serving import drained_nodes, find_holder, misled
from dynia.services.planning.way_back import counted_on
from dynia.state.model import Node

WHY = "because somebody asked for it"


def plan_node_drain(given: PlanningInput, spec: ClusterSpec, wish: NodeDrain) -> Pass:
    """No step where it is so already. Refused where too few others would serve."""
    nodes = given.state.nodes_of(given.target)
    node, _ = reached(given, nodes, wish.node)
    away = drained_nodes(given)
    now = counted_on(given, spec, nodes)
    steps: tuple[Step, ...] = ()
    if wish.back and node.name in away:
        steps = (_back(node.name),)
    elif not wish.back and node.name not in away:
        steps = (_away(given, spec, nodes, node, now),)
    subject = f"{'end of the drain' if wish.back else 'drain'} of node {node.name}"
    return Pass(
        steps=steps,
        lines=tuple(Line(sign="~", subject=subject, nodes=(s.node,), why=WHY, files=True) for s in steps),
        serving=check_serving(steps, now, spec.nodes, spec.rollout.max_unavailable),
        at_once=worst_at_once(steps),
        away=away,
        holder=find_holder(given),
    )


def reached(given: PlanningInput, nodes: tuple[Node, ...], name: str) -> tuple[Node, NodeFacts]:
    """The node of this name, and what it told. Raises where it is none of these, or told nothing."""
    node = next((n for n in nodes if n.name == name), None)
    if node is None:
        names = ", ".join(n.name for n in nodes) or "none yet"
        raise Refused(f"cluster {given.target} has no node {name}", hint=f"its nodes: {names}")
    facts = given.observed.nodes.get(name)
    if not isinstance(facts, NodeFacts):
        reason = facts.reason if facts is not None else "not looked at yet"
        raise NotObservedError(
            f"{name} does not answer ({reason}); nothing was done",
            hint="HAProxy sends nothing to a node that fails its checks; `dynia status` shows who serves",
        )
    if facts.lineage != given.state.lineage:
        raise Refused(f"{name} belongs to another state ({facts.lineage}); nothing was done")
    return node, facts


def looked_at(
    given: PlanningInput, nodes: Iterable[Node]
) -> tuple[list[tuple[Node, NodeFacts]], list[Waiting], list[tuple[str, str]]]:
    """Those that answered and are ours, with what they told; what waits; and who said nothing, with why."""
    seen: list[tuple[Node, NodeFacts]] = []
    waiting: list[Waiting] = []
    silent: list[tuple[str, str]] = []
    for node in nodes:
        facts = given.observed.nodes.get(node.name)
        if not isinstance(facts, NodeFacts):
            reason = facts.reason if isinstance(facts, NotObserved) else "not looked at yet"
            silent.append((node.name, reason))
        elif facts.lineage != given.state.lineage:
            reason = f"belongs to another state ({facts.lineage}); nothing is done there"
            waiting.append(Waiting(subject=node.name, reason=reason))
        else:
            seen.append((node, facts))
    return seen, waiting, silent


def _away(
    given: PlanningInput,
    spec: ClusterSpec,
    nodes: tuple[Node, ...],
    node: Node,
    now: Mapping[str, Set[str]],
) -> Step:
    how = draining_of(given, spec, nodes)
    there = sorted(name for name in how.http if f"service/{name}" in (*node.components, *node.pushed))
    serves = tuple(name for name in there if node.name in now[name])
    least, step = max(1, how.least), f"{node.name}/drain"
    # Whom nobody is led to may serve by then, and nobody counts on it.
    others = {name: now[name] - {node.name} - misled(spec, given.observed, nodes).keys() for name in serves}
    for name in serves:
        left = len(others[name])
        if left < least:
            raise Refused(
                f"{too_few(step, (name,), left, spec.nodes, least)}; nothing was touched",
                hint=_what_now(given, len(now[name]), left, spec.nodes),
            )
    deadline_s = OTHERS_S + how.timeout_s + UNDRAIN_S
    return Step(
        id=step,
        action=DrainNode(
            node=node.name,
            services=tuple(there),
            watch=how.watch,
            least=dict.fromkeys(there, least),
            timeout_s=how.timeout_s,
            lasts_s=float(LASTING_S),
        ),
        why=WHY,
        node=node.name,
        disturbs=serves,
        deadline_s=deadline_s,
    )


def _what_now(given: PlanningInput, now: int, left: int, wanted: int) -> str:
    ends = [f"end the drain of {name} (`dynia node undrain {name}`)" for name in drained_nodes(given)]
    return ", or ".join((*ends, remedy(now, left, wanted)))


def _back(node: str) -> Step:
    return Step(id=f"{node}/undrain", action=UndrainNode(node=node), why=WHY, node=node, deadline_s=UNDRAIN_S)
