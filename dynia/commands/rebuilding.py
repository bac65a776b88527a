"""Runs `dynia state rebuild`: look, plan against what was found, show both, ask, write."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dynia.commands.agreeing import agree
from dynia.commands.exit_codes import DONE, NOT_OBSERVED
from dynia.commands.interrupts import run_interruptible
from dynia.commands.known import store_of
from dynia.commands.output import Output, standard_output
from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.rebuild import rebuild_json, rebuild_text
from dynia.interfaces.composition import open_session
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.requests import RebuildRequest
from dynia.services.planning.plan import Plan
from dynia.services.rebuild import Found, Search, find
from dynia.services.reconcile import reconciler
from dynia.services.session import Session
from dynia.state.rebuilt import check_may_write, writing
from dynia.state.snapshot import snapshot_of, write_text
from dynia.state.store import Store, open_store


def rebuild(request: RebuildRequest) -> int:
    """The exit code: 4 where a machine said nothing, so that nothing is claimed about it."""
    session = open_session(file=request.target.file, cluster=request.target.cluster, make=False)
    store = partial(store_of, request.target.file, os.environ, Path.cwd(), make=True)
    return rebuild_session(session, store, request, standard_output())


def rebuild_session(
    session: Session, store: Callable[[], Store], request: RebuildRequest, output: Output
) -> int:
    """`session` is of the state as it is here, if there is one; `store` opens or begins the one to write."""
    cluster, kept = session.cluster, session.store
    if session.spec is None:
        raise DyniaError(f"cluster {cluster} is not in the file")
    search = Search(spec=session.spec, vendors=session.vendors, lineage=request.lineage)
    found, plan = run_interruptible(_look(session, search))
    check_may_write(kept.state, found.rebuilt, cluster)
    say = output.tell if request.as_json else output.show
    color = output.error_color if request.as_json else output.color
    say(rebuild_text(cluster, found, width=output.width, color=color) + "\n")
    say(plan_text(plan, width=output.width, color=color) + "\n")
    agree(
        output,
        f"Write this as the state of {cluster}?",
        cluster,
        yes=request.yes,
        refusal=f"cluster {cluster}: the state is not written",
        again=f"dynia state rebuild --yes --cluster {cluster}",
    )
    _write(store(), session, found)
    say(f"The state of {cluster} is written. Next: `dynia plan --cluster {cluster}`")
    if request.as_json:
        output.data(rebuild_json(cluster, found, plan))
    silent = plan.not_observed or any(one.silence for one in found.heard)
    return NOT_OBSERVED if silent else DONE


async def _look(session: Session, search: Search) -> tuple[Found, Plan]:
    found = await find(search)
    # The state lies in a folder of its own while the plan is made, so it is read as it will be.
    with tempfile.TemporaryDirectory(prefix="dynia-rebuild-") as folder:
        text = write_text(snapshot_of(found.rebuilt.state, {}))
        (Path(folder) / "state.json").write_bytes(text)
        tried = dataclasses.replace(session, store=open_store(Path(folder), make=False))
        async with reconciler(tried) as run:
            return found, await run.plan()


def _write(store: Store, session: Session, found: Found) -> None:
    rebuilt, cluster = found.rebuilt, session.cluster
    store.take_lineage(rebuilt.state.lineage)
    with store.lock(cluster, session.lease or session.lessee, above=rebuilt.fencing):
        check_may_write(store.state, rebuilt, cluster)
        why = f"made again from {', '.join(rebuilt.newest) or 'what the provider lists'}"
        store.write(cluster, writing(store.state, rebuilt, cluster), why, above=rebuilt.serial)
