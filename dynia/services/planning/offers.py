"""What new machines need of the provider, checked before anything is made; and what they will cost."""

from __future__ import annotations

from collections.abc import Sequence

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.observed import NotObserved
from dynia.services.actions import AllocateReservedIp, DeleteNode, ProvisionNode
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Step


def check_offer(given: PlanningInput, steps: Sequence[Step]) -> None:
    """Raise where the provider would refuse what `steps` make: better now than half way."""
    offer = given.observed.offer
    if given.desired is None or isinstance(offer, NotObserved):
        return
    for machine, wall in offer.walls:
        raise DyniaError(
            f"cloud firewall {wall} is before {machine}: it passes ICMP, TCP and UDP only, so it would cut "
            "VRRP, and every node would take itself for the holder",
            hint="take it off (it is not Dynia's to change); the file's `firewall:` does its work",
        )
    more = _most_at_once(given, steps)
    if more and offer.refusal:
        raise DyniaError(offer.refusal, hint=offer.hint)
    addresses = 1 if _allocates(given, steps) else 0
    for wanted, room, what in (
        (more, offer.room, "machines"),
        (addresses, offer.address_room, "reserved IPs"),
    ):
        if wanted and room is not None and wanted > room:
            raise DyniaError(
                f"the plan makes {wanted} more {what}, and the account may have {max(0, room)} more",
                hint="delete what is not needed, or ask the provider for a higher limit; nothing was done",
            )


def monthly(given: PlanningInput, steps: Sequence[Step]) -> float:
    """US dollars a month that the cluster costs more (or less) afterwards."""
    offer = given.observed.offer
    if isinstance(offer, NotObserved):
        return 0.0
    gone = {step.action.provider_id for step in steps if isinstance(step.action, DeleteNode)}
    less = sum(price for machine, price in sorted(offer.paid.items()) if machine in gone)
    return round(len(_made(given, steps)) * (offer.monthly or 0.0) - less, 2)


def _made(given: PlanningInput, steps: Sequence[Step]) -> frozenset[int]:
    """Ordinals of machines that are not there yet: one that is adopted costs and needs nothing more."""
    listed = given.observed.provider_nodes
    there = {one.ordinal for one in (() if isinstance(listed, NotObserved) else listed)}
    made = {step.action.ordinal for step in steps if isinstance(step.action, ProvisionNode)}
    return frozenset(made - there)


def _most_at_once(given: PlanningInput, steps: Sequence[Step]) -> int:
    """How many more there are at some moment: of those that are replaced one goes before the next comes."""
    new, more, most = _made(given, steps), 0, 0
    for step in steps:
        if isinstance(step.action, ProvisionNode):
            more += step.action.ordinal in new
        elif isinstance(step.action, DeleteNode):
            more -= 1
        most = max(most, more)
    return most


def _allocates(given: PlanningInput, steps: Sequence[Step]) -> bool:
    known = given.observed.addresses
    new = any(isinstance(step.action, AllocateReservedIp) and not step.action.address for step in steps)
    return new and not (isinstance(known, tuple) and known)
