"""What one run of one cluster works with: the values it starts from and the doors to the world."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dynia.interfaces.desired import ClusterSpec, ZoneDns
from dynia.interfaces.events import EventSink
from dynia.interfaces.node_requests import Fence
from dynia.interfaces.observed import CertificateSeen, ResolvedImage
from dynia.providers.protocols import (
    CertificateAuthority,
    DnsProvider,
    ImageSource,
    NodeConnection,
    NodeProvider,
)
from dynia.services.actions.base import HostKey
from dynia.services.ask_entry import AskEntry, nobody_asked
from dynia.services.planning.scope import WHOLE, Scope
from dynia.state.generation import Rollback
from dynia.state.lease import Lessee
from dynia.state.model import Node
from dynia.state.store import Store

if TYPE_CHECKING:
    from dynia.services.planning.generations import Inputs
    from dynia.services.rollback import Chosen


class Clock(Protocol):
    """Time, given from outside so that nothing in the core reads it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float: ...


class Vendors(Protocol):
    """The vendors of one cluster, joined once per run by the composition root."""

    async def nodes(self) -> NodeProvider: ...

    async def dns(self, dns: ZoneDns) -> DnsProvider: ...

    async def images(self) -> ImageSource: ...

    async def connect(self, node: Node) -> NodeConnection:
        """Open a connection to a node whose host key is pinned. NotObservedError if it does not answer
        within the time that the file allows for connecting."""
        ...

    async def authorized_key(self) -> str:
        """The operator's public key, one line."""
        ...

    def new_host_key(self) -> HostKey: ...


class BringBack(Protocol):
    """Makes a run one that is to bring a generation back; given by the composition root."""

    def __call__(self, session: Session, wanted: Inputs, chosen: Chosen) -> Session: ...


@dataclass(frozen=True, slots=True)
class Session:
    """One run. `spec` is None when the cluster is to be destroyed. `secrets` maps the path that a secret
    file has on the nodes to its content. `certificate` is what the files that `tls` names hold; `authority`
    is who makes a certificate where nobody else does. `node_timeout` is how long a connected node may take to
    be observed, in seconds; `fan_out` is how many nodes are connected to at once.
    `lessee` is who runs it, in words; `lease` as the lock tells it to others, with its term. `lock_wait` is
    how long to wait for that lock, in seconds. `ask_entry` asks the entry address from outside.
    `leave_names`: records of a cluster that is destroyed stay. `rollback`: `spec` is what a generation was,
    and `images` what its references meant; no registry is asked then. `chosen_at` is the cluster's serial
    when that was chosen. `replace` is a node that another machine is to take the place of. `bring_back` is
    how a release that fails is left again; None: it is not. `protect` is where the cluster is protected, as
    in `PlanningInput`. `scope` is the part of the file that it is about. `stop` is set by the first Ctrl-C:
    start nothing more."""

    cluster: str
    spec: ClusterSpec | None
    templates: dict[str, str]
    secrets: dict[str, bytes] = field(repr=False)
    store: Store
    vendors: Vendors
    emit: EventSink
    clock: Clock
    lessee: str
    lease: Lessee | None = None
    lock_wait: float = 0.0
    commit: str = ""
    certificate: CertificateSeen | None = None
    authority: CertificateAuthority | None = None
    node_timeout: float = 25.0
    fan_out: int = 64
    ask_entry: AskEntry = nobody_asked
    leave_names: bool = False
    rollback: Rollback | None = None
    images: Mapping[str, ResolvedImage] = field(default_factory=dict)
    chosen_at: int = 0
    replace: str = ""
    bring_back: BringBack | None = None
    protect: str = ""
    scope: Scope = WHOLE
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def fence(self) -> Fence | None:
        """What every request to a node carries while this run has the lease; nothing where it only looks."""
        if self.store.left(self.cluster) is None:
            return None
        number = self.store.fencing(self.cluster)
        return Fence(lineage=self.store.state.lineage, cluster=self.cluster, number=number)
