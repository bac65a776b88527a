"""What has to be done on one node when its turn comes."""

from __future__ import annotations

from dynia.interfaces.shape import Shape
from dynia.services.actions import ActivateComponent, PreDeploy, PushComponent, RecordComponent, WaitHealthy
from dynia.services.planning.plan import Step


class Work(Shape):
    """`steps` one after the other. `fresh`: nothing of ours is on the node yet."""

    node: str
    ordinal: int
    steps: tuple[Step, ...]
    fresh: bool = False


def component(step: Step) -> str:
    """The component that a step works on, or empty."""
    action = step.action
    if isinstance(action, PushComponent | ActivateComponent | RecordComponent | WaitHealthy | PreDeploy):
        return action.component
    return ""


def brought(step: Step) -> tuple[str, str]:
    """The component and its release that a step brings, or nothing."""
    if isinstance(step.action, PushComponent | ActivateComponent):
        return step.action.component, step.action.release
    return "", ""


def service_of(component: str) -> str:
    """The service that a component is, or empty: a service may be called like a component of Dynia's own."""
    return component.removeprefix("service/") if component.startswith("service/") else ""
