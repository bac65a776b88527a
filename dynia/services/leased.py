"""Hold a cluster's lease while something is done under it: wait for it, and beat as long as it is held."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import msgspec

from dynia.interfaces.errors import DyniaError, Locked
from dynia.interfaces.events import Note
from dynia.services.session import Session
from dynia.state.lease import TERM_S, Watch, beat_every, bounded
from dynia.state.store import Store

# How often a waiter looks, in seconds; more often where the term is short.
LOOK_S = 1.0
UNHURRIED_S = 900.0


def unhurried(session: Session) -> Session:
    """For whoever measures by the clock. A beat of a shared state is a push, and while that lasts nothing
    else happens in this process: so the term is so long that none is due meanwhile."""
    if session.lease is None or not session.store.shared:
        return session
    lease = msgspec.structs.replace(session.lease, term=max(session.lease.term, UNHURRIED_S))
    return dataclasses.replace(session, lease=lease)


@contextlib.asynccontextmanager
async def leased(session: Session) -> AsyncIterator[None]:
    """Be the only writer of the session's cluster. `Locked` after `session.lock_wait` seconds in vain.

    Beats come from a task of their own: where the event loop is blocked or the process frozen there are none.
    """
    known = frozenset(session.store.notes)
    try:
        async with _held(session):
            yield
    finally:
        for note in session.store.notes:
            if note not in known:
                _say(session, note)


@contextlib.asynccontextmanager
async def _held(session: Session) -> AsyncIterator[None]:
    with contextlib.ExitStack() as held:
        await _enter(session, held)
        term = session.lease.term if session.lease else TERM_S
        beating = asyncio.create_task(_beat(session.store, session.cluster, beat_every(term)), name="lease")
        try:
            yield
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating


async def _enter(session: Session, held: contextlib.ExitStack) -> None:
    store, cluster = session.store, session.cluster
    lessee = session.lease or session.lessee
    until = store.boottime() + session.lock_wait
    watch, past, told = Watch(), 0, ""
    while True:
        try:
            held.enter_context(store.lock(cluster, lessee, past=past))
        except Locked as error:
            if store.boottime() >= until:
                raise
            if error.message != told:
                told = error.message
                _say(session, f"waiting, for at most {session.lock_wait:g} s: {told}")
        else:
            return
        tenant = store.tenant(cluster)
        term = bounded(tenant.lessee.term) if tenant.lessee else TERM_S
        watch = watch.seen(tenant.fencing, tenant.beat, store.boottime())
        past = 0
        if watch.over(term, store.boottime()):
            past = tenant.fencing
            _say(session, f"no sign of life for {term:g} s: taking the lease over")
            continue
        await asyncio.sleep(min(LOOK_S, term / 10, max(0.0, until - store.boottime())))


async def _beat(store: Store, cluster: str, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            store.beat(cluster)
        except Locked:
            # The run meets it itself, at the next thing that it wants to do.
            return
        except DyniaError:
            # A beat that can't be written is none: what the run does next is judged by the age of the last.
            continue


def _say(session: Session, text: str) -> None:
    session.emit(Note(at=session.clock.now(), text=text))
