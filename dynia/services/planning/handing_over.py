"""Before the entrance of the node that holds the reserved IP is interrupted, another node has the address."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Set
from dataclasses import dataclass, field

import msgspec

from dynia.interfaces.desired import ApiEntry, ClusterSpec, NoEntry
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NodeFacts, ObservedNode
from dynia.services.actions import ActivateComponent, HandOver, PushComponent, RebootNode
from dynia.services.actions.hand_over import DEADLINE_S
from dynia.services.planning.addresses import recorded_address
from dynia.services.planning.components import haproxy, keepalived
from dynia.services.planning.drift import entry_drift
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Line, Step, Waiting
from dynia.services.planning.serving import can_claim, find_holder, provider_owner
from dynia.services.planning.speakers import unheard
from dynia.services.planning.turn import Work
from dynia.services.planning.way_back import kept_out
from dynia.state.model import Node

# A unit that starts again where its drop-in changes; everything else is a reload.
STARTS_AGAIN = {"haproxy": haproxy.DROP_IN, "keepalived": keepalived.DROP_IN}
_NAMES = {"haproxy": "HAProxy", "keepalived": "keepalived"}


def interrupting(step: Step, observed: Mapping[str, ObservedNode]) -> str:
    """What of the entrance to its node a step interrupts, or nothing. What does not run can't be."""
    match step.action:
        case PushComponent(component=name, write=write, delete=delete):
            again = STARTS_AGAIN.get(name) in (*write, *delete)
        # Nobody tells what a push touched that did not end.
        case ActivateComponent(component=name, faults=()):
            again = name in STARTS_AGAIN
        case RebootNode():
            name, again = "haproxy", True
        case _:
            return ""
    facts = observed.get(step.node)
    units = facts.units if isinstance(facts, NodeFacts) else ()
    runs = any(u.name == f"{name}.service" and u.active == "active" for u in units)
    return name if again and runs else ""


def successor(
    given: PlanningInput, spec: ClusterSpec, nodes: tuple[Node, ...], serving: Mapping[str, Set[str]]
) -> HandOver | None:
    """How the reserved IP would leave the holder: to the node that serves most of what visitors come to. None
    where nobody holds it, or it is not known who would get it."""
    recorded, holder = recorded_address(given), find_holder(given)
    if recorded is None or not holder or isinstance(spec.entry, NoEntry) or unheard(given, nodes):
        return None
    claimed = isinstance(spec.entry, ApiEntry)
    owner = provider_owner(given) if claimed else None
    facts = {n.name: f for n in nodes if isinstance(f := given.observed.nodes.get(n.name), NodeFacts)}
    split = entry_drift(given.observed, nodes, recorded.address, owner)
    if split or holder not in facts or facts[holder].vrrp != "MASTER":
        return None
    out = {one.node for one in kept_out(given, nodes)}
    serves = {name: sum(name in serving[s] for s in _visited(spec)) for name in facts}
    able = [
        name
        for name, told in facts.items()
        if name not in (holder, *out)
        and serves[name]
        and told.lineage == given.state.lineage
        and told.vrrp == "BACKUP"
        and (not claimed or can_claim(told))
    ]
    if not able:
        return None
    taker = max(able, key=serves.__getitem__)
    roles = {name: told.vrrp for name, told in facts.items()}
    return hand_over(holder, taker, recorded.address, roles, claimed=claimed)


def hand_over(source: str, node: str, address: str, roles: Mapping[str, str], *, claimed: bool) -> HandOver:
    """`roles` are those of all nodes, as keepalived told them."""
    others = tuple(name for name, role in roles.items() if role and name not in (node, source))
    return HandOver(node=node, source=source, address=address, others=others, claimed=claimed)


def leaves(node: str, move: HandOver, why: str) -> Step:
    """The step in which the address leaves `node`."""
    return Step(id=f"{node}/hand-over", action=move, why=why, node=node, deadline_s=DEADLINE_S)


