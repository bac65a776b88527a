"""What every world of the contract suite gives a test: a provider, a cluster of its own, and an eye on it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from dynia.interfaces.shape import Shape
from dynia.providers.protocols import NodeOrder, NodeProvider

Seen = dict[str, tuple[str, str]]


class Foreign(Shape):
    """A machine and an address that somebody else has at the same vendor: their provider ids."""

    machine: str
    address: str


class World(Protocol):
    """`foreign` asserts at its end that nothing was done to them. `makes`: its provider makes machines;
    `absent` is what nobody has; `machine` is the container behind one, `docker` and `ssh` are ways to it past the provider."""

    makes: bool
    absent: Foreign
    lineage: str
    cluster: str

    @property
    def provider(self) -> NodeProvider: ...

    def other(self) -> Any: ...

    def order(self, ordinal: int) -> NodeOrder: ...

    async def ready_for_an_address(self) -> None: ...

    async def now(self) -> Seen: ...

    async def told(self, provider_id: str) -> str: ...

    async def power_off(self, provider_id: str) -> None: ...

    async def take_away(self, provider_id: str) -> None: ...

    def foreign(self) -> AbstractAsyncContextManager[Foreign]: ...

    def machine(self, provider_id: str) -> str: ...

    def docker(self, *argv: str) -> str: ...

    async def ssh(self, address: str, host_key: str, script: str) -> str: ...

    async def remove(self) -> None: ...


class Twice(Shape):
    """The world before a call, after it, and after the same call again."""

    before: Seen
    once: Seen
    again: Seen

    @property
    def second_changes_nothing(self) -> bool:
        return self.once == self.again

    @property
    def first_changes_second_does_not(self) -> bool:
        return self.before != self.once and self.once == self.again
