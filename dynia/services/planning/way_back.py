"""When an apply goes back by itself, to what, and which releases may not be tried again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import DyniaError, Refused, ReleaseFailed
from dynia.interfaces.observed import NodeFacts
from dynia.interfaces.shape import Shape
from dynia.services.actions import ActivateComponent, PushComponent, WaitHealthy
from dynia.services.planning.compare import Releases, releases_of
from dynia.services.planning.components.compose_override import project
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan, Step, Waiting
from dynia.services.planning.serving import serving
from dynia.services.planning.turn import service_of
from dynia.state.generation import Generation, Rollback, runs_other
from dynia.state.hold import Hold, KeptOut
from dynia.state.model import Cluster, Node, State


class WayBack(Shape):
    """To the last good generation. `failed` are components with the releases that failed."""

    target: Generation
    failed: tuple[tuple[str, str], ...]

    @property
    def rollback(self) -> Rollback:
        return Rollback(to=self.target.number, failed=True)

    def holds(self, at: int) -> tuple[Hold, ...]:
        return tuple(Hold(service=service_of(name), release=release, at=at) for name, release in self.failed)


def way_back(given: PlanningInput, failed: Iterable[tuple[Step, DyniaError]]) -> WayBack | None:
    """None where the file says that a person is waited for, where no release is to blame, and where there was
    none before: a service that came with this apply served nobody. A rollback that fails goes nowhere, and
    neither does what is done by hand: what starts again is what ran."""
    spec, home, asked = given.desired, given.state.cluster(given.target), given.rollback or given.by_hand
    if spec is None or asked is not None or spec.rollout.on_failure != "rollback":
        return None
    if home is None or not home.generations:
        return None
    newest = home.generations[-1]
    blamed = {
        (step.action.component, step.action.release)
        for step, error in failed
        if isinstance(step.action, WaitHealthy) and isinstance(error, ReleaseFailed)
    }
    failures = sorted(pair for pair in blamed if newest.releases.get(pair[0], pair[1]) != pair[1])
    return WayBack(target=newest, failed=tuple(failures)) if failures else None


def astray(state: State, cluster: str, good: Generation, silent: Iterable[str]) -> tuple[str, ...]:
    """Nodes among the silent ones that may run something else, by what was last seen there."""
    nodes = {node.name: node for node in state.nodes_of(cluster)}
    return tuple(
        name
        for name in silent
        if name in nodes and runs_other({**nodes[name].components, **nodes[name].pushed}, good.releases)
    )


def kept_out(given: PlanningInput, nodes: Iterable[Node]) -> tuple[KeptOut, ...]:
    """To whom HAProxy sends nothing of a service: a node that does not answer, and runs what is on hold by
    what was last seen there. Once it answers it stays so until it was brought to something else; but where
    its gate had said yes, and some HAProxy was not told yet, visitors come to it, and it counts as before."""
    home = given.state.cluster(given.target)
    if home is None or not home.holds:
        return ()
    holds, found = _on_hold(home), set()
    for node in nodes:
        silent = not _answers(given, node.name)
        for component, release in (*node.components.items(), *node.pushed.items()):
            one = KeptOut(service=service_of(component), node=node.name)
            failed = (one.service, release) in holds
            away = component in node.pushed or (failed and not _sent_to(given, one))
            known = one in home.kept_out and away
            if known or (failed and silent):
                found.add(one)
    return tuple(sorted(found))


def _sent_to(given: PlanningInput, one: KeptOut) -> bool:
    """By the file of some other node's HAProxy: its own was not told while it was silent."""
    told = (f for n, f in given.observed.nodes.items() if n != one.node and isinstance(f, NodeFacts))
    return any((s.service, s.node) == (one.service, one.node) for facts in told for s in facts.servers)


def said_of(given: PlanningInput, out: Iterable[KeptOut]) -> tuple[Waiting, ...]:
    """Of those that still do not answer."""
    return tuple(
        Waiting(
            subject=one.node,
            reason=f"it may run a release of {one.service} that failed: HAProxy sends it nothing of it until "
            "it is seen on another one",
            final=True,
        )
        for one in out
        if not _answers(given, one.node)
    )


def come_back(given: PlanningInput, out: Iterable[KeptOut]) -> bool:
    """Whether one of them can be brought to something else now, so that HAProxy is told in the next pass."""
    return any(_answers(given, one.node) for one in out)


def _answers(given: PlanningInput, node: str) -> bool:
    return isinstance(given.observed.nodes.get(node), NodeFacts)


def counted_on(given: PlanningInput, spec: ClusterSpec, nodes: tuple[Node, ...]) -> dict[str, frozenset[str]]:
    """Per service the nodes that serve it, without those where the release that runs is on hold and no gate
    said yes: they are brought back first, whatever their containers say of themselves. Where a push of it
    never came to be, and the former containers run on, nothing of it is there."""
    home = given.state.cluster(given.target)
    holds = _on_hold(home)
    releases = releases_of(home) if holds else {}
    failed = {
        (service_of(component), node.name)
        for node in (nodes if holds else ())
        for component, release in node.pushed.items()
        if (service_of(component), release) in holds and not _never_came(given, node, component, releases)
    }
    failed |= {(one.service, one.node) for one in kept_out(given, nodes)}
    return {
        service: frozenset(name for name in names if (service, name) not in failed)
        for service, names in serving(spec, given.observed, nodes).items()
    }


def _never_came(given: PlanningInput, node: Node, component: str, releases: Releases) -> bool:
    """Whether the containers of the former release run, and none of the one that was pushed."""
    facts = given.observed.nodes.get(node.name)
    if not isinstance(facts, NodeFacts):
        return False
    former, pushed = (
        releases.get((component, known.get(component, ""))) for known in (node.components, node.pushed)
    )
    if former is None or pushed is None or former.containers == pushed.containers:
        return False
    ours = project(service_of(component))
    return {c.service: c.config for c in facts.containers if c.project == ours} == former.containers


def held(given: PlanningInput, plan: Plan) -> tuple[Waiting, ...]:
    """What this plan would bring although it is on hold. Said in a plan, and apply refuses it."""
    home = given.state.cluster(given.target)
    holds = _on_hold(home) if given.rollback is None else frozenset()
    brought = sorted(holds.intersection(_brought((*plan.steps, *plan.later)))) if holds else []
    return tuple(
        Waiting(
            subject=f"service {service}",
            reason=f"release {release} is on hold, since it failed and was rolled back: apply is refused "
            f"until its content changes, or after `dynia unhold {service}`",
            final=True,
        )
        for service, release in brought
    )


def refuse_held(given: PlanningInput, plan: Plan) -> None:
    """The same content would fail again."""
    for one in held(given, plan):
        raise Refused(
            f"cluster {given.target}: {one.subject}: {one.reason}",
            hint="nothing was touched. Change it; or, where the cause was something else (a secret, say, or "
            "what it talks to), take the hold away and apply again",
        )


def _on_hold(home: Cluster | None) -> frozenset[tuple[str, str]]:
    return frozenset((one.service, one.release) for one in home.holds) if home else frozenset()


def _brought(steps: Iterable[Step]) -> Iterator[tuple[str, str]]:
    for step in steps:
        match step.action:
            case PushComponent() | ActivateComponent() | WaitHealthy() as action:
                yield service_of(action.component), action.release
            case _:
                pass
