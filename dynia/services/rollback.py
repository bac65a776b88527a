"""Gets what a generation was rendered from, from the nodes that keep it, and makes it what a run wants."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from dynia.interfaces.desired import Ssh
from dynia.interfaces.errors import DyniaError, NotObservedError, Refused
from dynia.interfaces.node_requests import ExecRequest
from dynia.providers.protocols import NodeConnection
from dynia.services.planning.generations import Inputs, on_today, read
from dynia.services.session import Session
from dynia.state.generation import Generation, Rollback, find, last_good, path_of
from dynia.state.model import Node
from dynia.state.store import Store

# An answer of a node is bounded, so a long file comes in pieces.
PIECE = 4_000_000
READ = ("sh", "-c", f'tail -c +"$1" -- "$2" | head -c {PIECE}')
MOST = 50 * PIECE
READ_S = 60.0
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Chosen:
    """The generation that is meant, those since (the newest first), and how the rollback is remembered. `at`
    is the cluster's serial then."""

    target: Generation
    newer: tuple[Generation, ...]
    rollback: Rollback
    at: int = 0


def choose(store: Store, cluster: str, number: int, service: str) -> Chosen:
    """`number` 0: the last good one; `service` empty: all of it. What was begun goes on as it was begun."""
    home, nodes = store.state.cluster(cluster), store.state.nodes_of(cluster)
    kept = home.generations if home is not None else ()
    if home is None or not kept or not nodes:
        raise Refused(
            f"cluster {cluster}: the state knows no generation that nodes keep",
            hint="if the state was lost: `dynia state rebuild`, which reads it from the nodes; else the next "
            "apply keeps the first",
        )
    if not number and not service and home.rollback is not None:
        service = home.rollback.service
    running = [{**node.components, **node.pushed} for node in nodes]
    cut = bool(store.unfinished(cluster))
    target = find(kept, number) if number else last_good(kept, running, home.rollback, cut=cut)
    if target is None:
        there = ", ".join(_named(one) for one in kept)
        what = f"generation {number} is not kept" if number else "no generation before this one is kept"
        raise Refused(f"cluster {cluster}: {what} (kept: {there})", hint="`dynia rollback --list` shows them")
    newer = tuple(one for one in reversed(kept) if one.number > target.number)
    rollback, begun = Rollback(to=target.number, service=service), home.rollback
    if begun is not None and (begun.to, begun.service) == (rollback.to, rollback.service):
        rollback = begun
    return Chosen(target=target, newer=newer, rollback=rollback, at=home.serial)


def _named(one: Generation) -> str:
    return str(one.number) if one.number == one.last else f"{one.number} to {one.last}"


async def gathered(session: Session, chosen: Chosen, ssh: Ssh) -> Inputs:
    """What the cluster is to become, read from its nodes. `ssh` is how they are reached today."""
    nodes, target = session.store.state.nodes_of(session.cluster), chosen.target
    then, told = await _read_from_any(session, nodes, target)
    if then is None:
        first = f"cluster {session.cluster}: no node that answers keeps generation {target.number}"
        raise NotObservedError(
            "\n".join((first, *(f"  {reason}" for reason in told))),
            hint="try another one (`dynia rollback --list`), or apply a file that says what it said then",
        )
    today = then
    # Of an apply that was killed at its very end no node has the newest; then the one before it is today.
    for one in chosen.newer:
        found, _ = await _read_from_any(session, nodes, one)
        if found is not None:
            today = found
            break
    return on_today(then, today, target.number, chosen.rollback.service, nodes, ssh)


async def _read_from_any(
    session: Session, nodes: tuple[Node, ...], one: Generation
) -> tuple[Inputs | None, tuple[str, ...]]:
    """From the first node that keeps it whole; and why the others did not do. Some are joined at once, since
    on a bad day many are silent, and each takes its time to be."""
    told: list[str] = []
    for begin in range(0, len(nodes), AT_ONCE):
        joining = [asyncio.ensure_future(_join(session, node)) for node in nodes[begin : begin + AT_ONCE]]
        try:
            for joined in asyncio.as_completed(joining):
                node, connection = await joined
                try:
                    if isinstance(connection, DyniaError):
                        raise connection
                    return await _read(connection, node, one), ()
                except DyniaError as error:
                    told.append(f"{node.name}: {error.message.removeprefix(f'{node.name}: ')}")
        finally:
            for task in joining:
                task.cancel()
            for found in await asyncio.gather(*joining, return_exceptions=True):
                if not isinstance(found, BaseException) and not isinstance(found[1], DyniaError):
                    await found[1].close()
    return None, tuple(sorted(told))


async def _join(session: Session, node: Node) -> tuple[Node, NodeConnection | DyniaError]:
    try:
        return node, await session.vendors.connect(node)
    except DyniaError as error:
        return node, error


async def _read(connection: NodeConnection, node: Node, one: Generation) -> Inputs:
    path = path_of(one.number)
    try:
        async with asyncio.timeout(READ_S):
            content = await read_whole(connection, path)
    except TimeoutError:
        raise NotObservedError(f"no answer within {READ_S:g} s") from None
    if not content:
        raise DyniaError(f"{node.name}: it does not keep generation {one.number}")
    return read(f"{node.name}:{path}", content, one.digest)


async def read_whole(connection: NodeConnection, path: str, most: int = MOST) -> bytes:
    """A file of a node; nothing where it is not there."""
    content = b""
    while len(content) < most:
        argv = (*READ, "sh", str(len(content) + 1), path)
        piece = (await connection.exec(ExecRequest(argv=argv, deadline_s=READ_S))).stdout
        content += piece
        if len(piece) < PIECE:
            return content
    raise DyniaError(f"{path} is longer than {most // 1_000_000} MB")
