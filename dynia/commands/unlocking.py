"""Takes a lock away: shows who holds it, asks, and fences whoever had it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from dynia.commands.agreeing import agree
from dynia.commands.exit_codes import DONE
from dynia.commands.known import look, store_of
from dynia.commands.output import standard_output
from dynia.interfaces.composition import this_run
from dynia.interfaces.requests import UnlockRequest
from dynia.interfaces.target import resolve_target
from dynia.state.lease import beat_every, read_beat, utc
from dynia.state.tenancy import Tenant


def unlock(request: UnlockRequest) -> int:
    """Exits 0 also where nobody held it."""
    output = standard_output()
    known = look(request.target.file, os.environ, Path.cwd())
    cluster = resolve_target(request.target.cluster, os.environ, known.state.current_cluster, known.names)
    store = store_of(request.target.file, os.environ, Path.cwd(), make=True)
    tenant, free = store.tenant(cluster), store.free(cluster)
    if free and request.above <= tenant.fencing:
        output.show(f"{cluster} is not locked.")
        return DONE
    output.show(
        f"Nobody holds the lock of {cluster}; its number is {tenant.fencing}."
        if free
        else _held(cluster, tenant, time.time())
    )
    above = f" --above {request.above}" if request.above else ""
    agree(
        output,
        "Raise it?" if free else "Take the lock away? Whoever had it changes nothing more.",
        cluster,
        yes=request.yes,
        refusal=f"{cluster} is not unlocked",
        again=f"dynia state unlock --yes --cluster {cluster}{above}",
    )
    past = 0 if free else tenant.fencing
    with store.lock(cluster, this_run(os.environ), past=past, above=request.above):
        number = store.fencing(cluster)
    output.show(f"{cluster} is unlocked. From number {number} on it counts; lower ones are refused.")
    return DONE


def _held(cluster: str, tenant: Tenant, now: float) -> str:
    who = tenant.lessee.words() if tenant.lessee else "another run"
    beat = read_beat(tenant.beat)
    if beat is None:
        return f"{cluster} is locked by {who}.\nIt has given no sign of life yet."
    age = f"{max(0.0, now - beat.at):.0f} s ago, if its clock and this one agree"
    due = f"; one is due every {beat_every(tenant.lessee.term):g} s" if tenant.lessee else ""
    return f"{cluster} is locked by {who}.\nIts last sign of life: {utc(beat.at)} ({age}){due}."
