"""What stands behind a droplet: the protocol of machines, and the one without any machine."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Protocol

FIRST_DROPLET = 300_000_000
# RFC 2544: overlaps no LAN, VPN or private range.
PUBLIC = ipaddress.IPv4Address("198.19.0.0")
PRIVATE = ipaddress.IPv4Address("198.19.64.0")
ANCHOR = ipaddress.IPv4Address("198.19.192.0")
RESERVED = ipaddress.IPv4Address("198.19.128.0")
ROOM = 1 << 14


@dataclass(frozen=True, slots=True)
class Machine:
    """A droplet as it was ordered. `public_keys` are OpenSSH lines; `user_data` may hold secrets."""

    id: int
    name: str
    region: str
    size: str
    image: str
    public_keys: tuple[str, ...]
    user_data: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Addresses:
    """IPv4, as text. Packets for a reserved IP arrive at `anchor`, whoever has it."""

    public: str
    private: str
    anchor: str


class BodyError(Exception):
    """The machine could not do it: the action ends as `errored`."""


class Bodies(Protocol):
    """Machines behind droplets. Every call may be repeated (the twin was restarted in between) and returns
    once it is done; `BodyError` turns the action to `errored`. Droplets are named by their id."""

    async def create(self, machine: Machine) -> Addresses: ...

    async def power_on(self, droplet: int) -> None: ...

    async def power_off(self, droplet: int) -> None: ...

    async def delete(self, droplet: int) -> None: ...

    def reserved_ip(self, number: int) -> str:
        """The address of the `number`th reserved IP (from 1) that was ever allocated."""
        ...

    async def move(self, reserved_ip: str, droplet: int | None) -> None:
        """Let packets for the address arrive at this droplet; None: nowhere."""
        ...

    async def guard(self, droplets: frozenset[int]) -> None:
        """These, and no others, are behind a cloud firewall: it passes ICMP, TCP and UDP only."""
        ...


class Bodiless:
    """No machines: addresses are counted, everything succeeds at once."""

    async def create(self, machine: Machine) -> Addresses:
        number = (machine.id - FIRST_DROPLET) % ROOM
        return Addresses(
            public=str(PUBLIC + number), private=str(PRIVATE + number), anchor=str(ANCHOR + number)
        )

    async def power_on(self, droplet: int) -> None:
        """Nothing to start."""

    async def power_off(self, droplet: int) -> None:
        """Nothing to stop."""

    async def delete(self, droplet: int) -> None:
        """Nothing to delete."""

    def reserved_ip(self, number: int) -> str:
        return str(RESERVED + number % ROOM)

    async def move(self, reserved_ip: str, droplet: int | None) -> None:
        """No packets."""

    async def guard(self, droplets: frozenset[int]) -> None:
        """No packets."""
