"""Manifests that are not what the state says. An apply writes them at its end, and heals what it finds."""

from __future__ import annotations

from dynia.interfaces.observed import FileSeen, NodeFacts, Observed
from dynia.services.actions import WriteManifest
from dynia.services.actions.write_manifest import MANIFEST
from dynia.services.planning.compare import OWNER, expected
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Line, Step, Waiting
from dynia.state.manifest import MODE, PATH, Sealer, read_seal
from dynia.state.model import Cluster, Node, State

DEADLINE_S = 60.0
EDITED, OLD = "because it was edited by hand", "because it is not of the last apply"


def heal(state: State, cluster: str, observed: Observed) -> Part:
    """Steps that disturb nothing, on nodes that answered; one line for all that lack the same. A manifest
    that is newer than this state is left alone: then it is the state that is old."""
    home = state.cluster(cluster)
    if home is None:
        return Part()
    sealer = Sealer(state, cluster)
    steps: list[Step] = []
    waiting: list[Waiting] = []
    for node in state.nodes_of(cluster):
        facts = observed.nodes.get(node.name)
        if not isinstance(facts, NodeFacts) or facts.lineage != state.lineage or not node.bootstrapped:
            continue
        found = _judge(sealer, home, node, facts, state.lineage)
        if isinstance(found, Step):
            steps.append(found)
        elif found is not None:
            waiting.append(found)
    lines = tuple(
        Line(
            sign="~",
            subject="manifest",
            nodes=tuple(step.node for step in steps if step.why == why),
            why=why,
            files=True,
        )
        for why in dict.fromkeys(step.why for step in steps)
    )
    return Part(steps=tuple(steps), lines=lines, waiting=tuple(waiting))


def only_manifests(steps: tuple[Step, ...]) -> bool:
    """Whether all that is left is what every apply does at its end."""
    return all(isinstance(step.action, WriteManifest) for step in steps)


def _step(node: Node, seen: FileSeen | None, why: str) -> Step:
    there = expected((PATH,), {PATH: seen} if seen else {})
    return Step(
        id=f"{node.name}/{MANIFEST}/write",
        action=WriteManifest(node=node.name, expected=there),
        why=why,
        node=node.name,
        deadline_s=DEADLINE_S,
    )


def _judge(
    sealer: Sealer, home: Cluster, node: Node, facts: NodeFacts, lineage: str
) -> Step | Waiting | None:
    file = next((f for f in facts.files if f.path == PATH), None)
    if file is None:
        return _step(node, None, "because the node has none yet")
    seal = read_seal(facts.manifest)
    if seal is None or (seal.lineage, seal.cluster, seal.node) != (lineage, home.name, node.name):
        return _step(node, file, EDITED)
    if seal.serial > home.serial:
        reason = f"its manifest is newer than this state: serial {seal.serial}, and here {home.serial}"
        return Waiting(subject=node.name, reason=reason)
    if MANIFEST in facts.unfinished:
        return _step(node, file, "because writing it was cut off")
    if _is_whole(file) and file.digest == sealer.digest_of(
        node.name, serial=seal.serial, fencing=seal.fencing
    ):
        return None
    return _step(node, file, EDITED if seal.digest == sealer.digest else OLD)


def _is_whole(file: FileSeen) -> bool:
    return (file.kind, file.mode, file.owner) == ("file", MODE, OWNER)
