"""A service starts again on every node, as it is: order, drains and gates are those of a rollout."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import ClusterSpec, Service
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NodeFacts, ResolvedImage, UnresolvedImage
from dynia.services.planning.by_hand import Restart
from dynia.services.planning.check import check_serving, worst_at_once
from dynia.services.planning.compare import Comparison, compare_node, named, releases_of
from dynia.services.planning.components.service import service_component
from dynia.services.planning.images import SILENT, resolved_images
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.node_drain import WHY, looked_at
from dynia.services.planning.one_pass import Pass, draining_of
from dynia.services.planning.plan import Line, Step
from dynia.services.planning.reasons import Reasons
from dynia.services.planning.releases import component_steps
from dynia.services.planning.rollout import roll
from dynia.services.planning.serving import drained_nodes, find_holder, kept_for_last, misled
from dynia.services.planning.topology import topology_of
from dynia.services.planning.turn import Work
from dynia.services.planning.wanted import Wanted
from dynia.services.planning.way_back import counted_on
from dynia.state.model import Node


def plan_restart(given: PlanningInput, spec: ClusterSpec, wish: Restart) -> Pass:
    """Nodes that still have a container of before, or not all that they should. Refused where the service is
    to change anyway."""
    service = next((s for s in spec.services if s.name == wish.service), None)
    if service is None:
        names = ", ".join(sorted(s.name for s in spec.services)) or "none"
        raise Refused(f"cluster {spec.name} has no service {wish.service}", hint=f"its services: {names}")
    nodes = given.state.nodes_of(given.target)
    if not any(f"service/{service.name}" in (*n.components, *n.pushed) for n in nodes):
        raise Refused(f"service {service.name} is on no node yet", hint="`dynia apply` brings it there")
    wanted = _as_applied(given, spec, service, nodes)
    now = counted_on(given, spec, nodes)
    works: list[Work] = []
    changed: list[str] = []
    seen, waiting, silent = looked_at(given, nodes)
    for node, facts in seen:
        one = _compared(given, node, facts, wanted)
        if one.live_id and (one.pending or one.differ or one.stale):
            changed.append(node.name)
        elif one.live_id and wish.open_on(node.name, facts, amiss=bool(one.faults)):
            serves = {name for name, those in now.items() if node.name in those}
            steps = _steps(wanted, one, facts, serves)
            works.append(Work(node=node.name, ordinal=node.ordinal, steps=steps))
    if changed:
        raise Refused(
            f"service {service.name} is to change, on {', '.join(changed)}: a restart changes nothing",
            hint=_first(given, service.name),
        )
    rolled = roll(
        tuple(works),
        now,
        spec.nodes,
        spec.rollout,
        kept_for_last(given),
        misled(spec, given.observed, nodes),
        draining_of(given, spec, nodes),
    )
    concerned = tuple(work.node for work in works)
    line = Line(sign="~", subject=f"restart of {service.name}", nodes=concerned, why=WHY, files=True)
    return Pass(
        steps=rolled.steps,
        more=bool(rolled.waiting) and bool(rolled.steps),
        lines=(line,) if works else (),
        waiting=(*waiting, *rolled.waiting),
        order=rolled.order,
        joining=rolled.joining,
        serving=check_serving(rolled.steps, now, spec.nodes, spec.rollout.max_unavailable),
        at_once=worst_at_once(rolled.steps),
        away=drained_nodes(given),
        not_observed=tuple(silent),
        holder=find_holder(given),
        wanted=wanted,
    )


def _first(given: PlanningInput, service: str) -> str:
    """What ends it that the file asks for something else than what runs."""
    home = given.state.cluster(given.target)
    if home is not None and any(one.service == service for one in home.holds):
        return "the file asks for a release that failed and is on hold: mend it there, then `dynia apply`"
    if home is not None and home.generations and (back := home.generations[-1].of):
        return f"generation {back} runs again: `dynia rollback --adopt` makes the file say so, then restart"
    return "`dynia apply` makes the change, and what changes starts again with it"


def _as_applied(given: PlanningInput, spec: ClusterSpec, service: Service, nodes: tuple[Node, ...]) -> Wanted:
    """The service alone, and a tag that moved since means what it meant when it was applied."""
    component = service_component(service)
    home = given.state.cluster(given.target)
    runs = {i for r in (home.releases if home else ()) if r.component == component.name for i in r.images}
    seen = {
        name: image
        if isinstance(image, ResolvedImage) and image.run in runs
        else UnresolvedImage(reference=name, reason=f"its registry {SILENT}")
        for name, image in given.observed.images.items()
        if name in {container.image for container in service.containers}
    }
    alone = msgspec.structs.replace(spec, services=(service,))
    asked = msgspec.structs.replace(given, observed=msgspec.structs.replace(given.observed, images=seen))
    topology = topology_of(given, spec, nodes, "", resolved_images(asked, alone).found)
    places = {place.name: place for place in topology.nodes}
    return Wanted(
        topology=topology,
        components=(component,),
        by_name={component.name: component},
        places=places,
        recipes={name: {component.name: component.recipe(topology, at)} for name, at in places.items()},
        packages=(),
        services=tuple(sorted(s.name for s in spec.services)),
    )


def _compared(given: PlanningInput, node: Node, facts: NodeFacts, wanted: Wanted) -> Comparison:
    (one,) = compare_node(
        node,
        facts,
        named({f.path: f for f in facts.files}, facts),
        wanted.components,
        wanted.recipes[node.name],
        wanted.topology,
        wanted.places[node.name],
        releases_of(given.state.cluster(given.target)),
        wanted.index,
        given.secrets,
        {},
        again=wanted.by_name,
    )
    return one


def _steps(wanted: Wanted, one: Comparison, facts: NodeFacts, serves: set[str]) -> tuple[Step, ...]:
    return tuple(
        component_steps(
            [one],
            wanted.by_name,
            wanted.topology,
            wanted.places[one.node],
            {f.path: f for f in facts.files},
            serves,
            wanted.services,
            {},
            Reasons({}),
        )
    )
