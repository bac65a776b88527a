"""Look at nodes: one connection and one exec each, all at once; no answer is a value."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.node_requests import ObserveRequest
from dynia.interfaces.observed import NotObserved, ObservedNode
from dynia.services.connections import Connections


async def observe_nodes(
    connections: Connections,
    names: Iterable[str],
    request: ObserveRequest,
    *,
    timeout_s: float,
    silent: Awaitable[Mapping[str, str]],
) -> dict[str, ObservedNode]:
    """Every node's facts, or the reason why there are none. Never raises for a node's sake.

    `timeout_s` is how long a connected node may take to answer; how long connecting may take is the vendor's.
    `silent` tells, once its own question is answered, which nodes can't answer and why (off at the
    provider): nobody waits for those any longer.
    """
    looks = {
        name: asyncio.create_task(_one(connections, name, request, timeout_s), name=f"observe {name}")
        for name in names
    }
    try:
        for name, reason in (await silent).items():
            if name in looks and not looks[name].done():
                looks.pop(name).cancel()
                looks[name] = asyncio.create_task(_unseen(reason))
        seen = await asyncio.gather(*looks.values())
    finally:
        for look in looks.values():
            look.cancel()
    return dict(zip(looks, seen, strict=True))


async def _unseen(reason: str) -> ObservedNode:
    return NotObserved(reason=reason)


async def _one(
    connections: Connections, name: str, request: ObserveRequest, timeout_s: float
) -> ObservedNode:
    try:
        # Connecting has a limit of its own, from the node's turn on: waiting for a turn is not its silence.
        connection = await connections.get(name)
        async with asyncio.timeout(timeout_s):
            return await connection.observe(request)
    except TimeoutError:
        reason = f"no answer within {timeout_s:g} s"
    except DyniaError as error:
        reason = error.message
    await connections.forget(name)
    return NotObserved(reason=reason)
