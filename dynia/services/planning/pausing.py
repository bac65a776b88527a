"""After its canary a new release waits for a person's word: which, and who may have it until then. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from msgspec.structs import replace

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import NodeFacts
from dynia.interfaces.shape import Shape
from dynia.services.planning.holding import settled_by_gates, without
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.partial import routes_to
from dynia.services.planning.plan import Waiting
from dynia.services.planning.rollout import Rolled
from dynia.services.planning.turn import Work, brought, component, service_of
from dynia.services.planning.wanted import Wanted, render_wanted
from dynia.state.model import Cluster, Node

NAMES = 3


class Pause(Shape):
    """`canaries`, by component, are the nodes that may have its new release; `releases` which one that is.
    `routes`, by node and service, is what Caddy goes on leading to on the others, where it is seen."""

    releases: dict[str, str] = {}
    canaries: dict[str, frozenset[str]] = {}
    routes: dict[str, dict[str, str]] = {}

    def holding(self, held: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """By node the services that hold its work up, with those that wait there."""
        return {node: (*names, *map(service_of, self._closed_to(node))) for node, names in held.items()}

    def allowed(self, works: Iterable[Work]) -> tuple[Work, ...]:
        """The turns without what waits."""
        return tuple(work for work in map(self._allowed, works) if work.steps)

    def waiting(self, works: Iterable[Work]) -> tuple[Waiting, ...]:
        """What of these turns waits, by service."""
        others: dict[str, dict[str, None]] = {}
        for work in works:
            for name in {component(step) for step in work.steps}.intersection(self._closed_to(work.node)):
                others.setdefault(name, {})[work.node] = None
        return tuple(
            Waiting(
                subject=f"service {service_of(name)}",
                reason=f"release {self.releases[name]} waits after its canary "
                f"{_some(self.canaries[name])}: look at it, then `dynia apply --resume` brings it to "
                f"{_some(others[name])}",
                paused=True,
            )
            for name in sorted(others)
        )

    def _allowed(self, work: Work) -> Work:
        closed = self._closed_to(work.node)
        gone = {step.id for step in work.steps if component(step) in closed}
        if not gone:
            return work
        if work.node not in self.routes:
            return without(work, gone)
        kept = [step for step in work.steps if step.id not in gone]
        return replace(work, steps=tuple(settled_by_gates(kept)))

    def _closed_to(self, node: str) -> tuple[str, ...]:
        return tuple(name for name, canaries in self.canaries.items() if node not in canaries)


def pause_of(
    given: PlanningInput,
    spec: ClusterSpec,
    wanted: Wanted,
    staying: tuple[Node, ...],
    serving: Mapping[str, Set[str]],
    rolled: Rolled,
) -> Pause:
    """`rolled` is the rollout as if nothing waited: whose turn is first in it is the canary. Where a service
    serves nowhere all nodes get it: nobody is led to what would wait."""
    found = {name: r for name, r in _new(given, spec, wanted, staying).items() if serving[service_of(name)]}
    canaries = {name: _canaries(given, staying, name, release, rolled) for name, release in found.items()}
    canaries = {name: those for name, those in canaries.items() if those}
    routes = {}
    for node in staying:
        closed = {service_of(name) for name, those in canaries.items() if node.name not in those}
        there = routes_to(given.observed.nodes.get(node.name), spec, closed)
        if there:
            routes[node.name] = dict(there)
    return Pause(releases=found, canaries=canaries, routes=routes)


def resumed(given: PlanningInput) -> PlanningInput:
    """With the releases that have passed their canary by now: those go on. One whose canary is still to come
    waits after it all the same, so this is asked once, at the first look."""
    spec, nodes = given.desired, given.state.nodes_of(given.target)
    if spec is None or not nodes:
        return given
    new = _new(given, spec, render_wanted(given, spec, nodes), nodes)
    passed = {name: r for name, r in new.items() if any(node.components.get(name) == r for node in nodes)}
    return replace(given, resumed={service_of(name): release for name, release in sorted(passed.items())})


def _new(given: PlanningInput, spec: ClusterSpec, wanted: Wanted, nodes: tuple[Node, ...]) -> dict[str, str]:
    """By component the release that waits after its canary. Not on a way back, nor what a kept generation was
    good on: that is no news, and may be what a person goes back to."""
    home = given.state.cluster(given.target)
    if home is None or not nodes or not spec.rollout.pause_after_canary or given.rollback is not None:
        return {}
    recipes, said = wanted.recipes[nodes[0].name], {**home.resumed, **given.resumed}
    found = {}
    for service in spec.services:
        name = f"service/{service.name}"
        release = wanted.index.of(recipes[name]).id
        if said.get(service.name) != release and _is_news(home, name, release):
            found[name] = release
    return found


def _is_news(home: Cluster, name: str, release: str) -> bool:
    """A service that comes new has served nobody who could be harmed."""
    kept = home.generations
    return bool(kept) and name in kept[-1].releases and all(g.releases.get(name) != release for g in kept)


def _canaries(
    given: PlanningInput, nodes: tuple[Node, ...], name: str, release: str, rolled: Rolled
) -> frozenset[str]:
    """Who has it already: good, or pushed where the node answers. Else whose turn is first in it; also where
    those who have it must go on serving as they are, and so can't come to its end."""
    have = {
        node.name: node.components.get(name) == release for node in nodes if _has(given, node, name, release)
    }
    if any(good or node not in rolled.held for node, good in have.items()):
        return frozenset(have)
    due = [step.node for step in rolled.steps if brought(step) == (name, release)]
    first = [*(node for node in due if node in rolled.order), *due][:1]
    return frozenset((*have, *first))


def _has(given: PlanningInput, node: Node, name: str, release: str) -> bool:
    answers = isinstance(given.observed.nodes.get(node.name), NodeFacts)
    return node.components.get(name) == release or (answers and node.pushed.get(name) == release)


def _some(names: Iterable[str]) -> str:
    found = sorted(names)
    more = [f"{len(found) - NAMES} more"] if len(found) > NAMES else []
    *some, last = [*found[:NAMES], *more]
    return f"{', '.join(some)} and {last}" if some else last
