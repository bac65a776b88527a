"""What somebody did by hand is put back, and that alone: a component on its node, as in any rollout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import BindDns, UnbindDns
from dynia.services.planning.by_hand import Revert
from dynia.services.planning.check import check_serving, worst_at_once
from dynia.services.planning.compare import Comparison, named
from dynia.services.planning.components import roots
from dynia.services.planning.drift import component_drift, stray_drift
from dynia.services.planning.drift_items import is_called, item, what_drifted
from dynia.services.planning.handing_over import Entrance, check_entrance, successor
from dynia.services.planning.holding import settled_by_gates
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.lines import title
from dynia.services.planning.node_drain import looked_at
from dynia.services.planning.one_pass import Pass, draining_of, plan_pass
from dynia.services.planning.plan import Drift, Line, Step, Waiting
from dynia.services.planning.reasons import Reasons
from dynia.services.planning.rollout import roll
from dynia.services.planning.serving import drained_nodes, find_holder, kept_for_last, misled
from dynia.services.planning.strays import remove_strays, strays_of
from dynia.services.planning.turn import Work, component
from dynia.services.planning.wanted import render_wanted
from dynia.services.planning.way_back import counted_on
from dynia.services.planning.work import Workshop, work_on_nodes
from dynia.state.model import Node

ALONE = ("file", "unit", "container", "network", "firewall", "record")
WHOLE = "because a component comes back whole"
BY_APPLY = "comes back with the rest only: `dynia apply`"


@dataclass(frozen=True, slots=True)
class _Meant:
    """What is put back on one node: components, each with all that drifted of it, and strays."""

    components: dict[str, tuple[Drift, ...]]
    strays: tuple[Drift, ...]

    @property
    def drift(self) -> tuple[Drift, ...]:
        return (*(one for found in self.components.values() for one in found), *self.strays)


def refuse_whole(drifts: Iterable[Drift]) -> None:
    """Raises for what cannot be put back by itself."""
    for drift in drifts:
        if drift.kind not in ALONE:
            raise Refused(f"{item(drift)} ({drift.detail}) {BY_APPLY}", hint=drift.remedy)


def plan_revert(given: PlanningInput, spec: ClusterSpec, wish: Revert) -> Pass:
    """The smallest unit is a component on its node. Refused where the file asks for another release of it:
    that would be applied then."""
    nodes = given.state.nodes_of(given.target)
    wanted = render_wanted(given, spec, nodes)
    now = counted_on(given, spec, nodes)
    workshop = Workshop(given, wanted, Reasons({}), nodes)
    seen, waiting, silent = looked_at(given, nodes)
    works: list[Work] = []
    images: list[Step] = []
    found: dict[str, _Meant] = {}
    for node, facts in seen:
        meant = _meant(workshop, node, facts, wish)
        if not meant.drift:
            continue
        found[node.name] = meant
        serves = {node.name: frozenset(name for name, those in now.items() if node.name in those)}
        work = work_on_nodes(workshop, (node,), serves, frozenset())
        steps, needed = _steps(work.works, work.images, node, facts, meant)
        images += needed
        if steps:
            works.append(Work(node=node.name, ordinal=node.ordinal, steps=steps))
    door = Entrance(successor(given, spec, nodes, now), given.observed.nodes)
    rolled = roll(
        tuple(works),
        now,
        spec.nodes,
        spec.rollout,
        kept_for_last(given),
        misled(spec, given.observed, nodes),
        draining_of(given, spec, nodes),
        door,
    )
    names, drifted, left = _names(given, wish)
    steps = (*images, *rolled.steps, *names)
    return Pass(
        steps=steps,
        more=bool(rolled.waiting) and bool(rolled.steps),
        drift=(*drifted, *(one for meant in found.values() for one in meant.drift)),
        lines=tuple(line for name, meant in found.items() for line in _lines(name, meant, wish)),
        waiting=(*waiting, *rolled.waiting, *left),
        order=rolled.order,
        joining=rolled.joining,
        serving=check_serving(steps, now, spec.nodes, spec.rollout.max_unavailable),
        at_once=worst_at_once(steps),
        away=drained_nodes(given),
        interrupts=check_entrance(steps, given, spec, now, door.move),
        not_observed=tuple(silent),
        holder=find_holder(given),
        wanted=wanted,
    )


def _meant(workshop: Workshop, node: Node, facts: NodeFacts, wish: Revert) -> _Meant:
    wanted = workshop.wanted
    place, seen = wanted.places[node.name], {f.path: f for f in facts.files}
    judged = named(seen, facts)
    comparisons = workshop.compared(node, facts, seen, judged)
    chosen: dict[str, tuple[Drift, ...]] = {}
    for one in comparisons:
        drifts = component_drift(one, wanted.by_name[one.component], wanted.topology, place, facts, judged)
        if any(_asked(drift, wish) for drift in drifts):
            _refuse_pending(one)
            chosen[one.component] = tuple(drifts)
    known = workshop.may_be_there(node, facts, comparisons)
    strays = strays_of(seen, roots(), known, workshop.known, workshop.data)
    orphans = (stray_drift(node.name, path, seen) for path in strays)
    return _Meant(components=chosen, strays=tuple(d for d in orphans if _asked(d, wish)))


def _asked(drift: Drift, wish: Revert) -> bool:
    return any(is_called(drift, name) for name in wish.items)


def _refuse_pending(one: Comparison) -> None:
    if one.pending:
        raise Refused(
            f"{title(one.component)} on {one.node} is to change anyway: the file asks for something else",
            hint="`dynia apply` makes the change, and what was done by hand is gone with it",
        )


def _steps(
    works: list[Work], images: list[Step], node: Node, facts: NodeFacts, meant: _Meant
) -> tuple[tuple[Step, ...], list[Step]]:
    """The steps of these components, with no edge to others; and the images that they need first."""
    kept = [s for work in works for s in work.steps if component(s) in meant.components]
    before = {name for step in kept for name in step.after}
    needed = [s for s in images if s.id in before]
    paths = tuple(drift.subject for drift in meant.strays)
    kept += remove_strays(node.name, paths, {f.path: f for f in facts.files})
    there = {s.id for s in (*kept, *needed)}
    alone = [msgspec.structs.replace(s, after=tuple(a for a in s.after if a in there)) for s in kept]
    free = [msgspec.structs.replace(s, after=()) for s in needed]
    return tuple(settled_by_gates(alone)), free


def _lines(node: str, meant: _Meant, wish: Revert) -> list[Line]:
    """What comes back with what was asked for, since a component is brought back whole."""
    found = []
    for name, drifts in meant.components.items():
        more = tuple(("with it", what_drifted(one)) for one in drifts if not _asked(one, wish))
        if more:
            line = Line(sign="~", subject=title(name), nodes=(node,), details=more, why=WHOLE, files=True)
            found.append(line)
    return found


def _names(given: PlanningInput, wish: Revert) -> tuple[tuple[Step, ...], tuple[Drift, ...], list[Waiting]]:
    """Records that are bound or taken away again. They come after changes of nodes: while there are some, a
    record waits."""
    if not any(name.startswith("dns ") for name in wish.items):
        return (), (), []
    whole = plan_pass(given, given.state)
    drifts = tuple(d for d in whole.drift if d.kind == "record" and _asked(d, wish))
    names = {d.subject for d in drifts}
    steps = [s for s in whole.steps if isinstance(s.action, BindDns | UnbindDns) and s.action.domain in names]
    there = {s.id for s in steps}
    bound = {s.action.domain for s in steps if isinstance(s.action, BindDns | UnbindDns)}
    alone = tuple(msgspec.structs.replace(s, after=tuple(a for a in s.after if a in there)) for s in steps)
    left = [Waiting(subject=item(d), reason=BY_APPLY) for d in drifts if d.subject not in bound]
    return alone, drifts, left
