"""What has to be done on the nodes that stay, as far as they were observed."""

from __future__ import annotations

from collections.abc import Container, Mapping, Set
from dataclasses import dataclass, field

import msgspec

from dynia.interfaces.observed import FileSeen, NodeFacts, NotObserved, ResolvedImage
from dynia.services.actions import ProvideImage
from dynia.services.planning.compare import Comparison, compare_node, named, releases_of
from dynia.services.planning.components import (
    BOOKKEEPING,
    TOKEN,
    TOKEN_VARIABLE,
    data_folders,
    removal,
    roots,
)
from dynia.services.planning.components.base import Fault
from dynia.services.planning.components.service_secrets import is_service_secret, paths_of, secret_name
from dynia.services.planning.draining import left_drained
from dynia.services.planning.drift import component_drift, left_behind, stray_drift
from dynia.services.planning.images import keepers
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.lines import Fold
from dynia.services.planning.plan import Drift, Step, Waiting
from dynia.services.planning.reasons import Reasons
from dynia.services.planning.releases import bootstrap, component_steps, provide_images, without_sources
from dynia.services.planning.removal import files_below, left_components
from dynia.services.planning.speakers import SPEAKER
from dynia.services.planning.strays import Known, remove_strays, strays_of
from dynia.services.planning.taking import Taking
from dynia.services.planning.turn import Work
from dynia.services.planning.wanted import Wanted
from dynia.state.model import Node

OFF = "off at the provider"
# What a node must have before it can fetch an image.
BEFORE_IMAGES = ("bootstrap", "docker/push", "docker/activate", "registry/push")


@dataclass(slots=True)
class NodesWork:
    """Filled node by node. `images` are outside of the rollout; `drained` are services, each with its node,
    that a run which did not end keeps visitors from; `left` are nodes, each with a component that is not as
    wanted there and not in this plan's scope."""

    fold: Fold
    works: list[Work] = field(default_factory=list)
    images: list[Step] = field(default_factory=list)
    drained: list[tuple[str, str]] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    not_observed: list[tuple[str, str]] = field(default_factory=list)


class Workshop:
    """What is the same for every node of a pass, worked out once."""

    def __init__(
        self,
        given: PlanningInput,
        wanted: Wanted,
        reasons: Reasons,
        nodes: tuple[Node, ...],
        taking: Taking | None = None,
    ) -> None:
        self.taking = taking
        self.given, self.wanted, self.reasons = given, wanted, reasons
        self.releases = releases_of(given.state.cluster(given.target))
        self.known = Known()
        self.data = data_folders(given.desired, given.state.cluster(given.target))
        self.images = {c.name: c.images(wanted.topology) for c in wanted.components}
        self.all_images = tuple({i.reference: i for found in self.images.values() for i in found}.items())
        any_node = next(iter(wanted.recipes.values()), {})
        ours = {p for recipe in any_node.values() for p in wanted.index.of(recipe).paths}
        self.paths = frozenset(ours.union(BOOKKEEPING))
        # The operator's Docker need not have what once was streamed from it.
        self.keepers = keepers(given.observed, nodes) if given.rollback is not None else {}
        address = wanted.topology.reserved_ip
        self.left_behind = (
            left_behind(given.observed, nodes, address) if SPEAKER in wanted.by_name and address else ()
        )

    def compared(
        self, node: Node, facts: NodeFacts, seen: Mapping[str, FileSeen], judged: Mapping[str, FileSeen]
    ) -> list[Comparison]:
        """What of a node is not as it is wanted. `seen` are its files, `judged` those as compared."""
        wanted = self.wanted
        return compare_node(
            node,
            facts,
            judged,
            wanted.components,
            wanted.recipes[node.name],
            wanted.topology,
            wanted.places[node.name],
            self.releases,
            wanted.index,
            _sources(self.given, seen),
            self.told(node, facts),
        )

    def told(self, node: Node, facts: NodeFacts) -> dict[str, tuple[Fault, ...]]:
        """Faults of a node that only a look at all of them shows."""
        if node.name not in self.left_behind:
            return {}
        detail = f"is here too, and keepalived is {facts.vrrp}"
        fault = Fault(kind="reserved_ip", subject=self.wanted.topology.reserved_ip, detail=detail)
        return {SPEAKER: (fault,)}

    def may_be_there(self, node: Node, facts: NodeFacts, comparisons: list[Comparison]) -> frozenset[str]:
        """Paths that are no strays: of wanted releases, stale ones that a push removes, and those of
        components that are still to be removed as a whole; of one that nobody remembers, all there is."""
        stale = [p for one in comparisons for p in one.stale]
        leaving = (*node.components.items(), *node.pushed.items())
        gone = [
            f.path
            for name, release in leaving
            if name not in self.wanted.by_name and (name, release) in self.releases
            for f in self.releases[name, release].files
        ]
        for name in left_components(node, facts, self.wanted.by_name):
            if name not in node.components and name not in node.pushed:
                gone += files_below(facts.files, removal(name).paths)
        return self.paths.union(stale, gone) if stale or gone else self.paths


