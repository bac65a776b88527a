"""One pass: the sub-planners in order. Machines and address first, then configs for everybody, then what may
only go once no config names it."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from dynia.interfaces.desired import ApiEntry, ClusterSpec, NoEntry
from dynia.interfaces.observed import NodeFacts, NotObserved
from dynia.services.planning.addresses import recorded_address, refuse_without_address, take_address
from dynia.services.planning.causes import causes
from dynia.services.planning.certificates import change_of, expired, get_certificate, needs_certificate
from dynia.services.planning.check import check_serving, floor, worst_at_once
from dynia.services.planning.clocks import wrong_clocks
from dynia.services.planning.destroy import plan_destroy
from dynia.services.planning.draining import Draining
from dynia.services.planning.drift import entry_drift
from dynia.services.planning.finish import finish
from dynia.services.planning.handing_over import Entrance, check_entrance, lines_of, successor
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.introductions import introduced
from dynia.services.planning.lines import title
from dynia.services.planning.nodes import Membership, decide_nodes
from dynia.services.planning.part import Part
from dynia.services.planning.partial import leading, part_of_one
from dynia.services.planning.pausing import Pause, pause_of
from dynia.services.planning.plan import Drift, FileDiff, Line, Serving, Step, Waiting
from dynia.services.planning.pre_deploys import with_pre_deploys
from dynia.services.planning.reasons import Reasons
from dynia.services.planning.rollout import Rolled, roll
from dynia.services.planning.scoping import (
    last_of,
    led_to_what_stays,
    left_out,
    refuse_half_told,
    some_machines,
)
from dynia.services.planning.serving import (
    drained_nodes,
    find_holder,
    kept_for_last,
    misled,
    provider_owner,
    with_containers,
)
from dynia.services.planning.speakers import hold_back, silence
from dynia.services.planning.taking import Taking
from dynia.services.planning.tolerating import counted, others
from dynia.services.planning.tolerating import said_of as left_behind
from dynia.services.planning.wanted import Wanted, render_wanted
from dynia.services.planning.way_back import come_back, counted_on, said_of
from dynia.services.planning.work import NodesWork, Workshop, work_on_nodes
from dynia.state.model import Node, State


@dataclass(frozen=True, slots=True)
class Pass:
    """What one look at the world leads to. `more`: the steps make another pass necessary. `interrupts`: what
    visitors lose, since nobody could take the reserved IP."""

    steps: tuple[Step, ...] = ()
    more: bool = False
    drift: tuple[Drift, ...] = ()
    lines: tuple[Line, ...] = ()
    diffs: tuple[FileDiff, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    order: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    serving: tuple[Serving, ...] = ()
    at_once: int = 0
    away: tuple[str, ...] = ()
    interrupts: tuple[str, ...] = ()
    not_observed: tuple[tuple[str, str], ...] = ()
    holder: str = ""
    wanted: Wanted | None = None


def plan_pass(given: PlanningInput, before: State) -> Pass:
    """`before` is the state that the whole plan begins with: reasons are told against it."""
    if given.desired is None:
        part, silent = plan_destroy(given)
        return Pass(
            steps=part.steps,
            more=part.more,
            drift=part.drift,
            lines=part.lines,
            waiting=part.waiting,
            not_observed=tuple(sorted((*silent, *_unanswered(given)))),
        )
    spec, holder, entrance = given.desired, find_holder(given), kept_for_last(given)
    membership, machines, address = Membership(staying=given.state.nodes_of(spec.name)), Part(), Part()
    if given.rollback is not None:
        refuse_without_address(given, spec)
    else:
        membership, machines = some_machines(given, *decide_nodes(given, spec, entrance))
        first = () if membership.staying else tuple(f"{name}/create" for name in membership.coming)
        address = take_address(given, spec, first)
    quiet = silence(given, membership.leaving)
    settled = membership.settled and not address.steps and not quiet.steps
    certificate = get_certificate(given, spec, membership.staying, holder) if settled else Part()
    if given.rollback is not None and certificate.more:
        raise needs_certificate(given, spec)
    settled = settled and not certificate.more
    wanted = led_to_what_stays(
        given, spec, render_wanted(given, spec, membership.staying), membership.staying
    )
    taking = None
    if not given.scope.whole:
        taking = Taking(given, wanted.components, membership.staying, bool(membership.leaving))
    now = counted(given, counted_on(given, spec, membership.staying))

    def work_of(wanted: Wanted, nodes: tuple[Node, ...]) -> NodesWork:
        return _work(given, spec, before, membership.staying, wanted, now, nodes, taking)

    work = work_of(wanted, membership.staying)
    works, held = hold_back(given, others(given, work.works), membership.staying, holder)
    astray = misled(spec, given.observed, membership.staying)
    door = Entrance(successor(given, spec, membership.staying, now), given.observed.nodes)
    if given.rollback is not None and given.rollback.failed:
        # Nobody is asked on the way back, so nobody could agree.
        works, kept_up = door.kept_up(works, holder)
        held = (*held, *kept_up)
    rolled, pause = Rolled(), Pause()
    paused: tuple[Waiting, ...] = ()
    if settled:
        draining = draining_of(given, spec, membership.staying)
        rolled = roll(tuple(works), now, spec.nodes, spec.rollout, entrance, astray, draining, door)
        pause = pause_of(given, spec, wanted, membership.staying, now, rolled)
    if pause.canaries:
        paused, wanted = pause.waiting(works), leading(wanted, pause.routes)
        work = work_of(wanted, membership.staying)
        works, held = hold_back(given, others(given, work.works), membership.staying, holder)
        works = [*pause.allowed(works)]
        rolled = roll(tuple(works), now, spec.nodes, spec.rollout, entrance, astray, draining, door)
    if rolled.held and not rolled.steps and not work.not_observed:
        rolled = replace(rolled, held=pause.holding(rolled.held))
        rolled, wanted = part_of_one(
            given, spec, wanted, now, tuple(works), rolled, work_of, astray, draining, door
        )
    told_first = introduced(given, rolled, tuple(works), now, wanted.topology, entrance, door)
    rolled = told_first or rolled
    once = with_pre_deploys(given, spec, rolled)
    rolled = replace(rolled, steps=once.steps)
    configs = _with_images(work, rolled, first=given.rollback is not None) if settled else ()
    refuse_half_told(given, works, work.left, wanted)
    last = last_of(given, finish(given, spec, membership, wanted, holder, door.move), work.left)
    ready = settled and not configs
    early = (*machines.steps, *address.steps, *quiet.steps, *certificate.steps)
    steps = (*early, *configs, *(last.steps if ready else ()))
    more = not settled or (bool(last.steps) and not ready) or (bool(rolled.waiting) and bool(configs))
    more = (
        more
        or told_first is not None
        or (ready and last.more)
        or (bool(configs) and come_back(given, wanted.topology.out))
    )
    not_observed = tuple(sorted((*work.not_observed, *_unanswered(given))))
    return Pass(
        steps=steps,
        more=machines.more or more,
        drift=_drift(given, spec, membership.staying, machines, address, last, work),
        lines=(
            *machines.lines,
            *address.lines,
            *certificate.lines,
            *once.lines,
            *(work.fold.lines() if settled else ()),
            *(_left_drained(work) if settled else ()),
            *lines_of(configs),
            *last.lines,
        ),
        diffs=work.fold.diffs() if settled else (),
        waiting=(
            *_other_states(given),
            *_assumed(wanted),
            *machines.waiting,
            *address.waiting,
            *certificate.waiting,
            *expired(given, spec),
            *wrong_clocks(given.observed),
            *work.waiting,
            *held,
            *rolled.waiting,
            *paused,
            *left_behind(given),
            *said_of(given, wanted.topology.out),
            *(() if paused or given.aside else _stuck(rolled, work, drained_nodes(given))),
            *last.waiting,
            *_left(work),
        ),
        order=rolled.order,
        joining=(*membership.coming, *rolled.joining),
        serving=check_serving(steps, now, spec.nodes, spec.rollout.max_unavailable),
        at_once=worst_at_once(steps),
        away=drained_nodes(given),
        # Visitors come to a node that leaves, too.
        interrupts=check_entrance(
            steps, given, spec, counted_on(given, spec, given.state.nodes_of(given.target)), door.move
        ),
        not_observed=not_observed,
        holder=holder,
        wanted=wanted,
    )


def draining_of(given: PlanningInput, spec: ClusterSpec, staying: tuple[Node, ...]) -> Draining:
    answered = [n for n in staying if isinstance(given.observed.nodes.get(n.name), NodeFacts)]
    http = with_containers(spec, given.observed, answered)
    silent = [n for n in staying if n not in answered]
    return Draining(
        http=http,
        silent={
            name: frozenset(n.name for n in silent if f"service/{name}" in n.components) for name in http
        },
        watch=tuple(n.name for n in answered if "haproxy" in n.components),
        least=floor(spec.nodes, spec.rollout.max_unavailable),
        timeout_s=spec.rollout.drain_timeout,
    )


def _left(work: NodesWork) -> tuple[Waiting, ...]:
    """What is not as wanted and out of this plan's scope."""
    nodes: dict[str, list[str]] = {}
    for node, name in work.left:
        nodes.setdefault(title(name), []).append(node)
    return tuple(left_out(subject, on) for subject, on in sorted(nodes.items()))


