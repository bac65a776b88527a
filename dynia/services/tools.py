"""What the deeds of one pass work with: the doors of the run and what was rendered for the plan."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from dynia.interfaces.errors import NotObservedError, Stale
from dynia.interfaces.events import StepProgress
from dynia.interfaces.node_requests import ExecRequest, Fence
from dynia.providers.protocols import CertificateAuthority, DnsProvider, NodeConnection, NodeProvider
from dynia.services.actions.base import HostKey, Recipe
from dynia.services.connections import Connections
from dynia.services.session import Session
from dynia.state.model import Node, State

BOOT_S = 300.0
# Its own failures are not ours: what is missing on the machine is seen later.
BOOTED = ExecRequest(
    argv=("sh", "-c", "! command -v cloud-init || cloud-init status --wait || :"), deadline_s=BOOT_S
)
BOOT_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class PassTools:
    """`recipes` maps node and component to what was rendered when this pass was planned."""

    cluster: str
    lineage: str
    machines: NodeProvider
    names: DnsProvider | None
    authorized_key: str
    session: Session
    connections: Connections
    recipes: Mapping[str, Mapping[str, Recipe]]
    away: set[tuple[str, str]] = field(default_factory=set)

    @property
    def fencing(self) -> int:
        return self.session.store.fencing(self.cluster)

    @property
    def fence(self) -> Fence | None:
        return self.session.fence()

    @property
    def provider(self) -> NodeProvider:
        """Asked for just before it is used, like every vendor: that is when this run must have its lease."""
        self.session.store.check(self.cluster)
        return self.machines

    @property
    def dns(self) -> DnsProvider | None:
        self.session.store.check(self.cluster)
        return self.names

    @property
    def authority(self) -> CertificateAuthority | None:
        self.session.store.check(self.cluster)
        return self.session.authority

    def state(self) -> State:
        return self.session.store.state

    def node(self, name: str) -> Node:
        found = self.state().node(self.cluster, name)
        if found is None:
            raise KeyError(f"node {name} is in the plan and not in the state")
        return found

    async def connection(self, name: str) -> NodeConnection:
        """Also looks whether this run may still act: it is asked for just before each request."""
        self.session.store.check(self.cluster)
        return await self.connections.get(name)

    async def reached(self, node: Node) -> None:
        """Vendors call a machine made while it boots, and cloud-init restarts sshd once it is up."""
        until, told = self.session.clock.monotonic() + BOOT_S, False
        while True:
            try:
                connection = await self.session.vendors.connect(node)
                try:
                    await connection.exec(BOOTED)
                finally:
                    await connection.close()
            except NotObservedError as error:
                if self.session.clock.monotonic() > until:
                    raise
                if not told:
                    self.say(node.name, f"booting ({error.message})")
                told = True
                await asyncio.sleep(BOOT_PAUSE_S)
            else:
                return

    async def forget_connection(self, name: str) -> None:
        await self.connections.forget(name)

    def recipe(self, node: str, component: str, release: str) -> Recipe:
        recipe = self.recipes[node][component]
        if recipe.release.id != release:
            raise Stale(f"{node} · {component} · the release changed since plan: {release}")
        return recipe

    def new_host_key(self) -> HostKey:
        return self.session.vendors.new_host_key()

    def say(self, step_node: str, text: str) -> None:
        self.session.emit(StepProgress(at=self.session.clock.now(), node=step_node, text=text))
