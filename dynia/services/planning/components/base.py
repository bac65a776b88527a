"""What a component of a node is: content, the scripts that bring it to life, and how to see that it lives."""

from __future__ import annotations

from typing import Protocol

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import CertificateSeen, NodeFacts, ResolvedImage
from dynia.interfaces.shape import Shape
from dynia.services.actions.base import Recipe
from dynia.services.actions.wait_healthy import WaitHealthy
from dynia.state.hold import KeptOut


class TopologyNode(Shape):
    """A node as configs name it. `config_id` is keepalived's ``@`` word (``n1``); `private_ip` and `address`,
    where it is reached from outside, may be the placeholder ``(known after apply)`` in a preview."""

    name: str
    ordinal: int
    config_id: str
    private_ip: str
    priority: int
    address: str = ""


class Topology(Shape):
    """What configs are rendered from: the whole cluster, never a part of it (law 7), and never who is
    master now. `nodes` by ordinal. `images` maps references to what they mean now. `router_id` is VRRP's.
    `certificate` is the cluster's, None without TLS; `keeper` is a node that has it. `kept`: services whose
    routed container stays what it is for now, and what it says of itself. `out`: services, each with a
    node that HAProxy sends nothing of it."""

    cluster: str
    lineage: str
    spec: ClusterSpec
    nodes: tuple[TopologyNode, ...]
    reserved_ip: str
    router_id: int
    images: dict[str, ResolvedImage] = {}
    templates: dict[str, str] = {}
    secrets: dict[str, bytes] = {}
    certificate: CertificateSeen | None = None
    keeper: str = ""
    kept: dict[str, str] = {}
    out: tuple[KeptOut, ...] = ()


class Fault(Shape):
    """Something that does not run as the release says: a unit stopped, a container gone."""

    kind: str
    subject: str
    detail: str


class Component(Protocol):
    """One thing that runs on every node. `name` is ``haproxy`` or ``service/api``."""

    @property
    def name(self) -> str: ...

    @property
    def units(self) -> tuple[str, ...]:
        """systemd units that must be active and enabled."""
        ...

    @property
    def packages(self) -> tuple[str, ...]:
        """Debian packages that it needs."""
        ...

    @property
    def roots(self) -> tuple[str, ...]:
        """Folders that are ours alone: an unknown file there is an orphan."""
        ...

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        """Release and scripts. The release is the same for every node (but ``node``'s node.env)."""
        ...

    def faults(
        self, topology: Topology, node: TopologyNode, recipe: Recipe, seen: NodeFacts
    ) -> tuple[Fault, ...]:
        """What does not run as `recipe` says, although its files are right. Empty: it lives."""
        ...

    def gate(self, topology: Topology, node: TopologyNode, recipe: Recipe) -> WaitHealthy | None:
        """The wait that decides whether the release is good on a node, run after Caddy is in place. None for
        components whose push probes them well enough."""
        ...

    def images(self, topology: Topology) -> tuple[ResolvedImage, ...]:
        """Images that must be on a node before the component is activated there."""
        ...

    def disturbs(self, paths: tuple[str, ...], services: tuple[str, ...]) -> tuple[str, ...]:
        """Which services a node may stop serving while these files change and are activated."""
        ...
