"""The way out where each node serves what another one lacks: one node takes the services that it does not
serve, and its Caddyfile goes on leading the others to what runs there. That frees other nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace

import msgspec

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import PushComponent, WaitHealthy
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.compose_override import project
from dynia.services.planning.draining import Draining
from dynia.services.planning.handing_over import Entrance
from dynia.services.planning.holding import CADDY, settled_by_gates
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.releases import ENTRY_SIDE
from dynia.services.planning.rollout import Rolled, roll
from dynia.services.planning.turn import Work, component
from dynia.services.planning.wanted import Wanted
from dynia.services.planning.work import NodesWork
from dynia.state.model import Node


@dataclass(frozen=True, slots=True)
class Partial:
    """A node, the services that it keeps as they are, and what was rendered for it with those."""

    node: str
    kept: frozenset[str]
    wanted: Wanted


def part_of_one(
    given: PlanningInput,
    spec: ClusterSpec,
    wanted: Wanted,
    serving: Mapping[str, Set[str]],
    works: tuple[Work, ...],
    stuck: Rolled,
    work_of: Callable[[Wanted, tuple[Node, ...]], NodesWork],
    misled: Mapping[str, frozenset[str]],
    draining: Draining,
    door: Entrance,
) -> tuple[Rolled, Wanted]:
    """The part of one node that disturbs nobody, and what was rendered for it. The others wait on."""
    nodes = given.state.nodes_of(given.target)
    for partial in _releases(given, spec, wanted, works, stuck.held):
        again = work_of(partial.wanted, tuple(node for node in nodes if node.name == partial.node)).works
        part = _without_kept(again[0], partial) if again else None
        rolled = Rolled()
        if part:
            rolled = roll((part,), serving, spec.nodes, spec.rollout, "", misled, draining, door)
        if rolled.steps:
            return msgspec.structs.replace(rolled, waiting=stuck.waiting), partial.wanted
    return stuck, wanted


def _releases(
    given: PlanningInput,
    spec: ClusterSpec,
    wanted: Wanted,
    works: tuple[Work, ...],
    blocked: Mapping[str, tuple[str, ...]],
) -> tuple[Partial, ...]:
    """Nodes that could take a part, in turn. `blocked`: by node, the services that it must go on serving."""
    found = []
    for work in works:
        kept = frozenset(blocked.get(work.node, ()))
        taken = {component(s) for s in work.steps if isinstance(s.action, PushComponent)} - _names(kept)
        routes = routes_to(given.observed.nodes.get(work.node), spec, kept)
        if routes is not None and any(name.startswith("service/") for name in taken):
            found.append(Partial(node=work.node, kept=kept, wanted=leading(wanted, {work.node: routes})))
    return tuple(found)


def _without_kept(work: Work, partial: Partial) -> Work | None:
    """The node's work against the partial release, without what it keeps; None where that disturbs it. What
    stands before Caddy is not needed for it, and waits where it would."""
    names = _names(partial.kept)
    steps = [
        s
        for s in work.steps
        if component(s) not in names
        and not (component(s) in ENTRY_SIDE and partial.kept.intersection(s.disturbs))
    ]
    gates = {component(s) for s in steps if isinstance(s.action, WaitHealthy)}
    if not gates or any(partial.kept.intersection(s.disturbs) for s in steps):
        return None
    return msgspec.structs.replace(work, steps=tuple(settled_by_gates(steps)))


def _names(services: Set[str]) -> frozenset[str]:
    return frozenset(f"service/{name}" for name in services)


def routes_to(facts: object, spec: ClusterSpec, kept: Set[str]) -> Mapping[str, str] | None:
    """What the routed containers of `kept` say of themselves there; None where one is not to be seen."""
    if not isinstance(facts, NodeFacts):
        return None
    found = {}
    for service in spec.services:
        if service.name not in kept or service.target is None:
            continue
        of_it = (c for c in facts.containers if c.project == project(service.name))
        label = next((c.config for c in of_it if c.service == service.target.container), "")
        if not label:
            return None
        found[service.name] = label
    return found


def leading(wanted: Wanted, routes: Mapping[str, Mapping[str, str]]) -> Wanted:
    """With Caddyfiles that go on leading to what runs there, by node and service. Equal ones are one."""
    kept = {**wanted.kept, **{node: {**wanted.kept.get(node, {}), **led} for node, led in routes.items()}}
    led = replace(wanted, kept=kept)
    made: dict[tuple[tuple[str, str], ...], Recipe] = {}
    recipes = dict(wanted.recipes)
    for node in routes:
        key = tuple(sorted(kept[node].items()))
        if key not in made:
            made[key] = wanted.by_name[CADDY].recipe(led.topology_of(node), wanted.places[node])
        recipes[node] = {**recipes[node], CADDY: made[key]}
    return replace(led, recipes=recipes)
