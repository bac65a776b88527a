"""What a service runs once before its release comes to any node: on the one whose turn is first."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from dynia.interfaces.desired import ClusterSpec, Service
from dynia.services.actions import Drain, PreDeploy
from dynia.services.actions.pre_deploy import BEFORE_AND_AFTER_S
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Line, Step
from dynia.services.planning.rollout import Rolled
from dynia.services.planning.turn import brought

# Beyond what the node itself gives it: its own grace, and the way there and back.
ANSWER_S = 120.0


def with_pre_deploys(given: PlanningInput, spec: ClusterSpec, rolled: Rolled) -> Part:
    """A rollout's steps with what must have run before them. Nodes that serve nothing yet are given it only
    where no other node is: one that is slow to come must not keep all the others waiting.

    A rollback runs nothing: what a pre_deploy did stays done, and an older release knows nothing of it.
    """
    steps, turns = rolled.steps, frozenset(rolled.order)
    lines: list[Line] = []
    for service in spec.services if given.rollback is None else ():
        once = service.pre_deploy
        due = [s for s in steps if once is not None and _due(given, service, s)]
        first = next((s for s in due if s.node in turns), due[0] if due else None)
        if once is None or first is None:
            continue
        action = PreDeploy(
            node=first.node,
            service=service.name,
            component=_component(service),
            release=brought(first)[1],
            command=once.command,
            timeout_s=once.timeout,
        )
        why = f"because release {action.release} of {service.name} is on no node yet"
        step = Step(
            id=f"{first.node}/{action.component}/pre-deploy",
            action=action,
            why=why,
            node=first.node,
            irreversible=True,
            deadline_s=once.timeout + BEFORE_AND_AFTER_S + ANSWER_S,
        )
        steps = _before(steps, step, first)
        subject, words = action.sentence().split(": ", 1)
        details = (("run", words),)
        lines.append(
            Line(sign="~", subject=subject, nodes=(first.node,), details=details, why=why, files=True)
        )
    return Part(steps=steps, lines=tuple(lines))


def _due(given: PlanningInput, service: Service, step: Step) -> bool:
    """Whether the step brings a release that is good nowhere, and for which it did not run to its end yet."""
    component, release = brought(step)
    if component != _component(service):
        return False
    home = given.state.cluster(given.target)
    if home is not None and home.pre_deployed.get(service.name) == release:
        return False
    return all(node.components.get(component) != release for node in given.state.nodes_of(given.target))


def _before(steps: tuple[Step, ...], once: Step, first: Step) -> tuple[Step, ...]:
    """In the turn of its node right before what touches services there, and not within their drain where
    that begins with them. Whoever else brings the release waits for it."""
    turn = [s for s in steps if s.node == once.node]
    at = next(i for i, s in enumerate(turn) if brought(s)[0].startswith("service/"))
    anchor = turn[at - 1 if at and isinstance(turn[at - 1].action, Drain) else at]
    by_id = {s.id: s for s in steps}
    # What is not among these steps is an image, which it needs as well.
    images = {name for name in first.after if name not in by_id}
    once = replace(once, after=tuple(sorted({*anchor.after, *images})))
    before = _all_before(once, by_id)
    later = (_behind(once, anchor, first, s) for s in steps if s.id not in before)
    return (*(s for s in steps if s.id in before), once, *later)


def _behind(once: Step, anchor: Step, first: Step, step: Step) -> Step:
    same = step.node != once.node and brought(step) == brought(first)
    if step.id != anchor.id and not same:
        return step
    return replace(step, after=tuple(sorted({*step.after, once.id})))


def _all_before(step: Step, by_id: Mapping[str, Step]) -> set[str]:
    """What it waits for, and what that waits for: never a node that joins, so nothing waits in a circle."""
    found: set[str] = set()
    open_ = [step]
    while open_:
        names = {name for name in open_.pop().after if name in by_id and name not in found}
        found |= names
        open_ += [by_id[name] for name in sorted(names)]
    return found


def _component(service: Service) -> str:
    return f"service/{service.name}"
