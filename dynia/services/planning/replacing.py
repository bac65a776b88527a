"""A machine that another one is to take the place of: since somebody said so, or since the file orders
another kind by now. The new one comes first, and the old one goes once the others have all that is wanted."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.desired import ClusterSpec, DigitalOceanProvider, DockerProvider, Provider, SshProvider
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import HandOver
from dynia.services.planning.components import components
from dynia.services.planning.handing_over import leaves, lines_of
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Waiting
from dynia.state.model import Node, State

# As many as it takes where nothing is replaced, and as it takes to replace one machine more.
PASSES, PASSES_EACH = 6, 6


def order_of(provider: Provider) -> str:
    """What is ordered of a machine, and can't be changed on one that is there. Empty: nothing is ordered."""
    match provider:
        case DigitalOceanProvider(image=image, size=size):
            return f"{size} {image}"
        case DockerProvider(image=image):
            return image or "the lab's own image"
        case SshProvider():
            return ""


def refuse_replacement(state: State, spec: ClusterSpec, name: str) -> None:
    """What can't be replaced, told before anything is looked at."""
    nodes = state.nodes_of(spec.name)
    if isinstance(spec.provider, SshProvider):
        raise Refused(
            f"the hosts of cluster {spec.name} are machines of your own, and Dynia makes none in their place",
            hint="name another host in clusters.yaml, and apply; then take this one out, and apply",
        )
    if name not in {node.name for node in nodes}:
        names = ", ".join(node.name for node in nodes) or "none yet"
        raise Refused(f"cluster {spec.name} has no node {name}", hint=f"its nodes: {names}")


def asked_for(given: PlanningInput, node: Node) -> bool:
    """Somebody named it: it goes whether it answers or not."""
    return bool(given.replace) and node.name == given.replace


def is_replaced(given: PlanningInput, node: Node) -> bool:
    """A machine of which it is not known what was ordered stays, and so does one that says nothing."""
    wanted = order_of(given.desired.provider) if given.desired is not None else ""
    differs = bool(wanted and node.order and node.order != wanted)
    return asked_for(given, node) or (differs and answers(given, node))


def still_needed(given: PlanningInput, spec: ClusterSpec, alive: Iterable[Node], holder: str) -> Node | None:
    """The node that is replaced next, as long as it has to stay: until as many others as the file wants have
    all that it wants, and while visitors come to it. Who has the reserved IP is the last of several."""
    nodes = tuple(alive)
    several = [n for n in nodes if is_replaced(given, n)]
    several.sort(key=lambda n: (not asked_for(given, n), n.name == holder, n.ordinal))
    old = next(iter(several), None)
    if old is None:
        return None
    return None if _others_whole(given, spec, nodes, old) and old.name != holder else old


def leaves_entrance(
    given: PlanningInput, spec: ClusterSpec, nodes: Iterable[Node], holder: str, move: HandOver | None
) -> Part:
    """The reserved IP leaves a holder that is replaced, once nothing else keeps it. `move`: how it would."""
    there = tuple(nodes)
    old = still_needed(given, spec, there, holder)
    if old is None or old.name != holder or not _others_whole(given, spec, there, old):
        return Part()
    if move is None:
        reason = "goes once another node can take the reserved IP: `dynia status` shows who has which role"
        return Part(waiting=(Waiting(subject=old.name, reason=reason),))
    step = leaves(old.name, move, f"because {old.name} is replaced")
    return Part(steps=(step,), lines=lines_of((step,)), more=True)


def _others_whole(given: PlanningInput, spec: ClusterSpec, nodes: Iterable[Node], old: Node) -> bool:
    others = [n for n in nodes if n.name != old.name]
    return len(others) >= spec.nodes and not lagging(given, spec, others)


def lagging(given: PlanningInput, spec: ClusterSpec, nodes: Iterable[Node]) -> tuple[str, ...]:
    """Those that do not answer, or lack something that the file wants."""
    wanted = {component.name for component in components(spec)}
    return tuple(
        node.name
        for node in nodes
        if node.pushed or not wanted.issubset(node.components) or not answers(given, node)
    )


def stays_for(
    given: PlanningInput, spec: ClusterSpec, old: Node | None, alive: Iterable[Node]
) -> tuple[Waiting, ...]:
    """Said where the others are as many as the file wants, and it can't go all the same."""
    if old is None:
        return ()
    others = [n for n in alive if n is not old]
    late = lagging(given, spec, others)
    if len(others) < spec.nodes or not late:
        return ()
    reason = f"goes once {', '.join(late)} {'has' if len(late) == 1 else 'have'} all that the file wants"
    return (Waiting(subject=old.name, reason=reason),)


def why_it_comes(given: PlanningInput, old: Node) -> str:
    if asked_for(given, old) or given.desired is None:
        return f"because {old.name} is replaced"
    return f"because {old.name} is of {old.order}, and the file says {order_of(given.desired.provider)}"


def most_passes(given: PlanningInput) -> int:
    """How often an apply may look again: one machine after the other is replaced."""
    old = [n for n in given.state.nodes_of(given.target) if is_replaced(given, n)]
    return PASSES + PASSES_EACH * len(old)


def answers(given: PlanningInput, node: Node) -> bool:
    return isinstance(given.observed.nodes.get(node.name), NodeFacts)