@dataclass(frozen=True, slots=True)
class Entrance:
    """How the address would leave the holder (None: it can't), and what runs on the nodes."""

    move: HandOver | None = None
    observed: Mapping[str, ObservedNode] = field(default_factory=dict)

    def left_by(self, work: Work) -> bool:
        """Whether the address has to leave for this turn."""
        return self.move is not None and work.node == self.move.source and bool(self._cuts(work))

    def first(self, work: Work) -> Work:
        """The turn with the address away before the first step that interrupts the entrance."""
        cuts = self._cuts(work)
        if self.move is None or work.node != self.move.source or not cuts:
            return work
        names = {_NAMES[name] for name in cuts.values()}
        why = f"because {' and '.join(sorted(names))} will start again on {work.node}"
        if any(isinstance(work.steps[i].action, RebootNode) for i in cuts):
            why = f"because {work.node} will reboot"
        first, at = leaves(work.node, self.move, why), min(cuts)
        return msgspec.structs.replace(work, steps=(*work.steps[:at], first, *work.steps[at:]))

    def later(self, work: Work, works: Iterable[Work]) -> Work:
        """The turn of a holder that may not wait for the others, without what has to: who takes the address
        would be interrupted too, with it."""
        if not self.left_by(work) or not any(self._cuts(other) for other in works if other != work):
            return work
        return _without(work, self._cuts(work))

    def kept_up(self, works: Iterable[Work], holder: str) -> tuple[list[Work], tuple[Waiting, ...]]:
        """The works without what would interrupt a `holder` from whom nobody could take the address."""
        kept, waiting = [], []
        for work in works:
            cuts = self._cuts(work) if work.node == holder and self.move is None else {}
            if cuts:
                names = " and ".join(sorted({_NAMES[name] for name in cuts.values()}))
                reason = (
                    f"{names} would start again, and no other node can take the reserved IP: left as it is"
                )
                waiting.append(Waiting(subject=work.node, reason=reason, final=True))
            kept.append(_without(work, cuts))
        return [work for work in kept if work.steps], tuple(waiting)

    def _cuts(self, work: Work) -> dict[int, str]:
        named = ((i, interrupting(step, self.observed)) for i, step in enumerate(work.steps))
        return {i: name for i, name in named if name}


def _without(work: Work, places: Container[int]) -> Work:
    steps = tuple(s for i, s in enumerate(work.steps) if i not in places)
    return msgspec.structs.replace(work, steps=steps)


def lines_of(steps: Iterable[Step]) -> tuple[Line, ...]:
    """What of it stands among the changes."""
    return tuple(
        Line(sign="~", subject="reserved IP", details=(("moves", f"{move.source} → {move.node}"),), why=s.why)
        for s in steps
        if isinstance(move := s.action, HandOver)
    )


def check_entrance(
    steps: tuple[Step, ...],
    given: PlanningInput,
    spec: ClusterSpec,
    serving: Mapping[str, Set[str]],
    move: HandOver | None,
) -> tuple[str, ...]:
    """The services that visitors lose while the entrance is interrupted of a holder from whom nobody could
    take the address. Refuses a plan that would interrupt who has it, or may have it by then, otherwise."""
    holder = find_holder(given)
    cuts = [step for step in steps if interrupting(step, given.observed.nodes)]
    moves = [(step.id, step.action) for step in steps if isinstance(step.action, HandOver)]
    unmoved = False
    before = _ancestors(steps) if cuts and (moves or holder) else {}
    for step in cuts:
        left = any(one.source == step.node and name in before[step.id] for name, one in moves)
        comes = any(one.node == step.node and step.id not in before[name] for name, one in moves)
        if comes or (step.node == holder and not left and move is not None):
            raise Refused(
                f"{step.id} would interrupt {step.node} while it may have the reserved IP",
                hint="nothing was touched; it is a defect of Dynia: report it",
            )
        unmoved = unmoved or (step.node == holder and not left)
    return tuple(sorted(s for s in _visited(spec) if serving[s])) if unmoved else ()


def _visited(spec: ClusterSpec) -> Collection[str]:
    return [service.name for service in spec.services if service.kind == "http"]


def _ancestors(steps: tuple[Step, ...]) -> dict[str, frozenset[str]]:
    """For each step those that have ended before it begins, in any order."""
    found: dict[str, frozenset[str]] = {}
    for step in steps:
        found[step.id] = frozenset(step.after).union(*(found.get(name, frozenset()) for name in step.after))
    return found
