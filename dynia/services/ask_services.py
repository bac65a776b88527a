"""Ask for every domain through every node's own Caddy and the reserved IP: what is claimed was seen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.events import Note
from dynia.interfaces.node_requests import AskRequest
from dynia.services.connections import Connections
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.matrix import Asked, Cell, to_ask, unserved
from dynia.services.planning.plan import Waiting
from dynia.services.session import Session

SETTLE_S = 8.0
ASK_AGAIN_S = 0.5


async def ask_services(
    connections: Connections, given: PlanningInput, *, applied: bool = False
) -> tuple[Cell, ...]:
    """The matrix as it is now: one exec on each node that was observed, all at once."""
    asked: dict[str, list[Asked]] = {}
    for one in to_ask(given, applied=applied):
        asked.setdefault(one.on, []).append(one)
    told = await asyncio.gather(*(_ask(connections, name, those) for name, those in asked.items()))
    return tuple(cell for cells in told for cell in cells)


async def not_serving(
    session: Session, connections: Connections, given: PlanningInput
) -> tuple[Waiting, ...]:
    """What does not answer as it was applied. What has only just begun (an election, a claim of the address)
    is given SETTLE_S seconds."""
    time, told = asyncio.get_running_loop().time, False
    until = time() + SETTLE_S
    while True:
        found = unserved(await ask_services(connections, given))
        if not found or session.stop.is_set() or time() >= until:
            return found
        if not told:
            what = f"{found[0].subject}: {found[0].reason}"
            session.emit(Note(at=session.clock.now(), text=f"asked again for up to {SETTLE_S:g} s: {what}"))
            told = True
        await asyncio.sleep(ASK_AGAIN_S)


async def _ask(connections: Connections, name: str, asked: Sequence[Asked]) -> tuple[Cell, ...]:
    try:
        connection = await connections.get(name)
        heard = await connection.ask(AskRequest(questions=tuple(one.question for one in asked)))
    except DyniaError as error:
        return tuple(replace(one.cell, unseen=error.message) for one in asked)
    return tuple(replace(one.cell, answer=answer) for one, answer in zip(asked, heard, strict=True))