def _left_drained(work: NodesWork) -> tuple[Line, ...]:
    why = "because a run that did not end left it drained"
    return tuple(
        Line(sign="~", subject=f"drain of {service}", nodes=(node,), why=why, files=True)
        for service, node in work.drained
    )


def _work(
    given: PlanningInput,
    spec: ClusterSpec,
    before: State,
    staying: tuple[Node, ...],
    wanted: Wanted,
    now: dict[str, frozenset[str]],
    nodes: tuple[Node, ...],
    taking: Taking | None,
) -> NodesWork:
    serves: dict[str, set[str]] = {}
    for service, names in now.items():
        for name in names:
            serves.setdefault(name, set()).add(service)
    listed = given.observed.provider_nodes
    off = frozenset(
        m.provider_id for m in (() if isinstance(listed, NotObserved) else listed) if m.status == "off"
    )
    home = before.cluster(given.target)
    known = home.certificate if home else None
    why = causes(before, spec, staying, _changed_services(staying, wanted), wanted.topology.out)
    reasons = Reasons({**why, **change_of(known, wanted.topology.certificate, given.observed.at)})
    return work_on_nodes(Workshop(given, wanted, reasons, staying, taking), nodes, serves, off)


def _changed_services(staying: tuple[Node, ...], wanted: Wanted) -> frozenset[str]:
    """Services whose wanted release is on no record of some node that has one."""
    if not staying:
        return frozenset()
    recipes = wanted.recipes[staying[0].name]
    found = set()
    for service in wanted.services:
        name = f"service/{service}"
        release = wanted.index.of(recipes[name]).id if name in recipes else ""
        if any(n.components.get(name, release) != release for n in staying):
            found.add(service)
    return frozenset(found)


