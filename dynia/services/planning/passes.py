"""One pass of whatever is asked for: of the file, or of what a person asked for by hand."""

from __future__ import annotations

from dynia.services.planning.by_hand import NodeDrain, Promote, Reboot, Restart, Revert
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.node_drain import plan_node_drain
from dynia.services.planning.one_pass import Pass, plan_pass
from dynia.services.planning.promote import plan_promote
from dynia.services.planning.reboot import plan_reboot
from dynia.services.planning.restart import plan_restart
from dynia.services.planning.revert import plan_revert
from dynia.state.model import State


def pass_of(given: PlanningInput, before: State) -> Pass:
    """`before` is the state that the whole plan begins with."""
    if given.by_hand is None or given.desired is None:
        return plan_pass(given, before)
    match given.by_hand:
        case Restart() as wish:
            return plan_restart(given, given.desired, wish)
        case NodeDrain() as wish:
            return plan_node_drain(given, given.desired, wish)
        case Promote() as wish:
            return plan_promote(given, given.desired, wish)
        case Reboot() as wish:
            return plan_reboot(given, given.desired, wish)
        case Revert() as wish:
            return plan_revert(given, given.desired, wish)
