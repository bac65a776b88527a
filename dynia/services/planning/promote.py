"""A node is to have the reserved IP: a plan of one step, made only where it is known who would get it."""

from __future__ import annotations

from dynia.interfaces.desired import ApiEntry, ClusterSpec, NoEntry
from dynia.interfaces.errors import NotObservedError, Refused
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions.hand_over import DEADLINE_S
from dynia.services.planning.addresses import recorded_address
from dynia.services.planning.by_hand import Promote
from dynia.services.planning.check import check_serving
from dynia.services.planning.drift import entry_drift
from dynia.services.planning.handing_over import hand_over, lines_of
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.node_drain import WHY, reached
from dynia.services.planning.one_pass import Pass
from dynia.services.planning.plan import Step
from dynia.services.planning.serving import can_claim, drained_nodes, find_holder, provider_owner
from dynia.services.planning.way_back import counted_on, kept_out


def plan_promote(given: PlanningInput, spec: ClusterSpec, wish: Promote) -> Pass:
    """No step where the node has it already. A node that says nothing might take it instead, so all must
    answer."""
    recorded, nodes = recorded_address(given), given.state.nodes_of(given.target)
    if isinstance(spec.entry, NoEntry) or recorded is None:
        raise Refused(f"cluster {given.target} has no reserved IP that could move")
    claimed = isinstance(spec.entry, ApiEntry)
    owner = provider_owner(given) if claimed else None
    if claimed and owner is None:
        raise NotObservedError("the provider does not tell who has the reserved IP; nothing was done")
    facts = reached(given, nodes, wish.node)[1]
    roles = {n.name: reached(given, nodes, n.name)[1].vrrp for n in nodes}
    for split in entry_drift(given.observed, nodes, recorded.address, owner):
        raise Refused(f"the reserved IP is split: {split.detail}; nothing was done", hint=split.remedy)
    holder, steps = find_holder(given), list[Step]()
    if holder != wish.node:
        _check(wish.node, facts, holder, claimed=claimed)
        for one in kept_out(given, nodes):
            if one.node == wish.node:
                raise Refused(
                    f"{one.node} may run a release of {one.service} that failed; nothing was done",
                    hint="`dynia apply` or `dynia rollback` brings it to another one first",
                )
        action = hand_over(holder, wish.node, recorded.address, roles, claimed=claimed)
        steps = [
            Step(id=f"{wish.node}/promote", action=action, why=WHY, node=wish.node, deadline_s=DEADLINE_S)
        ]
    now = counted_on(given, spec, nodes)
    return Pass(
        steps=tuple(steps),
        lines=lines_of(steps),
        serving=check_serving((), now, spec.nodes, spec.rollout.max_unavailable),
        away=drained_nodes(given),
        holder=holder,
    )


def _check(name: str, facts: NodeFacts, holder: str, *, claimed: bool) -> None:
    if not holder:
        raise Refused("nobody has the reserved IP; nothing was done", hint="look at it with `dynia status`")
    if facts.vrrp != "BACKUP":
        raise Refused(
            f"{name} could not take the reserved IP: keepalived there is {facts.vrrp or 'not running'}",
            hint="`dynia drift` says what is wrong there, `dynia apply` brings it back",
        )
    if claimed and not can_claim(facts):
        raise Refused(
            f"{name} could not claim the reserved IP: no claim unit with a token runs there",
            hint="set DYNIA_FAILOVER_TOKEN and `dynia apply` first",
        )
