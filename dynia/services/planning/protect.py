"""What a protected cluster would lose by a plan, which is then refused: pure."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import Refused
from dynia.services.actions import DeleteNode, ProvisionNode, ReleaseReservedIp, RemoveComponent
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Loss, Plan, Step
from dynia.services.planning.replacing import asked_for, is_replaced
from dynia.services.planning.turn import service_of
from dynia.state.model import State

APPLIED = "when it was applied last; the file has it no more"
NAMED = 4
BY_FILE = (
    "nothing was touched; put back into the file what is missing. Who means it takes `protect` out of it, "
    "in a commit that is reviewed, and runs this again"
)
BY_STATE = (
    "nothing was touched; put its entry back into the file. Who means it leaves `protect` out of that, in a "
    "commit that is reviewed, and then destroys the cluster"
)


def protected_by(spec: ClusterSpec | None, state: State, name: str) -> str:
    """Where a cluster is protected, or empty. While the file has it the file's word counts; the state has it
    for the day on which somebody takes the whole entry out."""
    if spec is not None:
        return spec.protect
    home = state.cluster(name)
    return APPLIED if home is not None and home.protect else ""


def losses(given: PlanningInput, steps: Iterable[Step]) -> tuple[Loss, ...]:
    """Machines, volumes and addresses of a protected cluster that these steps would destroy.

    Another machine came before one that is replaced, so nothing is lost by that, unless services keep data
    on it; and whoever names a node (`dynia node replace`) has said which. A machine of which nothing but a
    begun create is known never was one of the cluster's.
    """
    if not given.protect:
        return ()
    there = tuple(steps)
    found = [*_machines(given, there)]
    leaving = {step.action.name for step in there if isinstance(step.action, DeleteNode)}
    emptied: dict[str, list[str]] = {}
    for step in there:
        action = step.action
        if isinstance(action, RemoveComponent) and action.node not in leaving:
            if (name := service_of(action.component)) and keeps_data(given.state, given.target, name):
                emptied.setdefault(name, []).append(action.node)
        elif isinstance(action, ReleaseReservedIp) and _was_ours(given, action):
            found.append(Loss(subject=f"reserved IP {action.address}", how="would be given back"))
    found += [
        Loss(
            subject=f"service {name}", how=f"would be removed with its volumes, on {', '.join(sorted(nodes))}"
        )
        for name, nodes in sorted(emptied.items())
    ]
    return tuple(dict.fromkeys(found))


def keeps_data(state: State, cluster: str, service: str) -> bool:
    """Whether a service that is taken off its nodes takes data along, as far as the state tells: who wrote it
    may not have known."""
    deployed = next((d for d in state.deployments if (d.cluster, d.name) == (cluster, service)), None)
    if deployed is not None and deployed.volumes is not False:
        return True
    home = state.cluster(cluster)
    releases = home.releases if home is not None else ()
    return any(r.data for r in releases if service_of(r.component) == service)


def refuse_losses(plan: Plan) -> None:
    """Raises `Refused` where a protected cluster would lose something."""
    if not plan.losses:
        return
    names = [loss.subject for loss in plan.losses]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    gone = plan.protect == APPLIED
    raise Refused(
        f"cluster {plan.cluster} is protected ({plan.protect}), and this plan would destroy "
        f"{', '.join(names[:NAMED])}{more}",
        hint=BY_STATE if gone else BY_FILE,
    )


def _was_ours(given: PlanningInput, action: ReleaseReservedIp) -> bool:
    """An address that the file itself names is nobody's to give back."""
    begun = any(i.cluster == given.target and i.kind == "reserved_ip" for i in given.state.intents)
    return bool(action.provider_id) and (action.recorded or not begun)


def without_heir(given: PlanningInput, steps: Iterable[Step]) -> tuple[Step, ...]:
    """The deletions of recorded machines in whose place no other one comes, or came in a run that was cut."""
    there, spec = tuple(steps), given.desired
    nodes = {node.name: node for node in given.state.nodes_of(given.target)}
    deletes = [s for s in there if isinstance(s.action, DeleteNode) and s.action.recorded and s.node in nodes]
    named = [s for s in deletes if asked_for(given, nodes[s.node])]
    replaced = [s for s in deletes if s not in named and is_replaced(given, nodes[s.node])]
    heirs = sum(isinstance(step.action, ProvisionNode) for step in there) - len(named)
    if (
        spec is not None
        and len(nodes) > spec.nodes
        and any(not is_replaced(given, n) for n in nodes.values())
    ):
        heirs += 1
    fine = {s.id for s in (*named, *replaced[: max(0, heirs)])}
    return tuple(step for step in deletes if step.id not in fine)


def _machines(given: PlanningInput, steps: tuple[Step, ...]) -> tuple[Loss, ...]:
    home = given.state.cluster(given.target)
    how = "would be emptied" if home is not None and home.provider == "ssh" else "would be deleted"
    begun = {i.name for i in given.state.intents if i.cluster == given.target and i.kind == "node"}
    alone = {step.id for step in without_heir(given, steps)}
    found = []
    for step in steps:
        if not isinstance(step.action, DeleteNode):
            continue
        name, node = step.action.name, given.state.node(given.target, step.action.name)
        if not step.action.recorded and name not in begun:
            found.append(Loss(subject=f"machine {name}", how=f"{how}, {step.why}"))
        elif node is not None and (step.id in alone or (step.irreversible and not asked_for(given, node))):
            found.append(Loss(subject=f"node {name}", how=f"{how}, {step.why}"))
    return tuple(found)
