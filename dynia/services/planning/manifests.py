"""Manifests that are not what the state says. An apply writes them at its end, and heals what it finds."""

from __future__ import annotations

from collections.abc import Mapping

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import FileSeen, NodeFacts
from dynia.services.actions import WriteManifest
from dynia.services.actions.write_manifest import MANIFEST
from dynia.services.planning.compare import OWNER, expected
from dynia.services.planning.generations import digest_of, inputs_of
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Line, Step, Waiting
from dynia.state.generation import MODE as GENERATION_MODE
from dynia.state.generation import Generation, path_of
from dynia.state.manifest import MODE, PATH, Sealer, read_seal
from dynia.state.model import Cluster, Node, State

DEADLINE_S = 60.0
EDITED, OLD = "because it was edited by hand", "because it is not of the last apply"
LACKS = "because the node does not keep the last generation"


def heal(given: PlanningInput, state: State) -> Part:
    """Steps that disturb nothing, on nodes that answered; one line for all that lack the same. A manifest
    that is newer than this state is left alone: then it is the state that is old. `state` is what they are
    to say, which may be later than what was planned with."""
    cluster, observed = given.target, given.observed
    home = state.cluster(cluster)
    if home is None or given.desired is None:
        return Part()
    # By hand nothing of the file is looked at: an image of it that nobody has is in nobody's way.
    keeps = _newest_of(given, given.desired, home) if given.by_hand is None else None
    sealer = Sealer(state, cluster)
    steps: list[Step] = []
    waiting: list[Waiting] = []
    for node in state.nodes_of(cluster):
        facts = observed.nodes.get(node.name)
        if not isinstance(facts, NodeFacts) or facts.lineage != state.lineage or not node.bootstrapped:
            continue
        found = _judge(sealer, home, node, facts, state.lineage, keeps)
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


def _newest_of(given: PlanningInput, spec: ClusterSpec, home: Cluster) -> Generation | None:
    """The newest generation, where what is wanted is what it was made of: else nobody can write it here."""
    newest = home.generations[-1] if home.generations else None
    return newest if newest is not None and newest.digest == digest_of(inputs_of(given, spec)) else None


def _step(node: Node, seen: Mapping[str, FileSeen], why: str, keeps: Generation | None) -> Step:
    lacks = keeps.number if keeps is not None and _lacks(seen, keeps) else 0
    paths = (PATH, path_of(lacks)) if lacks else (PATH,)
    return Step(
        id=f"{node.name}/{MANIFEST}/write",
        action=WriteManifest(node=node.name, expected=expected(paths, seen), generation=lacks),
        why=why,
        node=node.name,
        deadline_s=DEADLINE_S,
    )


def _judge(
    sealer: Sealer,
    home: Cluster,
    node: Node,
    facts: NodeFacts,
    lineage: str,
    keeps: Generation | None,
) -> Step | Waiting | None:
    seen = {f.path: f for f in facts.files}
    file = seen.get(PATH)
    if file is None:
        return _step(node, seen, "because the node has none yet", keeps)
    seal = read_seal(facts.manifest)
    if seal is None or (seal.lineage, seal.cluster, seal.node) != (lineage, home.name, node.name):
        return _step(node, seen, EDITED, keeps)
    if seal.serial > home.serial:
        reason = f"its manifest is newer than this state: serial {seal.serial}, and here {home.serial}"
        return Waiting(subject=node.name, reason=reason)
    if MANIFEST in facts.unfinished:
        return _step(node, seen, "because writing it was cut off", keeps)
    if _is_whole(file) and file.digest == sealer.digest_of(
        node.name, serial=seal.serial, fencing=seal.fencing
    ):
        lacks = keeps is not None and _lacks(seen, keeps)
        return _step(node, seen, LACKS, keeps) if lacks else None
    return _step(node, seen, EDITED if seal.digest == sealer.digest else OLD, keeps)


def _lacks(seen: Mapping[str, FileSeen], keeps: Generation) -> bool:
    """Its content is looked at when it is taken: whoever edits it takes the way back away on one node."""
    file = seen.get(path_of(keeps.number))
    return file is None or (file.kind, file.mode, file.owner) != ("file", GENERATION_MODE, OWNER)


def _is_whole(file: FileSeen) -> bool:
    return (file.kind, file.mode, file.owner) == ("file", MODE, OWNER)
