"""A plan without the steps that create, delete or move a cloud resource: what `dynia sync` may do."""

from __future__ import annotations

import msgspec

from dynia.services.actions import (
    AllocateReservedIp,
    AttachReservedIp,
    BindDns,
    DeleteNode,
    DetachReservedIp,
    ForgetIntent,
    ForgetNode,
    ProvisionNode,
    ReleaseReservedIp,
    StartNode,
    UnbindDns,
)
from dynia.services.planning.plan import Plan, Waiting

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
    BindDns,
    UnbindDns,
)


def files_only(plan: Plan) -> Plan:
    """Leaves out cloud steps and everything that waits for one, and says so as `Waiting`."""
    left_out: set[str] = set()
    kept = []
    waiting = list(plan.waiting)
    for step in plan.steps:
        if isinstance(step.action, CLOUD):
            waiting.append(
                Waiting(subject=step.node or step.id, reason=f"{step.action.sentence()}: needs apply")
            )
            left_out.add(step.id)
        elif left_out.intersection(step.after):
            left_out.add(step.id)
        else:
            kept.append(step)
    if not left_out:
        return plan
    return msgspec.structs.replace(plan, steps=tuple(kept), later=(), waiting=tuple(waiting), joining=())
