"""The entry address: taken, kept, moved through the provider's API, given back."""

from __future__ import annotations

from dynia.interfaces.desired import ApiEntry, ClusterSpec, NoEntry, VipEntry
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NotObserved, ProviderAddress
from dynia.services.actions import (
    AllocateReservedIp,
    AttachReservedIp,
    DetachReservedIp,
    ReleaseReservedIp,
)
from dynia.services.planning.components.failover import TOKEN
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Drift, Line, Step, Waiting
from dynia.services.planning.serving import can_claim
from dynia.state.model import Node, ReservedIp

PENDING = "(known after apply)"


def recorded_address(given: PlanningInput) -> ReservedIp | None:
    home = given.state.cluster(given.target)
    return home.reserved_ip if home else None


def refuse_without_address(given: PlanningInput, spec: ClusterSpec) -> None:
    """A rollback takes none, and configs name it."""
    if not isinstance(spec.entry, NoEntry) and recorded_address(given) is None:
        raise Refused(
            f"cluster {given.target}: what it was has a reserved IP, and there is none any more",
            hint="a rollback takes none: put `entry:` back into the file and apply it",
        )


def take_address(given: PlanningInput, spec: ClusterSpec, coming: tuple[str, ...] = ()) -> Part:
    """What must be had before configs are rendered. Empty steps: the recorded address is the right one.

    `coming` are steps that make the first machines: a cloud may give an address to a machine only.
    """
    if isinstance(spec.entry, NoEntry):
        return Part()
    named = spec.entry.address if isinstance(spec.entry, VipEntry) else ""
    recorded = recorded_address(given)
    listed = given.observed.addresses
    drift: tuple[Drift, ...] = ()
    if recorded is None:
        why = f"because entry is {_kind(spec)}"
    elif named and recorded.address != named:
        why = f"because entry.address {recorded.address} → {named}"
    elif not named and not recorded.provider_id:
        why = f"because the file no longer names {recorded.address}"
    elif isinstance(listed, NotObserved):
        if not recorded.provider_id:
            return Part()
        return Part(waiting=(Waiting(subject="reserved IP", reason=f"not observed ({listed.reason})"),))
    elif recorded.provider_id and recorded.provider_id not in {a.provider_id for a in listed}:
        why = f"because {recorded.address} is gone at the provider"
        drift = (_gone(recorded),)
    else:
        return Part()
    step_id = "reserved-ip/take" if named else "reserved-ip/allocate"
    after = coming[:1] if isinstance(spec.entry, ApiEntry) else ()
    step = Step(id=step_id, action=AllocateReservedIp(step=step_id, address=named), why=why, after=after)
    line = Line(
        sign="+" if recorded is None else "~", subject="reserved IP", details=_address(named), why=why
    )
    return Part(steps=(step,), lines=(line,), drift=drift, more=True)


def move_address(given: PlanningInput, spec: ClusterSpec, staying: tuple[Node, ...]) -> Part:
    """Entry kind api: the address must be on a node that stays. A node that has it keeps it, and a MASTER
    that can claim it is left to do so: two who move it would undo each other's deed."""
    recorded, listed = recorded_address(given), given.observed.addresses
    if not isinstance(spec.entry, ApiEntry) or recorded is None or isinstance(listed, NotObserved):
        return Part()
    owner = next((a.owner for a in listed if a.provider_id == recorded.provider_id), "")
    if not staying or owner in {n.provider_id for n in staying}:
        return Part()
    node = _best(given, staying)
    facts = given.observed.nodes.get(node.name)
    if not can_claim(facts) and TOKEN in given.secrets:
        return Part()  # its claim unit is pushed before this could be done
    if can_claim(facts) and getattr(facts, "vrrp", "") == "MASTER":
        reason = f"{node.name} is MASTER and has not claimed it: journalctl -u dynia-failover says why"
        return Part(waiting=(Waiting(subject=f"reserved IP {recorded.address}", reason=reason),))
    why = "because no node has it" if not owner else "because the node that has it leaves"
    step = Step(
        id="reserved-ip/attach",
        action=AttachReservedIp(
            provider_id=recorded.provider_id,
            address=recorded.address,
            node=node.name,
            node_provider_id=node.provider_id,
        ),
        why=why,
        node=node.name,
    )
    line = Line(
        sign="~", subject="reserved IP", details=(("attach", f"{recorded.address} → {node.name}"),), why=why
    )
    return Part(steps=(step,), lines=(line,))


def give_back(given: PlanningInput, *, entry_stays: bool) -> Part:
    """Addresses that nobody wants any more; planned only once no node's config carries them."""
    recorded, listed = recorded_address(given), given.observed.addresses
    steps: list[Step] = []
    lines: list[Line] = []
    drift: list[Drift] = []
    known = "" if recorded is None else recorded.provider_id
    if recorded is not None and not entry_stays:
        why = "because entry is none" if given.desired is not None else "because the cluster is destroyed"
        steps += _release(recorded.address, known, _owner(listed, known), why, recorded=True)
        lines.append(Line(sign="-", subject="reserved IP", details=(("address", recorded.address),), why=why))
    adopts = recorded is None and entry_stays
    if not isinstance(listed, NotObserved) and not adopts:
        for stray in sorted(listed, key=lambda a: a.provider_id):
            if stray.provider_id == known:
                continue
            why = "because it carries this cluster's tag and is not its entry"
            steps += _release(stray.address, stray.provider_id, stray.owner, why, recorded=False)
            drift.append(_orphan(stray))
    return Part(steps=tuple(steps), lines=tuple(lines), drift=tuple(drift))


def _release(address: str, provider_id: str, owner: str, why: str, *, recorded: bool) -> list[Step]:
    name = "reserved-ip" if recorded else f"reserved-ip/{provider_id}"
    release = ReleaseReservedIp(provider_id=provider_id, address=address, recorded=recorded)
    after: tuple[str, ...] = ()
    steps = []
    if owner:
        detach = DetachReservedIp(provider_id=provider_id, address=address)
        steps.append(Step(id=f"{name}/detach", action=detach, why=why))
        after = (f"{name}/detach",)
    steps.append(
        Step(id=f"{name}/release", action=release, why=why, after=after, irreversible=bool(provider_id))
    )
    return steps


def _best(given: PlanningInput, staying: tuple[Node, ...]) -> Node:
    """The node that keepalived calls master, else the one with the highest priority that answers."""

    def rank(node: Node) -> tuple[bool, bool, int]:
        facts = given.observed.nodes.get(node.name)
        role = getattr(facts, "vrrp", "")
        return (role != "MASTER", facts is None or isinstance(facts, NotObserved), node.ordinal)

    return min(staying, key=rank)


def _owner(listed: tuple[ProviderAddress, ...] | NotObserved, provider_id: str) -> str:
    if isinstance(listed, NotObserved) or not provider_id:
        return ""
    return next((a.owner for a in listed if a.provider_id == provider_id), "")


def _address(named: str) -> tuple[tuple[str, str], ...]:
    return (("address", named or PENDING),)


def _kind(spec: ClusterSpec) -> str:
    return "api" if isinstance(spec.entry, ApiEntry) else "vip"


def _gone(address: ReservedIp) -> Drift:
    return Drift(
        node="",
        kind="reserved_ip",
        subject=address.address,
        category="tampered",
        detail="gone at the provider",
        remedy="another one will be allocated",
    )


def _orphan(stray: ProviderAddress) -> Drift:
    return Drift(
        node="",
        kind="reserved_ip",
        subject=stray.address,
        category="orphan",
        detail="a reserved IP with this cluster's tag that is not its entry",
        remedy="will be released",
    )
