"""Every screen of the samples by name: what the golden files hold."""

from __future__ import annotations

from collections.abc import Callable

from dynia.commands.screens.apply import apply_result_text
from dynia.commands.screens.board import Board
from dynia.commands.screens.drift import drift_text
from dynia.commands.screens.drill import drill_text
from dynia.commands.screens.edit import edit_text
from dynia.commands.screens.error import bug_text, error_text
from dynia.commands.screens.generations import back_text, generations_text
from dynia.commands.screens.history import history_text, run_text
from dynia.commands.screens.lists import nodes_text, services_text
from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.progress import heartbeat_lines, live_lines, plain_lines
from dynia.commands.screens.rebuild import rebuild_text
from dynia.commands.screens.rehearsal import rehearsal_text
from dynia.commands.screens.saved import digest_text, kept_text, saved_text
from dynia.commands.screens.state import state_text
from dynia.commands.screens.status import status_text
from dynia.interfaces.events import Event
from dynia.interfaces.requests import Detail
from dynia.services.planning.plan import Plan
from tests.unit.screens import generation_samples, history_samples, more_samples, samples

Screen = Callable[[int, bool], str]
"""From columns and colour to text."""


def _plan(plan: Plan, detail: Detail) -> Screen:
    return lambda width, color: plan_text(plan, width=width, detail=detail, color=color, now=samples.NOW)


def _drift(plan: Plan) -> Screen:
    return lambda width, color: drift_text(plan, width=width, color=color, now=samples.NOW)


def _live(events: tuple[Event, ...]) -> Screen:
    def screen(width: int, color: bool) -> str:
        board = Board()
        for event in events:
            board.take(event)
        return "\n".join(live_lines(board, width=width, height=24, now=samples.NOW + 23, color=color))

    return screen


def _plain(events: tuple[Event, ...]) -> Screen:
    def screen(width: int, color: bool) -> str:
        board, lines = Board(), []
        for event in events:
            board.take(event)
            lines += plain_lines(board, event, width=width)
        return "\n".join([*lines, *heartbeat_lines(board, width=width, now=samples.NOW + 90)])

    return screen


def catalogue() -> dict[str, Screen]:
    """Name -> screen."""
    screens: dict[str, Screen] = {}
    for name, plan in samples.PLANS.items():
        screens[f"plan/{name}"] = _plan(plan, "normal")
        screens[f"plan-summary/{name}"] = _plan(plan, "summary")
        screens[f"plan-full/{name}"] = _plan(plan, "full")
        screens[f"drift/{name}"] = _drift(plan)
    for name, error in more_samples.ERRORS.items():
        screens[f"error/{name}"] = lambda w, c, e=error: error_text(e, width=w, color=c)  # type: ignore[misc]
    for name, edit in more_samples.EDITS.items():
        screens[f"edit/{name}"] = lambda w, c, e=edit: edit_text(e, color=c)  # type: ignore[misc]
    screens["error/bug"] = lambda w, c: bug_text("KeyError", "'x'" * 99, version="2.0", width=w, color=c)
    for name, events in more_samples.RUNS.items():
        screens[f"live/{name}"] = _live(events)
        if name != "fifty-nodes":
            screens[f"plain/{name}"] = _plain(events)
    for name, result in more_samples.RESULTS.items():
        screens[f"result/{name}"] = lambda w, c, r=result: apply_result_text(r, width=w, color=c)  # type: ignore[misc]
    for name, view in more_samples.STATUSES.items():
        screens[f"status/{name}"] = lambda w, c, v=view: status_text(v, width=w, color=c, now=samples.NOW)  # type: ignore[misc]
    for name, report in more_samples.DRILLS.items():
        screens[f"drill/{name}"] = lambda w, c, r=report: drill_text(r, width=w, color=c)  # type: ignore[misc]
    for name, rehearsal in more_samples.REHEARSALS.items():
        screens[f"rehearsal/{name}"] = lambda w, c, r=rehearsal: rehearsal_text(r, width=w, color=c)  # type: ignore[misc]
    for name, saved in more_samples.SAVED.items():
        screens[f"show/{name}"] = lambda w, c, v=saved: saved_text(v, width=w, color=c)  # type: ignore[misc]
    screens["show/digest"] = lambda w, c: digest_text(more_samples.SAVED["stale"].saved.plan, width=w)
    screens["show/kept"] = lambda w, c: kept_text("plans/prod.plan", width=w)
    for name, found in more_samples.REBUILT.items():
        screens[f"rebuild/{name}"] = lambda w, c, f=found: rebuild_text("prod", f, width=w, color=c)  # type: ignore[misc]
    for name, state in more_samples.STATES.items():
        screens[f"state/{name}"] = lambda w, c, v=state: state_text(v, width=w, color=c)  # type: ignore[misc]
    for name, home in generation_samples.HOMES.items():
        screens[f"generations/{name}"] = lambda w, c, h=home: generations_text("prod", h, width=w)  # type: ignore[misc]
    for name, chosen in generation_samples.CHOSEN.items():
        screens[f"generations/back-{name}"] = lambda w, c, x=chosen: back_text(x, 3, width=w)  # type: ignore[misc]
    screens["history/none"] = lambda w, c: history_text("prod", (), width=w)
    screens["history/some"] = lambda w, c: history_text("prod", history_samples.RUNS, width=w, more=3)
    for name, seen in history_samples.VIEWS.items():
        screens[f"history/show-{name}"] = lambda w, c, v=seen: run_text(v, width=w, color=c)  # type: ignore[misc]
    screens["list/nodes"] = lambda w, c: nodes_text("prod", more_samples.NODES, width=w)
    screens["list/services"] = lambda w, c: services_text("prod", more_samples.SERVICES, width=w)
    return screens
