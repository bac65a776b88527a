"""Runs `dynia history`: reads what is told of runs, from file and state alone."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from dynia.commands.known import look_leniently, store_of
from dynia.commands.output import standard_output
from dynia.commands.screens.history import RunView, history_json, history_text, run_json, run_text
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.requests import HistoryRequest, Target
from dynia.interfaces.target import VARIABLE, resolve_target
from dynia.services.history import Run, events_of, plan_of, run_of
from dynia.state.history import History, Kept
from dynia.state.refused import in_words
from dynia.state.store import Store


def list_runs(request: HistoryRequest) -> int:
    """Show the last runs."""
    store, folder, cluster = _opened(request.target)
    history, output = store.history(cluster), standard_output()
    with in_words(folder):
        numbers = history.numbers()
        runs = last_runs(history, request.last)
    if runs:
        runs = (_seen(store, cluster, runs[0]), *runs[1:])
    more = len(numbers) - len(runs)
    if request.as_json:
        output.data(history_json(cluster, runs, more=more))
    else:
        output.show(history_text(cluster, runs, width=output.width, more=more))
    return 0


def show_run(request: HistoryRequest) -> int:
    """Show one of them."""
    store, folder, cluster = _opened(request.target)
    history, output = store.history(cluster), standard_output()
    with in_words(folder):
        kept = history.read(request.number)
    run = _seen(store, cluster, _run(kept))
    plan = plan_of(kept.begun, f"the plan of run {kept.number}") if run.begun else None
    view = RunView(run=run, plan=plan, events=events_of(kept.ended))
    if request.as_json:
        output.data(run_json(view))
    else:
        output.show(run_text(view, width=output.width, detail=request.detail, color=output.color))
    return 0


def last_runs(history: History, most: int) -> tuple[Run, ...]:
    """The newest first."""
    return tuple(_listed(history, number) for number in history.numbers()[:most])


def _listed(history: History, number: int) -> Run:
    try:
        return _run(history.read(number))
    except (DyniaError, OSError) as error:
        # One file that is odd, or that another run has just made room with, hides no other.
        why = error.message if isinstance(error, DyniaError) else (error.strerror or str(error)).lower()
        return Run(number=number, unreadable=why)


def _run(kept: Kept) -> Run:
    return run_of(kept.number, kept.begun, kept.ended)


def _seen(store: Store, cluster: str, run: Run) -> Run:
    """Whether it has not ended yet: its lease is the last one, and is held."""
    if run.begun is None or run.ended is not None or run.begun.fencing != store.fencing(cluster):
        return run
    return msgspec.structs.replace(run, going=not store.free(cluster))


def _opened(target: Target) -> tuple[Store, Path, str]:
    known = look_leniently(target.file, os.environ, Path.cwd())
    output = standard_output()
    for note in known.notes:
        output.tell(f"Note: {note}")
    store = store_of(target.file, os.environ, Path.cwd(), make=False)
    named = target.cluster or os.environ.get(VARIABLE, "")
    # A cluster that was destroyed has left state and file, and its history has not.
    gone = (named,) if named and named not in known.names and store.history(named).numbers() else ()
    names = tuple(sorted({*known.names, *gone}))
    return store, known.folder, resolve_target(target.cluster, os.environ, known.state.current_cluster, names)
