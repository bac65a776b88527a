"""What the core asks of vendors and nodes: the protocols that every provider keeps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol, runtime_checkable

from dynia.interfaces.node_requests import (
    AskRequest,
    Bootstrapped,
    BootstrapRequest,
    ConfirmRequest,
    DrainRequest,
    ExecRequest,
    Executed,
    GateAnswer,
    GateRequest,
    ImageRequest,
    ObserveRequest,
    PushAnswer,
    PushRequest,
    RemoveRequest,
    ServiceAnswer,
    Traffic,
    TrafficRequest,
)
from dynia.interfaces.observed import (
    DnsRecord,
    NodeFacts,
    Offer,
    ProviderAddress,
    ProviderNode,
    ResolvedImage,
    UnresolvedImage,
)
from dynia.interfaces.pem import Pem
from dynia.interfaces.shape import Shape


class NodeOrder(Shape):
    """A machine to make. (lineage, cluster, ordinal) is its identity and its tag.

    `host_private_key` and `host_public_key` (OpenSSH text) are injected so that the first connection is
    already pinned; `authorized_key` is the operator's public key. `size`, `image`, `region` are the
    provider's words, empty where the provider has none.
    """

    lineage: str
    cluster: str
    ordinal: int
    name: str
    authorized_key: str
    host_private_key: str
    host_public_key: str
    size: str = ""
    image: str = ""
    region: str = ""


class NodeProvider(Protocol):
    """A vendor of machines and reserved IPs. Every call may be repeated; creates adopt by tag first.

    Errors are `DyniaError`s that say what the vendor said. A vendor that does not answer raises
    `NotObservedError`.
    """

    async def list_nodes(self, lineage: str, cluster: str) -> tuple[ProviderNode, ...]:
        """Every machine with the tag of this lineage and cluster, whatever made it."""
        ...

    async def lineages(self, cluster: str) -> tuple[str, ...]:
        """Of which states there are machines with this cluster's tag, sorted: asked when the state is lost. A
        provider that tags nothing has nothing to say."""
        ...

    async def offer(self, lineage: str, cluster: str, *, size: str, image: str, region: str) -> Offer:
        """What it would say to an order, asked before anything is made; it makes nothing. The words are the
        provider's own; whoever sells nothing has nothing to say."""
        ...

    async def create_node(self, order: NodeOrder) -> ProviderNode:
        """Make the machine, or return the one that already carries its tag. Waits until it has addresses."""
        ...

    async def start_node(self, provider_id: str) -> ProviderNode:
        """Start a machine that is off. Already running is not an error."""
        ...

    async def delete_node(self, provider_id: str) -> None:
        """Delete a machine and all that came with it. Already gone is not an error."""
        ...

    async def list_reserved_ips(self, lineage: str, cluster: str) -> tuple[ProviderAddress, ...]:
        """Every reserved IP with the tag of this lineage and cluster."""
        ...

    async def allocate_reserved_ip(self, lineage: str, cluster: str) -> ProviderAddress:
        """Allocate one, or return the one that already carries the tag."""
        ...

    async def release_reserved_ip(self, provider_id: str) -> None:
        """Give it back. Already gone is not an error."""
        ...

    async def attach_reserved_ip(self, provider_id: str, node_provider_id: str) -> None:
        """Move it to a machine (entry kind ``api``)."""
        ...

    async def detach_reserved_ip(self, provider_id: str) -> None:
        """Take it off its machine (entry kind ``api``)."""
        ...


class AdoptableNode(Shape):
    """A machine that exists. `node` has ordinal 0 and no host key, unless it carries the cluster's mark.
    `notes` say what is not as the file says and stays so, one sentence each."""

    node: ProviderNode
    notes: tuple[str, ...] = ()


class AdoptableAddress(Shape):
    """A reserved IP that exists, and what people should know before it is taken."""

    address: ProviderAddress
    notes: tuple[str, ...] = ()


@runtime_checkable
class Adopting(Protocol):
    """A vendor that can give a cluster what somebody else made (`dynia import`). Refused where it is of
    another cluster or lineage, or cannot be this one's. Every call may be repeated."""

    async def find_node(self, lineage: str, cluster: str, said: str) -> AdoptableNode:
        """The machine with this id, name or address. Changes nothing."""
        ...

    async def adopt_node(
        self, lineage: str, cluster: str, provider_id: str, ordinal: int, host_key: str
    ) -> ProviderNode:
        """Put the cluster's tags on it; nothing else of it is changed."""
        ...

    async def find_address(self, lineage: str, cluster: str, said: str) -> AdoptableAddress:
        """The reserved IP with this address. Changes nothing."""
        ...

    async def adopt_address(self, lineage: str, cluster: str, address: str) -> ProviderAddress:
        """Mark it as the cluster's. It is not moved."""
        ...


