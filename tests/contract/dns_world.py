"""What every world of the DNS contract gives a test: a provider, a zone, and an eye and hands that are not ours."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from dynia.interfaces.desired import EnvSource, Rfc2136Dns
from dynia.providers.dns.registry import dns_for
from dynia.providers.protocols import DnsMark, DnsProvider
from tests.contract.bind import KEY, Bind

Seen = frozenset[str]


class DnsWorld(Protocol):
    """`zone` is this test's alone. Names are whole, without a dot at the end."""

    zone: str
    mark: DnsMark

    @property
    def provider(self) -> DnsProvider:
        """As another run of Dynia has it: it remembers nothing."""
        ...

    def now(self) -> Seen:
        """Everything in the zone, as its vendor has it, marks included; equal only if nothing happened."""
        ...

    def answers(self, name: str, kind: str) -> list[str]:
        """What the zone says to anybody who asks, sorted; CNAME values without a dot at the end."""
        ...

    def put(self, name: str, kind: str, value: str) -> None:
        """Somebody makes a record by hand."""
        ...

    def take(self, name: str, kind: str, value: str) -> None:
        """Somebody deletes a record by hand, and nothing else."""
        ...

    def edit(self, name: str, kind: str, value: str, becomes: str) -> None:
        """Somebody changes a record's value by hand, and nothing else."""
        ...

    def silent(self) -> AbstractContextManager[None]:
        """A context in which the vendor does not answer."""
        ...

    def stranger(self) -> DnsProvider:
        """The provider with credentials that the vendor does not take."""
        ...

    def stop(self) -> None: ...


class BindWorld:
    """rfc2136 at a real BIND."""

    kind = "rfc2136"

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self.zone = "contract.example"
        self.bind = Bind(folder, self.zone, address=address)
        self.mark = DnsMark(lineage=uuid.uuid4().hex, cluster="prod")

    @property
    def provider(self) -> DnsProvider:
        return self.with_secret(self.bind.secret)

    def settings(self) -> Rfc2136Dns:
        return Rfc2136Dns(
            zone=self.zone,
            server=self.bind.address,
            port=self.bind.port,
            key=KEY,
            secret=EnvSource(env="KEY"),
        )

    def with_secret(self, secret: str) -> DnsProvider:
        return dns_for(self.settings(), {"KEY": secret})

    def stranger(self) -> DnsProvider:
        return self.with_secret("bm90IHRoZSBzZWNyZXQ=")

    def now(self) -> Seen:
        return frozenset(self.bind.zone(self.zone))

    def answers(self, name: str, kind: str) -> list[str]:
        return [value.rstrip(".") for value in self.bind.dig(name, kind)]

    def put(self, name: str, kind: str, value: str) -> None:
        self.bind.by_hand(self.zone, ("+", name, f"{kind} {_dotted(kind, value)}"))

    def take(self, name: str, kind: str, value: str) -> None:
        self.bind.by_hand(self.zone, ("-", name, f"{kind} {_dotted(kind, value)}"))

    def edit(self, name: str, kind: str, value: str, becomes: str) -> None:
        new, old = _dotted(kind, becomes), _dotted(kind, value)
        self.bind.by_hand(self.zone, ("-", name, f"{kind} {old}"), ("+", name, f"{kind} {new}"))

    @contextmanager
    def silent(self) -> Iterator[None]:
        self.bind.stop()
        yield

    def stop(self) -> None:
        self.bind.stop()


def _dotted(kind: str, value: str) -> str:
    return f"{value}." if kind in ("CNAME", "MX", "NS") else value
