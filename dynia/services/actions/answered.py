"""What the answer of a push, a removal or a confirmation means for the step."""

from __future__ import annotations

import shlex

from dynia.interfaces.errors import ApplyFailed, Locked, Stale, fenced
from dynia.interfaces.node_requests import PushAnswer
from dynia.services.actions.setback import out_of_room, what_next

AS_BEFORE = "the node is back on what it had"


def must_be_done(node: str, component: str, answer: PushAnswer, restored: str = AS_BEFORE) -> None:
    """Raises what an answer other than a good one means; `restored`, where it was put back."""
    where = f"{node} · {component}"
    match answer.phase:
        case "done":
            return
        case "lock":
            raise Locked(f"{where} · the node is busy: {answer.output or 'its lock is held'}")
        case "fenced":
            raise fenced(f"{where} · ", answer.output)
        case "expected":
            raise Stale(
                f"{where} · changed since plan: {', '.join(answer.changed)}",
                hint="nothing was touched there; look at the change, then plan again",
            )
        case "link":
            links = ", ".join(answer.changed)
            raise ApplyFailed(
                f"{where} · {links}: a link, and files of the release belong behind it",
                hint="nothing was touched there; a container may have made it. See where it leads: "
                f"dynia node ssh {node} -- ls -l {shlex.join(answer.changed)}; take it away, apply again",
            )
        case "lineage":
            raise ApplyFailed(
                f"{where} · this host belongs to another state ({answer.output})",
                hint="it is managed from somewhere else; nothing was touched",
            )
        case "back":
            state = AS_BEFORE if answer.restored else "and could NOT be put back"
            raise ApplyFailed(
                f"{where} · not confirmed in time; {state}", hint="`dynia status`, then apply again"
            )
        case phase:
            state = restored if answer.restored else "the node could NOT be put back"
            full = out_of_room(answer.output, answer.room)
            said = "\n".join((f"{where} · {phase} failed; {state}", *filter(None, (answer.output,)), *full))
            raise ApplyFailed(said, hint=what_next(node, answer.output, full))
