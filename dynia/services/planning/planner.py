"""The planner: what must be done, why, and in which order. Pure: same input, same plan, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from dynia.interfaces.desired import NoEntry
from dynia.interfaces.observed import ResolvedImage
from dynia.services.actions import AttachReservedIp, HandOver, RemoveComponent
from dynia.services.actions.base import Recipe
from dynia.services.planning.addresses import PENDING, recorded_address
from dynia.services.planning.content import content_of
from dynia.services.planning.digest import sealed
from dynia.services.planning.estimate import about
from dynia.services.planning.images import lacking, no_room
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.lines import merge
from dynia.services.planning.manifests import heal
from dynia.services.planning.mass import destroyed
from dynia.services.planning.offers import check_offer, monthly
from dynia.services.planning.one_pass import Pass
from dynia.services.planning.other_provider import refuse_other_provider
from dynia.services.planning.part import Part
from dynia.services.planning.passes import pass_of
from dynia.services.planning.plan import Effect, Plan, Serving, Waiting
from dynia.services.planning.protect import losses
from dynia.services.planning.records import ours_there, takes_ours
from dynia.services.planning.replacing import most_passes
from dynia.services.planning.restrict import files_only
from dynia.services.planning.simulate import apply_steps
from dynia.services.planning.way_back import held

Recipes = Mapping[str, Mapping[str, Recipe]]


def make_plan(given: PlanningInput, *, sync: bool = False) -> Plan:
    """One pass, and a preview of those that follow, planned on a simulated world. `sync`: files only."""
    plan, _ = make_plan_with_recipes(given, sync=sync)
    return plan


def make_plan_with_recipes(given: PlanningInput, *, sync: bool = False) -> tuple[Plan, Recipes]:
    """The plan, and what was rendered for its first pass: by node, then component."""

    refuse_other_provider(given)

    def look(world: PlanningInput) -> Pass:
        seen = pass_of(world, given.state)
        return files_only(seen) if sync else seen

    passes = [look(given)]
    # An apply that does something writes manifests at its end; where there is nothing else they are healed.
    healed = heal(given, given.state) if given.by_hand is None and given.scope.whole else Part()
    if not passes[0].steps and healed.steps:
        lines = (*passes[0].lines, *healed.lines)
        passes = [replace(passes[0], steps=healed.steps, lines=lines)]
    world, last = given, passes[0]
    while passes[-1].more and passes[-1].steps and len(passes) < most_passes(given):
        world = apply_steps(world, passes[-1].steps, passes[-1].wanted)
        last = look(world)
        if not last.steps:
            break
        passes.append(last)
    check_offer(given, [step for one in passes for step in one.steps])
    wanted = passes[0].wanted
    told = _rolled_back(given, changes=any(one.lines for one in passes))
    if given.rollback is not None:
        told = lacking(step for one in passes for step in one.steps)
    told = (*no_room(passes[0].steps, given.observed), *told)
    plan = _plan(given, passes, (*last.waiting, *healed.waiting, *told))
    plan = sealed(msgspec.structs.replace(plan, waiting=(*held(given, plan), *plan.waiting)))
    return plan, wanted.recipes if wanted else {}


def _rolled_back(given: PlanningInput, *, changes: bool) -> tuple[Waiting, ...]:
    """What was rolled back is pending until the file follows: then it is said why."""
    home, asked = given.state.cluster(given.target), given.rollback or given.by_hand
    if home is None or given.desired is None or asked is not None:
        return ()
    if home.rollback is not None:
        reason = f"one to generation {home.rollback.to} was begun and has not ended: `dynia rollback` goes on"
    elif changes and home.generations and home.generations[-1].of:
        reason = f"generation {home.generations[-1].of} runs again, and the file asks for something else"
        reason += " (`dynia rollback --adopt` writes it)"
    else:
        return ()
    return (Waiting(subject="rollback", reason=reason, final=True),)


def _plan(given: PlanningInput, passes: list[Pass], waiting: tuple[Waiting, ...]) -> Plan:
    """`waiting` is what is left after the last pass: what an earlier one put off may be done by then."""
    first, spec = passes[0], given.desired
    home, address = given.state.cluster(given.target), recorded_address(given)
    count = spec.nodes if spec else 0
    order = next((one.order for one in passes if one.order), ())
    joining = dict.fromkeys(name for one in passes for name in one.joining if name not in order)
    shown = address.address if address else ""
    if not shown and spec is not None and not isinstance(spec.entry, NoEntry):
        shown = PENDING
    return Plan(
        cluster=given.target,
        lineage=given.state.lineage,
        serial=home.serial if home else 0,
        generation=home.generation if home else 0,
        provider=str(type(spec.provider).__struct_config__.tag) if spec else home.provider if home else "",
        node_count=count,
        steps=first.steps,
        later=tuple(step for one in passes[1:] for step in one.steps),
        drift=first.drift,
        changes=merge((line for one in passes for line in one.lines), count),
        diffs=next((one.diffs for one in passes if one.diffs), ()),
        waiting=waiting,
        order=order,
        joining=tuple(joining),
        holder=first.holder,
        away=first.away,
        reserved_ip=shown,
        resumes=tuple(sorted(given.resumed.items())),
        effect=_effect(given, passes, count),
        not_observed=first.not_observed,
        targets=given.scope.targets,
        excludes=given.scope.excludes,
        replaces=given.replace,
        protect=given.protect,
        losses=losses(given, [step for one in passes for step in one.steps]),
        content=content_of(spec, given.templates),
        images=tuple(
            (name, image.run if isinstance(image, ResolvedImage) else "")
            for name, image in sorted(given.observed.images.items())
        ),
    )


def _effect(given: PlanningInput, passes: list[Pass], count: int) -> Effect:
    """The worst of all passes. A later pass counts nodes that serve by then: never fewer than now."""
    worst: dict[str, Serving] = {}
    for one in passes:
        for found in one.serving:
            known = worst.get(found.service)
            if known is None or (found.now and found.least < known.least):
                now = known.now if known else found.now
                worst[found.service] = msgspec.structs.replace(found, now=now)
    steps = [step for one in passes for step in one.steps]
    disturbed = {name for step in steps for name in step.disturbs}
    return Effect(
        serving=tuple(worst[name] for name in sorted(worst)),
        at_once=max(one.at_once for one in passes),
        moves=sum(_moves(step.action, one.holder) for one in passes for step in one.steps),
        irreversible=sum(step.irreversible for step in steps),
        interrupts=tuple(sorted(disturbed if count == 1 else {s for one in passes for s in one.interrupts})),
        monthly=monthly(given, steps),
        names=sum(takes_ours(step.action) for step in steps),
        names_there=ours_there(given),
        destroyed=destroyed(given, steps),
        about_s=about(given.state.cluster(given.target), (one.steps for one in passes)),
    )


def _moves(action: object, holder: str) -> bool:
    """Steps that take the reserved IP from the node that has it."""
    if isinstance(action, AttachReservedIp | HandOver):
        return bool(holder)
    return isinstance(action, RemoveComponent) and action.node == holder and action.component == "keepalived"
