"""What a later pass of an apply may do: nothing again, and nothing but what was approved (law 4)."""

from __future__ import annotations

from collections.abc import Mapping, Set

from dynia.interfaces.errors import ApplyFailed, Stale
from dynia.interfaces.observed import ObservedNode
from dynia.services.actions import Drain, PushComponent, Undrain
from dynia.services.planning.plan import Plan, Step
from dynia.services.planning.simulate import allowed_in_preview
from dynia.services.planning.since_approval import Touched, changed_since


def deeds(plan: Plan) -> frozenset[tuple[str, str]]:
    """What a pass does, by step and release: another release is no repetition. A drain comes with what it
    protects, and that may be something else each time."""
    return frozenset(_deed(step) for step in plan.steps if not isinstance(step.action, Drain | Undrain))


def _deed(step: Step) -> tuple[str, str]:
    return step.id, step.action.release if isinstance(step.action, PushComponent) else ""


def refuse_again(plan: Plan, earlier: Set[tuple[str, str]]) -> None:
    """A step of the pass before that is wanted still: it would be done for ever."""
    now = deeds(plan)
    again = [step.id for step in plan.steps if _deed(step) in now & earlier]
    if again:
        raise ApplyFailed(
            f"cluster {plan.cluster} does not settle: {', '.join(again[:5])} was done and is still wanted",
            hint="look at these nodes with `dynia status`, then apply again",
        )


def refuse_unapproved(plan: Plan, approved: Plan, seen: Mapping[str, ObservedNode], touched: Touched) -> None:
    """What the approved plan did not show: a step, an interruption; or what writes over a person's change.
    `seen` are the nodes of the approved look, `touched` is what this apply left on them."""
    extra = [step.id for step in plan.steps if not allowed_in_preview(step, approved)]
    if extra:
        raise Stale(
            f"cluster {plan.cluster} changed while it was applied: "
            f"{', '.join(extra[:5])} was not in the plan",
            hint="what was approved so far is done; plan again and look",
        )
    interrupted = sorted(set(plan.effect.interrupts).difference(approved.effect.interrupts))
    # On the only node of a cluster every step interrupts, and that was agreed to by step.
    if interrupted and plan.node_count > 1:
        raise Stale(
            f"cluster {plan.cluster} changed while it was applied: by now it would interrupt "
            f"{', '.join(interrupted)}, which was not in the plan",
            hint="what was approved so far is done; plan again and look",
        )
    refuse_edited(plan, seen, touched)


def refuse_edited(plan: Plan, seen: Mapping[str, ObservedNode], touched: Touched) -> None:
    """What a person changed since `seen` is not written over."""
    edited = changed_since(plan.steps, seen, touched)
    if edited:
        named = ", ".join(f"{path} on {node}" for node, path in edited[:5])
        raise Stale(
            f"cluster {plan.cluster} · changed since plan: {named}",
            hint="that was not touched; look at the change, then plan again",
        )
