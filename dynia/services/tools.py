"""What the deeds of one pass work with: the doors of the run and what was rendered for the plan."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

from dynia.interfaces.errors import DyniaError, NotObservedError, Stale
from dynia.interfaces.events import StepProgress
from dynia.interfaces.node_requests import ExecRequest, Fence
from dynia.interfaces.observed import EntryAnswer, NotObserved
from dynia.providers.protocols import CertificateAuthority, DnsProvider, NodeConnection, NodeProvider
from dynia.services.actions.base import HostKey, Recipe
from dynia.services.connections import Connections
from dynia.services.planning.generations import inputs_of, written
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.zones import dns_in_force
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
    """`recipes` maps node and component to what was rendered when this pass was planned; `kept` makes what
    nodes keep of what it was rendered from."""

    cluster: str
    lineage: str
    machines: NodeProvider | None
    names: DnsProvider | None
    authorized_key: str
    session: Session
    connections: Connections
    recipes: Mapping[str, Mapping[str, Recipe]]
    away: set[tuple[str, str]] = field(default_factory=set)
    kept: Callable[[], bytes] | None = None

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
        if self.machines is None:
            raise DyniaError(f"cluster {self.cluster}: its provider could not be joined")
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

    async def anew(self, name: str) -> NodeConnection:
        self.session.store.check(self.cluster)
        return await self.session.vendors.connect(self.node(name))

    def joined(self) -> tuple[str, ...]:
        return self.connections.joined()

    async def ask_entry(self, address: str) -> EntryAnswer | NotObserved:
        return await self.session.ask_entry(address)

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

    def rendered(self, node: str, component: str) -> Recipe | None:
        return self.recipes.get(node, {}).get(component)

    def generation(self, number: int) -> bytes:
        if self.kept is None:
            raise KeyError(f"generation {number} is to be kept and nothing was rendered")
        return self.kept()

    def new_host_key(self) -> HostKey:
        return self.session.vendors.new_host_key()

    def say(self, step_node: str, text: str) -> None:
        self.session.emit(StepProgress(at=self.session.clock.now(), node=step_node, text=text))


async def tools_for(
    session: Session,
    connections: Connections,
    given: PlanningInput,
    recipes: Mapping[str, Mapping[str, Recipe]],
) -> PassTools:
    """For the pass that was planned for `given`."""
    return PassTools(
        cluster=session.cluster,
        lineage=session.store.state.lineage,
        machines=await _machines(session),
        names=await _names(session, given),
        authorized_key=await session.vendors.authorized_key(),
        session=session,
        connections=connections,
        recipes=recipes,
        kept=_kept(given),
    )


def _kept(given: PlanningInput) -> Callable[[], bytes] | None:
    """What is done by hand is no generation."""
    if given.desired is None or given.by_hand is not None:
        return None
    return cache(partial(written, inputs_of(given, given.desired)))


async def _machines(session: Session) -> NodeProvider | None:
    """A rollback goes without: it makes and moves nothing, and there may be no token."""
    try:
        return await session.vendors.nodes()
    except DyniaError:
        if session.rollback is None:
            raise
        return None


async def _names(session: Session, given: PlanningInput) -> DnsProvider | None:
    settings = dns_in_force(given.desired, given.state.cluster(given.target))
    if given.rollback is not None or settings is None or isinstance(given.observed.records, NotObserved):
        return None
    return await session.vendors.dns(settings)
