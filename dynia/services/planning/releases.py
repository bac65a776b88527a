"""The steps that bring the components of one node to what is wanted there, one after the other."""

from __future__ import annotations

from collections.abc import Container, Mapping, Set

import msgspec

from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import FileSeen, NodeFacts, ResolvedImage
from dynia.services.actions import (
    ActivateComponent,
    BootstrapNode,
    ProvideImage,
    PushComponent,
    RecordComponent,
    RestartComponent,
    WaitHealthy,
    WatchHealthy,
)
from dynia.services.planning.compare import Comparison, expected
from dynia.services.planning.components.base import Component, Topology, TopologyNode
from dynia.services.planning.components.tls import NAME as TLS
from dynia.services.planning.plan import Step
from dynia.services.planning.reasons import Reasons
from dynia.state.model import Node

ENTRY_SIDE = frozenset({TLS, "haproxy", "failover", "keepalived"})
BOOTSTRAP_DEADLINE_S = 660.0
IMAGE_DEADLINE_S = 660.0
NOBODY: Mapping[str, str] = {}


def bootstrap(node: Node, facts: NodeFacts, packages: tuple[str, ...]) -> tuple[Step, ...]:
    """Packages, folders and lineage of a machine that is new or lost some of it."""
    missing = tuple(p for p in packages if p not in facts.packages)
    if node.bootstrapped and not missing:
        return ()
    why = (
        "because the node is new"
        if not node.bootstrapped
        else f"because {', '.join(missing)} is not installed"
    )
    action = BootstrapNode(node=node.name, packages=packages, missing=missing)
    return (
        Step(
            id=f"{node.name}/bootstrap",
            action=action,
            why=why,
            node=node.name,
            deadline_s=BOOTSTRAP_DEADLINE_S,
        ),
    )


def provide_images(
    node: str,
    facts: NodeFacts,
    wanted: tuple[tuple[str, ResolvedImage], ...],
    keepers: Mapping[str, str] = NOBODY,
) -> tuple[Step, ...]:
    """Images that the node lacks. They disturb nobody, so they are fetched ahead of the rollout. `keepers`
    maps a config digest to the node that it is copied from."""
    there = {i.id for i in facts.images}
    there.update(name for i in facts.images for name in (*i.digests, *i.tags))
    steps = []
    for reference, image in wanted:
        if image.run in there or (image.pull or image.image_id) in there:
            continue
        if image.platform and facts.arch and image.platform.split("/")[1:2] != [facts.arch]:
            raise Refused(
                f"image {reference} is for {image.platform}, and {node} is linux/{facts.arch}",
                hint=f"build it for linux/{facts.arch} too",
            )
        operator = image.origin == "operator"
        action = ProvideImage(
            node=node,
            reference=reference,
            pull="" if operator else image.pull,
            image_id=image.image_id if operator else "",
            tag=reference if operator else "",
            source=keepers.get(image.image_id, "") if operator else "",
        )
        step_id = f"{node}/image/{reference}"
        why = f"because {node} does not have it"
        steps.append(Step(id=step_id, action=action, why=why, node=node, deadline_s=IMAGE_DEADLINE_S))
    return tuple(steps)


def without_sources(comparisons: list[Comparison], seen: Container[str]) -> frozenset[str]:
    """Components that wait for a secret which is neither here nor on the node."""
    found = frozenset(one.component for one in comparisons if any(path not in seen for path in one.unclear))
    # HAProxy cannot start on a certificate that is not there.
    return found | ENTRY_SIDE if TLS in found else found


