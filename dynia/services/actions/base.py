"""What every action is: data that can be saved, a sentence for people, and its deed."""

from __future__ import annotations

from typing import Protocol

from dynia.interfaces.node_requests import Fence
from dynia.interfaces.observed import EntryAnswer, NotObserved
from dynia.interfaces.release import Release
from dynia.interfaces.shape import Shape
from dynia.providers.protocols import CertificateAuthority, DnsProvider, NodeConnection, NodeProvider
from dynia.state.model import Change, Node, State


class HostKey(Shape):
    """A fresh ed25519 host key, as OpenSSH text. The private half goes to the machine and nowhere else."""

    private: str
    public: str


class Recipe(Shape):
    """What the run rendered for one component of one node: the release and how it is brought to life.

    `keeper` is a node that has the content of the release's secret file, where the runner has not.
    `restart` makes what runs start again, as it is. `pre_deploy` runs on the staged release alone, beside
    what runs. `confirmed`: it may cut people off, so a change of it stays only once it was confirmed.
    """

    release: Release
    check: str = ""
    activate: str = ""
    restart: str = ""
    pre_deploy: str = ""
    deactivate: str = ""
    probe: str = ""
    keeper: str = ""
    confirmed: bool = False


class Tools(Protocol):
    """What a deed may use. Made by the executor for one apply of one cluster."""

    @property
    def cluster(self) -> str: ...

    @property
    def lineage(self) -> str: ...

    @property
    def fencing(self) -> int:
        """The number of the lease that this run has: the highest is the newest run."""
        ...

    @property
    def fence(self) -> Fence | None:
        """What every request that changes a node carries."""
        ...

    @property
    def provider(self) -> NodeProvider: ...

    @property
    def dns(self) -> DnsProvider | None: ...

    @property
    def authority(self) -> CertificateAuthority | None:
        """Who makes certificates for this cluster."""
        ...

    @property
    def authorized_key(self) -> str:
        """The operator's public key, one line."""
        ...

    @property
    def away(self) -> set[tuple[str, str]]:
        """Nodes and services that this run keeps visitors from at this moment, or is about to."""
        ...

    def state(self) -> State:
        """The state now, with everything that ended before."""
        ...

    def node(self, name: str) -> Node:
        """A node of the cluster by name; KeyError is a bug in the plan."""
        ...

    async def connection(self, name: str) -> NodeConnection:
        """The one open connection of this run to a node (opened at first use)."""
        ...

    async def anew(self, name: str) -> NodeConnection:
        """Another connection to a node, made now and on its own; who asks for it closes it."""
        ...

    def joined(self) -> tuple[str, ...]:
        """Nodes to which a connection is open, sorted."""
        ...

    async def ask_entry(self, address: str) -> EntryAnswer | NotObserved:
        """Which node answers this machine at the reserved IP."""
        ...

    async def reached(self, node: Node) -> None:
        """Return once a machine that was just made lets us in; its pinned host key is asked for."""
        ...

    async def forget_connection(self, name: str) -> None:
        """Close the connection to a node that goes away or was restarted."""
        ...

    def recipe(self, node: str, component: str, release: str) -> Recipe:
        """What was rendered when the plan was made."""
        ...

    def rendered(self, node: str, component: str) -> Recipe | None:
        """The same, whatever its release; None where nothing was rendered for it, as by hand."""
        ...

    def generation(self, number: int) -> bytes:
        """What nodes keep of this generation, the newest: what this run wants was rendered from it."""
        ...

    def new_host_key(self) -> HostKey: ...

    def say(self, step_node: str, text: str) -> None:
        """Progress inside a long deed ("streaming image hello 12 MB")."""
        ...


class Action(Shape):
    """Base of every action. Subclasses are frozen data with a tag, so that a plan can be saved.

    `sentence` says what will be done, in one line, without the node's name. `intents` are the changes
    journalled before the deed (creates only, law 3). `run` does it and returns the changes that are
    recorded with the step's end; it raises a `DyniaError` when it did not happen or was not observed.
    Every deed may be repeated.
    """

    def sentence(self) -> str:
        raise NotImplementedError

    def intents(self, tools: Tools) -> tuple[Change, ...]:
        return ()

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        raise NotImplementedError
