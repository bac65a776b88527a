"""What may still be done on a node where a service must not be disturbed, or changed, now."""

from __future__ import annotations

from collections.abc import Set

import msgspec

from dynia.services.actions import PushComponent, RebootNode, WaitHealthy, WatchHealthy
from dynia.services.planning.plan import Step
from dynia.services.planning.turn import Work, component

CADDY = "caddy"


def without_blocked(work: Work, blocked: frozenset[str]) -> tuple[Work, tuple[str, ...]]:
    """The work without what would disturb `blocked` services, and which of them hold it up."""
    held = sorted({service for step in work.steps for service in step.disturbs if service in blocked})
    if not held:
        return work, ()
    if any(isinstance(s.action, RebootNode) for s in work.steps):
        return msgspec.structs.replace(work, steps=()), tuple(held)  # what follows asks about it
    return without(work, {s.id for s in work.steps if blocked.intersection(s.disturbs)}), tuple(held)


def without(work: Work, gone: Set[str]) -> Work:
    """The work without these steps, and without what would be done in vain then.

    The Caddyfile names the containers of all routed services: while one push of theirs waits, it waits too,
    and with it every other one, since their gates ask through Caddy. A service that is only brought back to
    what it was needs neither.
    """
    kept = [s for s in work.steps if s.id not in gone]
    routed = {component(s) for s in work.steps if isinstance(s.action, WaitHealthy) and s.action.path}
    routed_pushes = {
        s.id for s in work.steps if isinstance(s.action, PushComponent) and component(s) in routed
    }
    caddy_waits = any(s.id in gone and (s.id in routed_pushes or component(s) == CADDY) for s in work.steps)
    if caddy_waits:
        kept = [s for s in kept if s.id not in routed_pushes and component(s) != CADDY]
    worked = {component(s) for s in kept if not isinstance(s.action, WaitHealthy)}
    waited = {component(s) for s in work.steps if not isinstance(s.action, WaitHealthy)} - worked
    kept = [
        s for s in kept if not isinstance(s.action, WaitHealthy) or _askable(s, worked, waited, caddy_waits)
    ]
    return msgspec.structs.replace(work, steps=tuple(settled_by_gates(kept)))


def _askable(gate: Step, worked: set[str], waited: set[str], caddy_waits: bool) -> bool:
    """Whether what a gate asks about is in place by then."""
    through_caddy = isinstance(gate.action, WaitHealthy) and bool(gate.action.path)
    asks_in_vain = component(gate) in waited or (caddy_waits and through_caddy)
    return component(gate) in worked or not asks_in_vain


def settled_by_gates(steps: list[Step]) -> list[Step]:
    """A disturbance ends with the last gate that is left, or with its own step. Who is watched serves."""
    asked = (s for s in steps if not isinstance(s.action, WatchHealthy))
    gates = [s.id for s in asked if isinstance(s.action, WaitHealthy)]
    last = gates[-1] if gates else ""
    return [msgspec.structs.replace(s, settles=last) if s.settles and s.settles != last else s for s in steps]
