"""Faults of containers: what should run, and does not; what runs, and should not."""

from __future__ import annotations

from collections.abc import Mapping, Set

from dynia.interfaces.observed import ContainerSeen, NodeFacts
from dynia.services.planning.components.base import Fault


def container_faults(
    seen: NodeFacts, project: str, wanted: Mapping[str, str], one_shot: Set[str] = frozenset()
) -> tuple[Fault, ...]:
    """`wanted` maps compose services of the project to the label that their container must carry.

    A container that runs and is unhealthy is no fault: to make it again would not heal it, and `status` and
    the gate tell it. Whatever else is in the project is ours to remove: its detail begins with "unknown".
    """
    found = []
    mine = [c for c in seen.containers if c.project == project]
    for service in sorted(wanted):
        those = sorted(
            (c for c in mine if c.service == service), key=lambda c: (c.config != wanted[service], c.id)
        )
        if not those:
            found.append(Fault(kind="container", subject=f"{project}-{service}", detail="is gone"))
            continue
        wrong = _wrong(those[0], wanted[service], service in one_shot)
        if wrong:
            found.append(Fault(kind="container", subject=those[0].name, detail=wrong))
        found += [_orphan(container) for container in those[1:]]
    found += [_orphan(c) for c in sorted(mine, key=lambda c: c.name) if c.service not in wanted]
    return tuple(found)


def network_faults(
    seen: NodeFacts, project: str, service: str, networks: tuple[str, ...]
) -> tuple[Fault, ...]:
    """Networks that the container of a compose service should be on."""
    those = [c for c in seen.containers if c.project == project and c.service == service]
    return tuple(
        Fault(kind="network", subject=name, detail=f"{container.name} is not connected")
        for container in those[:1]
        for name in networks
        if name not in container.networks
    )


def _wrong(container: ContainerSeen, config: str, one_shot: bool) -> str:
    if container.config != config:
        return "runs another configuration" if container.config else "was not made by Dynia"
    match container.state:
        case "running":
            return ""
        case "exited" if one_shot:
            return "" if container.exit_code == 0 else f"exited with {container.exit_code}"
        case "exited":
            return f"has stopped (exit code {container.exit_code})"
        case state:
            return f"is {state}"


def _orphan(container: ContainerSeen) -> Fault:
    return Fault(kind="container", subject=container.name, detail="unknown container of this project")
