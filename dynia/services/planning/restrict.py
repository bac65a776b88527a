"""A pass without the steps that create, delete or move a cloud resource: what `dynia sync` may do."""

from __future__ import annotations

from dataclasses import replace

from dynia.services.actions import (
    AllocateReservedIp,
    AttachReservedIp,
    BindDns,
    DeleteNode,
    DetachReservedIp,
    ForgetIntent,
    ForgetNode,
    HandOver,
    ObtainCertificate,
    ProvisionNode,
    ReleaseReservedIp,
    StartNode,
    UnbindDns,
)
from dynia.services.planning.one_pass import Pass
from dynia.services.planning.plan import Waiting

CLOUD = (
    ProvisionNode,
    StartNode,
    DeleteNode,
    ForgetNode,
    ForgetIntent,
    AllocateReservedIp,
    AttachReservedIp,
    DetachReservedIp,
    ReleaseReservedIp,
    HandOver,
    BindDns,
    UnbindDns,
    ObtainCertificate,
)


CLOUD_DRIFT = ("node", "reserved_ip", "record")


def files_only(one: Pass) -> Pass:
    """Leaves out cloud steps, what waits for one, and the lines about them; says so as `Waiting`."""
    left_out: set[str] = set()
    kept = []
    waiting = list(one.waiting)
    for step in one.steps:
        if isinstance(step.action, CLOUD):
            waiting.append(
                Waiting(subject=step.node or step.id, reason=f"{step.action.sentence()}: needs apply")
            )
            left_out.add(step.id)
        elif left_out.intersection(step.after):
            left_out.add(step.id)
        else:
            kept.append(step)
    touched = {step.node for step in kept}
    return replace(
        one,
        steps=tuple(kept),
        lines=tuple(line for line in one.lines if line.files),
        drift=tuple(d for d in one.drift if d.category == "split" or d.kind not in CLOUD_DRIFT),
        waiting=tuple(waiting),
        joining=tuple(name for name in one.joining if name in touched),
    )