class DnsMark(Shape):
    """Whose a record is. A record without exactly this mark is somebody else's (law 10)."""

    lineage: str
    cluster: str


class DnsWish(Shape):
    """A record as wanted. `name` is whole, without a dot at its end; `type` is A or CNAME; `proxied` counts
    only where the vendor has a proxy."""

    name: str
    type: str
    value: str
    proxied: bool = False


class DnsProvider(Protocol):
    """A vendor of DNS. Only records that carry our mark are ever changed or deleted (law 10).

    Every call may be repeated. Errors are `DyniaError`s that say what the vendor said; a vendor that does not
    answer raises `NotObservedError`.
    """

    async def zones(self) -> tuple[str, ...]:
        """Zones that the credentials may change, as far as they can be known."""
        ...

    async def list_records(self, zone: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        """Every record of the zone, but for what the vendor keeps itself (SOA, DNSSEC); `ours` where it
        carries this mark. Where marks are records of their own they are not told, but for one of ours whose
        record is gone: type TXT, at the name that it spoke of."""
        ...

    async def look_up(self, zone: str, name: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        """The same for one name: what an action reads just before and just after it writes."""
        ...

    async def create_record(self, zone: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        """Make the record with our mark, or return the equal one of ours. Refused where an A, AAAA or CNAME
        record has the name."""
        ...

    async def adopt_record(self, zone: str, record_id: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        """Make this very record, ours or not, what is wished, with our mark: nothing else does that. Its type
        may change. `Stale` where it is gone, unless what is wished is there."""
        ...

    async def delete_record(self, zone: str, record_id: str, mark: DnsMark) -> None:
        """Already gone is not an error; one without our mark is refused."""
        ...

    async def put_text(self, zone: str, name: str, text: str) -> None:
        """Add a TXT record (an ACME challenge) beside what is there."""
        ...

    async def drop_text(self, zone: str, name: str, text: str) -> None:
        """Take exactly this TXT record away. Already gone is not an error."""
        ...


class CertificateOrder(Shape):
    """A certificate to get. `names` are sorted DNS names. `account` is the key of our account at the
    authority (PEM), empty where no node has one."""

    names: tuple[str, ...]
    account: bytes = b""

    def __repr__(self) -> str:
        return f"CertificateOrder({self.names!r})"


class Certified(Shape):
    """What an authority gave: chain and key as one file, and the key of the account if there is one."""

    pem: Pem
    account: bytes = b""

    def __repr__(self) -> str:
        return f"Certified({self.pem!r})"


class CertificateAuthority(Protocol):
    """Who makes certificates: a vendor, or Dynia itself."""

    async def obtain(self, order: CertificateOrder, say: Callable[[str], None]) -> Certified:
        """A new key and a certificate for it that is good now. May be asked again: that costs another one.
        `say` takes progress in words."""
        ...


class NodeConnection(Protocol):
    """One open connection to one node: the only seam between the engine and a machine.

    Every request is a typed value and every answer too. A connection that breaks raises
    `NotObservedError`; the caller never learns half an answer.
    """

    async def observe(self, request: ObserveRequest) -> NodeFacts: ...

    async def bootstrap(self, request: BootstrapRequest) -> Bootstrapped: ...

    async def push(self, request: PushRequest) -> PushAnswer: ...

    async def confirm(self, request: ConfirmRequest) -> PushAnswer:
        """`done`: it stays. `back`: the node is on what it had before."""
        ...

    async def remove(self, request: RemoveRequest) -> PushAnswer: ...

    async def gate(self, request: GateRequest) -> GateAnswer: ...

    async def drain(self, request: DrainRequest) -> tuple[str, ...]:
        """The services for which there is a flag now: not those of a Caddyfile that does not look at one."""
        ...

    async def traffic(self, request: TrafficRequest) -> Traffic: ...

    async def ask(self, request: AskRequest) -> tuple[ServiceAnswer, ...]:
        """One answer for each question, in their order."""
        ...

    async def provide_image(
        self, request: ImageRequest, layers: AsyncGenerator[bytes, None] | None = None
    ) -> str:
        """Pull or stream an image; returns the config digest that is on the node afterwards. Streamed are
        `layers`, else what the operator's Docker has."""
        ...

    def saved_image(self, image_id: str) -> AsyncGenerator[bytes, None]:
        """The layers of an image that is on this node. Nothing is asked for before the first is wanted."""
        ...

    async def exec(self, request: ExecRequest) -> Executed: ...

    def stream(self, argv: tuple[str, ...]) -> AsyncIterator[str]:
        """Lines of a long-running command's output (``logs -f``)."""
        ...

    async def close(self) -> None: ...


class ImageSource(Protocol):
    """Where image references are resolved: registries, then the operator's Docker."""

    async def resolve(self, reference: str) -> ResolvedImage | UnresolvedImage: ...
