"""Runs what keeps, shows and takes up saved plans."""

from __future__ import annotations

import os
import time
from pathlib import Path

from msgspec.structs import replace

from dynia.commands.exit_codes import DONE
from dynia.commands.output import standard_output
from dynia.commands.screens.saved import SavedView, saved_json, saved_text
from dynia.interfaces.clusters_file import load
from dynia.interfaces.composition import called_from_nodes
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.find_file import find_file
from dynia.interfaces.plan_file import read_plan, write_plan
from dynia.interfaces.requests import ApplyRequest, Part, ShowRequest, Target
from dynia.interfaces.state_place import open_state
from dynia.interfaces.templates import templates_of
from dynia.interfaces.version import version
from dynia.services.planning.content import content_of
from dynia.services.planning.plan import Plan
from dynia.services.planning.stale import Ground, Reviewed, ground, grounds
from dynia.services.saved_plan import SavedPlan
from dynia.services.session import Session


def keep(path: Path, plan: Plan, session: Session) -> None:
    """Write a plan, and in its envelope who made it, when, and from which commit."""
    saved = SavedPlan(
        by=session.lessee, at=int(time.time()), commit=session.commit, tool=version(), plan=plan
    )
    write_plan(path, saved)


def taken_up(request: ApplyRequest) -> tuple[Target, Reviewed | None]:
    """What an apply is about and what of it was reviewed: a saved plan names its cluster itself."""
    target = request.target
    if request.expect:
        return target, Reviewed(digest=request.expect)
    if not request.plan_file:
        return target, None
    plan = read_plan(Path(request.plan_file)).plan
    if target.cluster not in (None, plan.cluster):
        raise Refused(
            f"{request.plan_file} is a plan of cluster {plan.cluster}, and --cluster says {target.cluster}",
            hint="nothing was touched; name the plan that is meant",
        )
    return Target(file=target.file, cluster=plan.cluster), Reviewed(digest=plan.digest, plan=plan)


def part_taken_up(request: ApplyRequest, reviewed: Reviewed | None) -> Part:
    """Of which part of the file an apply is: a saved plan says it itself."""
    plan = reviewed.plan if reviewed is not None else None
    if plan is None:
        return request.part
    return Part(targets=plan.targets, excludes=plan.excludes, replace=plan.replaces)


def show(request: ShowRequest) -> int:
    """Show a saved plan; the exit code."""
    output = standard_output()
    saved = read_plan(Path(request.file))
    stale, unknown = compared(saved.plan, request.target)
    view = SavedView(file=request.file, saved=saved, stale=stale, unknown=unknown)
    if request.as_json:
        output.data(saved_json(view))
    else:
        output.show(saved_text(view, width=output.width, detail=request.detail, color=output.color))
    return DONE


def compared(plan: Plan, target: Target) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Why a plan is stale, as far as file and state tell; and what of the two could not be read."""
    name = target.cluster or plan.cluster
    if name != plan.cluster:
        return (f"it is a plan of cluster {plan.cluster}, not of {name}",), ()
    try:
        path = find_file(target.file, os.environ, Path.cwd())
        desired = load(path)
    except DyniaError as error:
        return (), (error.message,)
    spec = next((spec for spec in desired.clusters if spec.name == name), None)
    if spec is None:
        return (f"cluster {name} is no longer in {path.name}",), ()
    now = ground(plan)
    content = content_of(called_from_nodes(spec, os.environ), templates_of(spec))
    unknown: tuple[str, ...] = ()
    try:
        state = open_state(path.parent, desired.state, make=False).state
    except DyniaError as error:
        unknown = (error.message,)
    else:
        home = state.cluster(name)
        if state.lineage:
            now = Ground(
                lineage=state.lineage,
                serial=home.serial if home else 0,
                generation=home.generation if home else 0,
            )
        else:
            unknown = ("there is no state here",)
    return grounds(ground(plan), replace(now, content=content)), unknown
