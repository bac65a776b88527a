"""Machines to make: those that are there already and nobody's, what a dead run began, then new ones."""

from __future__ import annotations

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import ProviderNode
from dynia.services.actions import ProvisionNode
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.names import node_name, priority
from dynia.services.planning.plan import Step
from dynia.services.planning.replacing import order_of
from dynia.state.model import Intent, Node

PROVISION_DEADLINE_S = 600.0


def coming_machines(
    given: PlanningInput,
    spec: ClusterSpec,
    alive: list[Node],
    missing: int,
    strays: list[ProviderNode],
    intents: dict[int, Intent],
    why: str,
) -> tuple[tuple[Step, ...], frozenset[str]]:
    """Strays of ours are adopted first, then what a dead run began is made, then new ordinals. Beside the
    steps the provider ids of those that are adopted."""
    if missing <= 0:
        return (), frozenset()
    used = {n.ordinal for n in alive}
    taken = {n.name for n in given.state.nodes_of(spec.name)} | {m.name for m in strays}
    chosen: list[tuple[int, str, str]] = []
    adopted: set[str] = set()
    for machine in sorted(strays, key=lambda m: (m.ordinal not in intents, m.ordinal, m.provider_id)):
        trusted = machine.host_key or machine.status == "absent"
        if len(chosen) < missing and trusted and machine.ordinal not in used:
            used.add(machine.ordinal)
            adopted.add(machine.provider_id)
            chosen.append((machine.ordinal, machine.name, "because a machine with its tag exists: adopted"))
    used |= {m.ordinal for m in strays}
    for ordinal, intent in sorted(intents.items()):
        if len(chosen) < missing and ordinal not in used and intent.name not in taken:
            used.add(ordinal)
            chosen.append((ordinal, intent.name, "because an earlier apply began it"))
    home = given.state.cluster(spec.name)
    following = max(home.next_ordinal if home else 1, 1 + max((*used, *intents), default=0))
    taken |= {name for _, name, _ in chosen} | {i.name for i in intents.values()}
    gone = max((n.ordinal for n in given.state.nodes_of(spec.name)), default=0)
    following = max(following, gone + 1)
    while len(chosen) < missing:
        name = node_name(given.state.lineage, spec.name, following, taken)
        taken.add(name)
        chosen.append((following, name, why))
        following += 1
    return tuple(_create(spec, *one) for one in sorted(chosen)), frozenset(adopted)


def _create(spec: ClusterSpec, ordinal: int, name: str, why: str) -> Step:
    step = f"{name}/create"
    image = getattr(spec.provider, "image", "")
    action = ProvisionNode(
        step=step,
        name=name,
        ordinal=ordinal,
        priority=priority(ordinal),
        image=image,
        user=spec.ssh.user,
        port=spec.ssh.port,
        order=order_of(spec.provider),
    )
    return Step(id=step, action=action, why=why, node=name, deadline_s=PROVISION_DEADLINE_S)


def ordinals(coming: tuple[Step, ...]) -> frozenset[int]:
    return frozenset(s.action.ordinal for s in coming if isinstance(s.action, ProvisionNode))
