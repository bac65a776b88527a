"""A cluster's whole life in a few minutes, act by act: plan, apply, failover, plan again, destroy."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable

from dynia.interfaces.desired import NoEntry
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.node_requests import ExecRequest
from dynia.interfaces.observed import EntryAnswer
from dynia.interfaces.shape import Shape
from dynia.services.apply_result import ApplyResult
from dynia.services.ask_services import ask_services
from dynia.services.drill import DrillWish, failover
from dynia.services.planning.matrix import unserved
from dynia.services.reconcile import Reconciler, reconciler
from dynia.services.session import Session

# A documentation address (RFC 5737): nobody is there, so whoever is let out waits and is not refused.
NOBODY, TRY_S = "192.0.2.1", 3.0
REFUSED = 7  # curl's word for it

# A cloud takes seconds to move an address, and a node may just have asked for it.
ANSWERS_WITHIN_S = 15.0

Tell = Callable[[str], None]


class Act(Shape):
    """One thing that was tried. `said` is what was seen, in words; `ok` whether it is as it should be."""

    name: str
    seconds: float
    said: str
    ok: bool


class _NotSo(DyniaError):
    """What an act saw is not as it should be."""


async def rehearse(session: Session, tell: Tell, *, keep: bool = False) -> tuple[Act, ...]:
    """All acts up to the first that fails, and the last one always (unless `keep`): nothing is left behind.

    `session` is of the rehearsal's own state, on the lab; `tell` hears which act begins.
    """
    acts: list[Act] = []
    async with reconciler(session) as run:
        for name, deed in _acts(run):
            acts.append(await _play(session, name, deed, tell))
            if not acts[-1].ok or session.stop.is_set():
                break
    if not keep:
        acts.append(await _play(session, "destroy", lambda: _destroy(session), tell))
    return tuple(acts)


def _acts(run: Reconciler) -> list[tuple[str, Callable[[], Awaitable[str]]]]:
    spec = run.session.spec
    acts: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        ("plan", lambda: _plan(run)),
        ("apply", lambda: _apply(run)),
        ("stay inside", lambda: _inside(run)),
        ("serve", lambda: _serve(run)),
    ]
    if spec is not None and spec.nodes > 1 and not isinstance(spec.entry, NoEntry):
        acts.append(("failover", lambda: _failover(run)))
    return [*acts, ("plan again", lambda: _settled(run))]


async def _play(session: Session, name: str, deed: Callable[[], Awaitable[str]], tell: Tell) -> Act:
    tell(name)
    began = session.clock.monotonic()
    try:
        said, ok = await deed(), True
    except DyniaError as error:
        said, ok = error.message, False
    return Act(name=name, seconds=round(session.clock.monotonic() - began, 1), said=said, ok=ok)


async def _plan(run: Reconciler) -> str:
    plan = await run.plan()
    if plan.waiting:
        reasons = "; ".join(f"{one.subject}: {one.reason}" for one in plan.waiting)
        raise _NotSo(f"not everything can be done: {reasons}")
    return f"{len(plan.changes)} changes in {len(plan.steps) + len(plan.later)} steps"


async def _apply(run: Reconciler) -> str:
    result = await run.apply(_yes)
    _must_be_whole(result)
    return f"{result.done} steps"


async def _inside(run: Reconciler) -> str:
    """No node reaches anything outside of this machine: each tries, and is refused."""
    names = [node.name for node in run.session.store.state.nodes_of(run.session.cluster)]
    tried = ("curl", "-s", "-m", f"{TRY_S:g}", "-o", "/dev/null", f"http://{NOBODY}/")

    async def refused(name: str) -> bool:
        connection = await run.connections.get(name)
        return (await connection.exec(ExecRequest(argv=tried))).exit_code == REFUSED

    told = await asyncio.gather(*(refused(name) for name in names))
    out = [name for name, held in zip(names, told, strict=True) if not held]
    if out:
        raise _NotSo(f"not refused the way out: {', '.join(out)}")
    return f"{len(names)} nodes tried to reach {NOBODY} and were refused"


async def _serve(run: Reconciler) -> str:
    """Every service through every node's own Caddy, and the reserved IP."""
    plan, given = await run.plan(), run.given
    if given is None or given.desired is None:
        raise RuntimeError("a plan without a look")
    cells = await ask_services(run.connections, given)
    silent = [f"{one.subject} ({one.reason})" for one in unserved(cells)]
    if silent:
        raise _NotSo(f"does not serve: {', '.join(silent)}")
    services = sorted({one.service for one in cells})
    said = f"{', '.join(services) or 'no HTTP service'} on {len(given.state.nodes_of(given.target))} nodes"
    if isinstance(given.desired.entry, NoEntry):
        return said
    clock = run.session.clock.monotonic
    until = clock() + ANSWERS_WITHIN_S
    while True:
        entry = await run.session.ask_entry(plan.reserved_ip)
        if isinstance(entry, EntryAnswer):
            return f"{said}; {plan.reserved_ip} is answered by {entry.node}"
        if clock() > until:
            raise _NotSo(f"{said}; {plan.reserved_ip}: {entry.reason}")
        await asyncio.sleep(0.5)


async def _yes(_: object) -> bool:
    return True


async def _failover(run: Reconciler) -> str:
    report = await failover(run, DrillWish(hard=True), _yes)
    if not report.taken or not report.settled:
        seen = ", ".join(
            f"{one.node or 'nobody'} {one.begin:.1f} to {one.end:.1f} s" for one in report.answered
        )
        what = report.amiss if report.taken else "nobody took it over"
        raise _NotSo(f"{report.address}: {what}; answered: {seen}")
    return (
        f"{report.taken} took {report.address} over from {report.holder} ({_lost(report.lost)}), "
        f"and gave it back ({_lost(report.lost_back)})"
    )


def _lost(seconds: float) -> str:
    return f"{seconds:g} s without an answer" if seconds else "no question without an answer"


async def _settled(run: Reconciler) -> str:
    plan = await run.plan()
    if not plan.empty or plan.drift or plan.not_observed or plan.waiting:
        left = [step.id for step in plan.steps] or [one.detail for one in plan.drift]
        raise _NotSo(f"something is left: {', '.join(left[:5]) or 'a node was not observed'}")
    return "nothing to do"


async def _destroy(session: Session) -> str:
    """Everything goes, seen at the providers themselves."""
    gone = dataclasses.replace(session, spec=None, secrets={})
    async with reconciler(gone) as run:
        result = await run.apply(_yes)
        _must_be_whole(result)
        provider = await session.vendors.nodes()
        lineage, cluster = session.store.state.lineage, session.cluster
        machines = await provider.list_nodes(lineage, cluster)
        addresses = await provider.list_reserved_ips(lineage, cluster)
    left = [one.name for one in machines] + [one.address for one in addresses]
    if left:
        raise _NotSo(f"left behind: {', '.join(left)}")
    return "nothing is left"


def _must_be_whole(result: ApplyResult) -> None:
    failed = "; ".join(f"{one.step}: {one.message}" for one in result.failures)
    left = "; ".join(f"{subject}: {reason}" for subject, reason in result.left)
    if failed or left or result.exit_code:
        raise _NotSo(failed or left or f"exit {result.exit_code}")