def work_on_nodes(
    workshop: Workshop, nodes: tuple[Node, ...], serves: Mapping[str, Set[str]], off: Set[str]
) -> NodesWork:
    """`serves` maps a node to the services that it serves now, `off` are machines that do not run."""
    recorded = frozenset(name for node in nodes for name in (*node.components, *node.pushed))
    found = NodesWork(fold=Fold(workshop.reasons, recorded))
    lineage = workshop.given.state.lineage
    for node in nodes:
        facts = workshop.given.observed.nodes.get(node.name)
        if node.provider_id in off:
            found.not_observed.append((node.name, OFF))
        elif not isinstance(facts, NodeFacts):
            reason = facts.reason if isinstance(facts, NotObserved) else "not looked at yet"
            found.not_observed.append((node.name, reason))
        elif facts.lineage and facts.lineage != lineage:
            reason = f"belongs to another state ({facts.lineage}); nothing is done there"
            found.waiting.append(Waiting(subject=node.name, reason=reason))
        else:
            _work_on(workshop, node, facts, serves.get(node.name, frozenset()), found)
    return found


def _work_on(workshop: Workshop, node: Node, facts: NodeFacts, serves: Set[str], found: NodesWork) -> None:
    wanted = workshop.wanted
    topology, place = wanted.topology, wanted.places[node.name]
    seen = {f.path: f for f in facts.files}
    judged = named(seen, facts)
    comparisons = workshop.compared(node, facts, seen, judged)
    may_be_there = workshop.may_be_there(node, facts, comparisons)
    strays = strays_of(seen, roots(), may_be_there, workshop.known, workshop.data)
    first = bootstrap(node, facts, wanted.packages)
    all_images = workshop.all_images
    if workshop.taking is not None:
        scope, all_of = workshop.given.scope, {one.component for one in comparisons}
        taken = workshop.taking.of(node.name, all_of)
        found.left += [(node.name, name) for name in sorted(all_of - taken)]
        comparisons = [one for one in comparisons if one.component in taken]
        first = first if comparisons else ()
        strays = strays if scope.takes(node.name) else ()
        meant = {name for name in wanted.by_name if name in taken or scope.takes(node.name, name)}
        refs = {image.reference for name in meant for image in workshop.images.get(name, ())}
        all_images = tuple(one for one in all_images if one[0] in refs)
    images = provide_images(node.name, facts, all_images, workshop.keepers)
    away = tuple(name for name in facts.drained if name in wanted.services)
    if not (comparisons or strays or first or images or away):
        return
    fresh = not node.components and not node.pushed
    lacking = without_sources(comparisons, seen)
    possible = [one for one in comparisons if one.component not in lacking]
    for one in possible:
        found.fold.add(one, fresh)
    for one in comparisons:
        component = wanted.by_name[one.component]
        found.drift += component_drift(one, component, topology, place, facts, judged)
        # Logins and tokens are today's: a rollback leaves them. But it starts nothing without its secrets.
        found.waiting += [
            _unclear(node, path, there=path in seen)
            for path in one.unclear
            if workshop.given.rollback is None or (is_service_secret(path) and path not in seen)
        ]
    found.drift += [stray_drift(node.name, path, seen) for path in strays]
    found.drained += [(name, node.name) for name in away]
    steps = [
        *first,
        *component_steps(
            possible,
            wanted.by_name,
            topology,
            place,
            seen,
            serves,
            wanted.services,
            _by_component(workshop.images, images),
            workshop.reasons,
        ),
        *remove_strays(node.name, strays, seen),
    ]
    steps = left_drained(steps, node.name, away)
    if steps:
        found.works.append(Work(node=node.name, ordinal=node.ordinal, steps=tuple(steps), fresh=fresh))
        found.images += _after_what_they_need(images, steps)
    else:
        found.images += images


def _after_what_they_need(images: tuple[Step, ...], steps: list[Step]) -> list[Step]:
    before = [s.id for s in steps if s.id.removeprefix(f"{s.node}/") in BEFORE_IMAGES]
    return [msgspec.structs.replace(s, after=tuple(before[-1:])) for s in images]


def _by_component(
    wanted: Mapping[str, tuple[ResolvedImage, ...]], steps: tuple[Step, ...]
) -> dict[str, tuple[str, ...]]:
    if not steps:
        return {}
    by_reference = {s.action.reference: s.id for s in steps if isinstance(s.action, ProvideImage)}
    return {
        name: tuple(by_reference[i.reference] for i in found if i.reference in by_reference)
        for name, found in wanted.items()
    }


def _sources(given: PlanningInput, seen: Container[str]) -> Container[str]:
    """Secret files whose content is here, or will be: no apply begins without those of `secrets:`, so what a
    node lacks of them is written then, whoever plans. A rollback and what is done by hand go without."""
    if given.desired is None or given.rollback is not None or given.by_hand is not None:
        return given.secrets
    lacking = {path for one in given.desired.services for path in paths_of(one) if path not in seen}
    return given.secrets.keys() | lacking


def _unclear(node: Node, path: str, *, there: bool) -> Waiting:
    """An apply is whole without it where the node has one (an app's own CI knows no secrets), and where only
    the claim unit waits for it: then it is the apply that moves the address."""
    if is_service_secret(path):
        service, name = path.split("/")[-3], secret_name(path)
        reason = "its source is not here (compared at apply)" if there else "the node lacks it"
        return Waiting(subject=f"secret {name} of {service} on {node.name}", reason=reason, final=there)
    said = f"{TOKEN_VARIABLE} is not set" if path == TOKEN else "its source is not here"
    reason = f"{said} (compared at apply)"
    return Waiting(subject=f"{path} on {node.name}", reason=reason, final=there or path == TOKEN)