def component_steps(
    comparisons: list[Comparison],
    components: Mapping[str, Component],
    topology: Topology,
    place: TopologyNode,
    seen: Mapping[str, FileSeen],
    serves: Set[str],
    services: tuple[str, ...],
    image_steps: Mapping[str, tuple[str, ...]],
    reasons: Reasons,
) -> list[Step]:
    """Pushes in deploy order; the gates of services come right after Caddy, which they are asked through.
    Then they are watched while they serve."""
    before: list[Step] = []
    gates: list[Step] = []
    watches: list[Step] = []
    entry: list[Step] = []
    for one in comparisons:
        component = components[one.component]
        gate = component.gate(topology, place, one.wanted.recipe)
        step = _one(one, component, seen, serves, services, gate is not None, image_steps, reasons)
        if step is not None:
            (entry if one.component in ENTRY_SIDE else before).append(step)
        if gate is not None and (step is not None or not one.recorded):
            why, monitor_s = reasons.gate(one, step), topology.spec.rollout.monitor
            gates.append(_gate_step(gate, place.name, why, records=not monitor_s))
            if monitor_s:
                watches.append(_watch_step(gate, place.name, why, monitor_s))
    return _settled_by_gates(before, gates) + gates + watches + entry


def _one(
    one: Comparison,
    component: Component,
    seen: Mapping[str, FileSeen],
    serves: Set[str],
    services: tuple[str, ...],
    gated: bool,
    image_steps: Mapping[str, tuple[str, ...]],
    reasons: Reasons,
) -> Step | None:
    node, name = one.node, one.component
    after = tuple(sorted(image_steps.get(name, ())))
    # All of its files are activated, with what is written.
    there = tuple(path for path in one.wanted.paths if path in seen)
    action: PushComponent | ActivateComponent | RecordComponent
    if one.again:
        action = RestartComponent(
            node=node, component=name, release=one.wanted.id, expected=expected(there, seen), gated=gated
        )
        return Step(
            id=f"{node}/{name}/restart",
            action=action,
            why=reasons.restart(),
            node=node,
            disturbs=_disturbed(component, (), services, serves),
        )
    if one.differ or one.stale:
        touched = (*one.differ, *one.stale)
        action = PushComponent(
            node=node,
            component=name,
            release=one.wanted.id,
            write=one.differ,
            delete=one.stale,
            expected=expected(tuple({*touched, *there}), seen),
            gated=gated,
            keeper=one.wanted.recipe.keeper,
        )
        return Step(
            id=f"{node}/{name}/push",
            action=action,
            why=reasons.push(one, seen),
            after=after,
            node=node,
            disturbs=_disturbed(component, touched, services, serves),
        )
    if one.faults or one.unfinished:
        said = tuple(f"{f.kind} {f.subject}: {f.detail}" for f in one.faults)
        action = ActivateComponent(
            node=node,
            component=name,
            release=one.wanted.id,
            faults=said,
            expected=expected(there, seen),
            gated=gated,
        )
        return Step(
            id=f"{node}/{name}/activate",
            action=action,
            why=reasons.activate(one),
            after=after,
            node=node,
            disturbs=_disturbed(component, (), services, serves),
        )
    if gated or one.recorded:
        return None
    action = RecordComponent(node=node, component=name, release=one.wanted.id)
    return Step(id=f"{node}/{name}/record", action=action, why=reasons.record(one), node=node)


def _disturbed(
    component: Component, paths: tuple[str, ...], services: tuple[str, ...], serves: Set[str]
) -> tuple[str, ...]:
    return tuple(sorted(s for s in component.disturbs(paths, services) if s in serves))


def _watch_step(gate: WaitHealthy, node: str, why: str, monitor_s: float) -> Step:
    return Step(
        id=f"{node}/{gate.component}/watch",
        action=WatchHealthy(**msgspec.structs.asdict(gate), monitor_s=monitor_s),
        why=why,
        node=node,
        deadline_s=gate.timeout_s + monitor_s + 60.0,
    )


def _gate_step(gate: WaitHealthy, node: str, why: str, *, records: bool) -> Step:
    return Step(
        id=f"{node}/{gate.component}/wait",
        action=msgspec.structs.replace(gate, records=records),
        why=why,
        node=node,
        deadline_s=gate.timeout_s + 60.0,
    )


def _settled_by_gates(steps: list[Step], gates: list[Step]) -> list[Step]:
    """A disturbance ends when the last gate of the node is passed, or with the step where no gate follows."""
    if not gates:
        return steps
    last = gates[-1].id
    return [msgspec.structs.replace(s, settles=last) if s.disturbs else s for s in steps]