def _with_images(work: NodesWork, rolled: Rolled, *, first: bool) -> tuple[Step, ...]:
    """Images first, but after what they need. Those whose node has to wait are left out. `first`: nothing
    else is begun before they are there, since they may be nowhere any more."""
    there = {s.id for s in rolled.steps}
    early = [s for s in work.images if not s.after]
    if first:
        rolled = replace(rolled, steps=_behind(tuple(s.id for s in early), rolled.steps))
    late = {s.id: s for s in work.images if s.after and s.after[0] in there}
    if not late:
        return (*early, *rolled.steps)
    following: dict[str, list[Step]] = {}
    for step in late.values():
        following.setdefault(step.after[0], []).append(step)
    ordered = [s for step in rolled.steps for s in (step, *following.get(step.id, ()))]
    return (*early, *ordered)


def _behind(images: tuple[str, ...], steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Each step that waits for nothing else now waits for all of these."""
    among = frozenset(images)
    return tuple(replace(s, after=tuple(sorted(images))) if among.issuperset(s.after) else s for s in steps)


def _stuck(rolled: Rolled, work: NodesWork, away: tuple[str, ...]) -> tuple[Waiting, ...]:
    """Every node alone serves what another lacks, so each waits for the other: only a person ends that. Who
    is `away` is waited for, and may come back."""
    if rolled.steps or len(rolled.waiting) < 2 or work.not_observed or away:
        return ()
    names = " and ".join(w.subject for w in rolled.waiting)
    reason = (
        "each serves what another lacks, so none can be changed: put the former content back and apply, "
        "then change it again"
    )
    return (Waiting(subject=names, reason=reason),)


def _drift(
    given: PlanningInput,
    spec: ClusterSpec,
    staying: tuple[Node, ...],
    machines: Part,
    address: Part,
    last: Part,
    work: NodesWork,
) -> tuple[Drift, ...]:
    recorded = recorded_address(given)
    entry: list[Drift] = []
    if recorded is not None and not isinstance(spec.entry, NoEntry) and not address.steps:
        owner = provider_owner(given) if isinstance(spec.entry, ApiEntry) else None
        entry = entry_drift(given.observed, staying, recorded.address, owner)
    found = [*entry, *machines.drift, *address.drift, *last.drift, *work.drift]
    order = {"split": 0, "tampered": 1, "orphan": 2}
    return tuple(sorted(found, key=lambda d: (order[d.category], d.node, d.kind, d.subject, d.detail)))


def _other_states(given: PlanningInput) -> tuple[Waiting, ...]:
    """Said before a cluster is made a second time. Two teams may share an account, so nothing is refused."""
    if not given.observed.others:
        return ()
    reason = (
        f"there are machines of a cluster {given.target} of another state (lineage "
        f"{', '.join(given.observed.others)}); if the state was lost, stop here: `dynia state rebuild`"
    )
    return (Waiting(subject="state", reason=reason, final=True),)


def _assumed(wanted: Wanted) -> tuple[Waiting, ...]:
    reason = "its registry did not answer; taken to be what is applied"
    return tuple(Waiting(subject=f"image {name}", reason=reason, unseen=True) for name in wanted.assumed)


def _unanswered(given: PlanningInput) -> list[tuple[str, str]]:
    """Vendors that did not answer are named like nodes: nothing is claimed about them. A rollback asks
    them for nothing."""
    if given.rollback is not None:
        return []
    told = (("provider", given.observed.provider_nodes), ("reserved IPs", given.observed.addresses))
    said = [(name, answer.reason) for name, answer in told if isinstance(answer, NotObserved)]
    records = given.observed.records
    return [*said, ("dns", records.reason)] if isinstance(records, NotObserved) else said
