"""The open connections of one run: one per node, opened at first use, closed together at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dynia.interfaces.errors import DyniaError
from dynia.providers.protocols import NodeConnection
from dynia.services.session import Vendors
from dynia.state.model import Node


class Connections:
    """`node` looks a node up by name at the moment of connecting, so that a new address is seen."""

    def __init__(self, vendors: Vendors, node: Callable[[str], Node], fan_out: int) -> None:
        self._vendors = vendors
        self._node = node
        self._open: dict[str, NodeConnection] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._slots = asyncio.Semaphore(fan_out)

    async def get(self, name: str) -> NodeConnection:
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name not in self._open:
                async with self._slots:
                    self._open[name] = await self._vendors.connect(self._node(name))
            return self._open[name]

    def joined(self) -> tuple[str, ...]:
        return tuple(sorted(self._open))

    async def forget(self, name: str) -> None:
        """Close the connection to a node; the next use opens a new one."""
        connection = self._open.pop(name, None)
        if connection is not None:
            await _close(connection)

    async def close(self) -> None:
        """Close all. A connection that can't be closed is already closed."""
        connections, self._open = tuple(self._open.values()), {}
        await asyncio.gather(*(_close(connection) for connection in connections))


async def _close(connection: NodeConnection) -> None:
    try:
        async with asyncio.timeout(3):
            await connection.close()
    except (DyniaError, TimeoutError, OSError):
        return
