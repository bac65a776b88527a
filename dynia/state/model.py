"""The state: what was applied and observed good, and the pure changes that make one state from another.

Shape of `state.json` (spec section 5): camelCase keys, `currentCluster`, clusters, nodes, deployments,
routes, plus version and lineage. Serial counts the writes of one cluster and is never shown as a version.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from dynia.interfaces.shape import Shape
from dynia.state.generation import Generation, Rollback
from dynia.state.hold import Hold, KeptOut

VERSION = 1
LONGEST_S = 1_000_000.0


class AppliedFile(Shape, rename="camel"):
    """A file of an applied release; `digest` is empty for a secret file that has no public name."""

    path: str
    mode: int
    digest: str


class AppliedRelease(Shape, rename="camel"):
    """A release that is applied on at least one node, by component and id. `data` are folders that its
    containers write into; one that a former release of the component had stays, as a volume does."""

    component: str
    id: str
    files: tuple[AppliedFile, ...] = ()
    containers: dict[str, str] = {}
    images: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


class ReservedIp(Shape, rename="camel"):
    """The entry address. `provider_id` is empty where the file names the address itself."""

    address: str
    provider_id: str = ""


class Certificate(Shape, rename="camel"):
    """The cluster's certificate: facts about it, never its key. `origin` is where it came from
    (``self-signed``, ``files``), `chain` the sha256 of all its certificates; seconds since the epoch."""

    origin: str
    fingerprint: str
    chain: str
    names: tuple[str, ...]
    not_before: int
    not_after: int


class Applied(Shape, rename="camel"):
    """When the last finished apply ended (seconds since the epoch), by whom, from which commit."""

    at: int
    by: str
    commit: str = ""


class Dns(Shape, rename="camel"):
    """Where a cluster's names are bound, so that they can be unbound when no file says it any more.

    `secret_env` names the variable that the secret stands in. What a kind has no use for is empty.
    """

    kind: Literal["cloudflare", "rfc2136"]
    zone: str
    server: str = ""
    port: int = 53
    key: str = ""
    algorithm: str = ""
    secret_env: str = ""


class Name(Shape, rename="camel"):
    """A record as it was last observed right: `type` is A or CNAME."""

    domain: str
    type: str
    value: str
    proxied: bool = False


class Pace(Shape, rename="camel"):
    """How long one kind of step took at the last times that it ended well, newest last. `component` is empty
    for what is not about one."""

    kind: str
    component: str = ""
    seconds: tuple[Annotated[float, msgspec.Meta(ge=0, le=LONGEST_S)], ...] = ()


class Cluster(Shape, rename="camel"):
    """One cluster. `next_ordinal` only grows: ordinals are never used again. `names` are by domain. `paces`,
    by kind and component, tell how long a plan will take; nothing else rests on them. `generations` are those
    that nodes keep, the newest last; `rollback` is one that was begun; `secrets_written`: since the newest
    something was written of which no digest tells what it is; `holds` are releases that failed
    and may not be applied; `kept_out` is who may run one still and did not answer. `pre_deployed`: by service
    the release whose pre_deploy ended well last. `resumed`: by service the release that somebody let go on
    after its canary, until it is a generation's. `protect`: the file said so when it was applied last."""

    name: str
    provider: str
    serial: int = 0
    generation: int = 0
    next_ordinal: int = 1
    reserved_ip: ReservedIp | None = None
    entry: str = "none"
    releases: tuple[AppliedRelease, ...] = ()
    applied: Applied | None = None
    certificate: Certificate | None = None
    dns: Dns | None = None
    names: tuple[Name, ...] = ()
    paces: tuple[Pace, ...] = ()
    generations: tuple[Generation, ...] = ()
    rollback: Rollback | None = None
    secrets_written: bool = False
    holds: tuple[Hold, ...] = ()
    kept_out: tuple[KeptOut, ...] = ()
    pre_deployed: dict[str, str] = {}
    resumed: dict[str, str] = {}
    protect: bool = False


class Intent(Shape, rename="camel"):
    """A create that was begun and not yet seen to end: what the next run looks for by tag."""

    cluster: str
    step: str
    kind: Literal["node", "reserved_ip"]
    ordinal: int = 0
    name: str = ""
    host_key: str = ""


class Node(Shape, rename="camel"):
    """One machine. `components` maps a component to the id of the release that is good on it.

    `pushed` maps a component to the id of a release that was activated and has not passed its gate yet:
    live, ours, and not known good. `host_key` is the pinned public key. `address`, `user`, `port` are how
    SSH reaches it; `priority` is keepalived's; `role` is the one that its priority gives it at rest (MASTER
    for the cluster's highest), not who has the address now; every change of the nodes sets it anew. `order`
    is what was ordered of the machine, size and image; empty: not known.
    """

    cluster: str
    name: str
    ordinal: int
    provider_id: str
    address: str
    private_ip: str
    host_key: str
    user: str = "root"
    port: int = 22
    priority: int = 100
    role: str = "BACKUP"
    bootstrapped: bool = False
    order: str = ""
    components: dict[str, str] = {}
    pushed: dict[str, str] = {}


class Deployment(Shape, rename="camel"):
    """A service as applied on every node: its release, the images that it runs, and whether it keeps data in
    volumes (None: written by a Dynia that did not know)."""

    cluster: str
    name: str
    kind: str
    release: str
    images: tuple[str, ...] = ()
    volumes: bool | None = None


class Route(Shape, rename="camel"):
    """A domain of a cluster and the service that answers it."""

    cluster: str
    domain: str
    service: str


class State(Shape, rename="camel"):
    """Everything. Tuples are kept sorted by their identity, so that equal states are equal bytes."""

    version: int = VERSION
    lineage: str = ""
    current_cluster: str | None = None
    clusters: tuple[Cluster, ...] = ()
    nodes: tuple[Node, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    routes: tuple[Route, ...] = ()
    intents: tuple[Intent, ...] = ()

    def cluster(self, name: str) -> Cluster | None:
        return next((c for c in self.clusters if c.name == name), None)

    def nodes_of(self, cluster: str) -> tuple[Node, ...]:
        """The cluster's nodes by ordinal."""
        return tuple(sorted((n for n in self.nodes if n.cluster == cluster), key=lambda n: n.ordinal))

    def node(self, cluster: str, name: str) -> Node | None:
        return next((n for n in self.nodes if n.cluster == cluster and n.name == name), None)


class PutCluster(Shape, tag="put_cluster"):
    cluster: Cluster


class DropCluster(Shape, tag="drop_cluster"):
    """Removes the cluster and everything that belongs to it."""

    name: str


class PutNode(Shape, tag="put_node"):
    node: Node


class DropNode(Shape, tag="drop_node"):
    cluster: str
    name: str


class SetComponent(Shape, tag="set_component"):
    """Records that a release passed its gate on a node. Adds the release to the cluster's if it is new."""

    cluster: str
    node: str
    release: AppliedRelease


class SetPushed(Shape, tag="set_pushed"):
    """Records that a release is live on a node and waits for its gate."""

    cluster: str
    node: str
    release: AppliedRelease


class DropComponent(Shape, tag="drop_component"):
    cluster: str
    node: str
    component: str


class SetReservedIp(Shape, tag="set_reserved_ip"):
    cluster: str
    reserved_ip: ReservedIp | None


class SetCertificate(Shape, tag="set_certificate"):
    cluster: str
    certificate: Certificate | None


class PutIntent(Shape, tag="put_intent"):
    intent: Intent


class DropIntent(Shape, tag="drop_intent"):
    cluster: str
    step: str


class SetDeployments(Shape, tag="set_deployments"):
    """Replaces the deployments and routes of a cluster (at the end of an apply)."""

    cluster: str
    deployments: tuple[Deployment, ...]
    routes: tuple[Route, ...]


class SetPace(Shape, tag="set_pace"):
    """Replaces the last times of one kind of step."""

    cluster: str
    pace: Pace


class SetPreDeployed(Shape, tag="set_pre_deployed"):
    """Records that what is to run before a release of a service ended well."""

    cluster: str
    service: str
    release: str


class SetCurrent(Shape, tag="set_current"):
    name: str | None


Change = (
    PutCluster
    | DropCluster
    | PutNode
    | DropNode
    | SetComponent
    | SetPushed
    | DropComponent
    | SetReservedIp
    | SetCertificate
    | PutIntent
    | DropIntent
    | SetDeployments
    | SetPace
    | SetPreDeployed
    | SetCurrent
)


# Changes inside an entry that is there already, of what no rule of a state is about (`checks`).
HARMLESS = (SetComponent, SetPushed, DropComponent, DropIntent, SetPace, SetPreDeployed)


def change(state: State, done: Change) -> State:
    """The state after one change. Idempotent: applying the same change twice gives the same state."""
    replace = msgspec.structs.replace
    match done:
        case PutCluster(cluster=cluster):
            others = tuple(c for c in state.clusters if c.name != cluster.name)
            return replace(state, clusters=tuple(sorted((*others, cluster), key=lambda c: c.name)))
        case DropCluster(name=name):
            return replace(
                state,
                clusters=tuple(c for c in state.clusters if c.name != name),
                nodes=tuple(n for n in state.nodes if n.cluster != name),
                deployments=tuple(d for d in state.deployments if d.cluster != name),
                routes=tuple(r for r in state.routes if r.cluster != name),
                intents=tuple(i for i in state.intents if i.cluster != name),
                current_cluster=None if state.current_cluster == name else state.current_cluster,
            )
        case PutNode(node=node):
            rest = (n for n in state.nodes if (n.cluster, n.name) != (node.cluster, node.name))
            state = _used(state, node.cluster, node.ordinal)
            return _prune(replace(state, nodes=in_order((*rest, node))), node.cluster)
        case DropNode(cluster=name, name=node_name):
            rest = (n for n in state.nodes if (n.cluster, n.name) != (name, node_name))
            return _prune(replace(state, nodes=in_order(rest)), name)
        case SetComponent(cluster=name, node=node_name, release=release):
            state, found = _with_release(state, name, node_name, release)
            if found is None:
                return state
            components = dict(sorted({**found.components, release.component: release.id}.items()))
            pushed = {k: v for k, v in found.pushed.items() if k != release.component}
            return _refitted(state, found, replace(found, components=components, pushed=pushed))
        case SetPushed(cluster=name, node=node_name, release=release):
            state, found = _with_release(state, name, node_name, release)
            if found is None:
                return state
            pushed = dict(sorted({**found.pushed, release.component: release.id}.items()))
            return _refitted(state, found, replace(found, pushed=pushed))
        case DropComponent(cluster=name, node=node_name, component=component):
            found = state.node(name, node_name)
            if found is None:
                return state
            left = {k: v for k, v in found.components.items() if k != component}
            live = {k: v for k, v in found.pushed.items() if k != component}
            return change(state, PutNode(node=replace(found, components=left, pushed=live)))
        case SetReservedIp(cluster=name, reserved_ip=address):
            home = state.cluster(name)
            return (
                state
                if home is None
                else change(state, PutCluster(cluster=replace(home, reserved_ip=address)))
            )
        case SetCertificate(cluster=name, certificate=certificate):
            home = state.cluster(name)
            return (
                state
                if home is None
                else change(state, PutCluster(cluster=replace(home, certificate=certificate)))
            )
        case PutIntent(intent=intent):
            others_i = (i for i in state.intents if (i.cluster, i.step) != (intent.cluster, intent.step))
            ordered = sorted((*others_i, intent), key=lambda i: (i.cluster, i.step))
            return replace(_used(state, intent.cluster, intent.ordinal), intents=tuple(ordered))
        case DropIntent(cluster=name, step=step):
            left_i = tuple(i for i in state.intents if (i.cluster, i.step) != (name, step))
            return replace(state, intents=left_i)
        case SetDeployments(cluster=name, deployments=deployments, routes=routes):
            kept_d = (d for d in state.deployments if d.cluster != name)
            kept_r = (r for r in state.routes if r.cluster != name)
            return replace(
                state,
                deployments=tuple(sorted((*kept_d, *deployments), key=lambda d: (d.cluster, d.name))),
                routes=tuple(sorted((*kept_r, *routes), key=lambda r: (r.cluster, r.domain))),
            )
        case SetPace(cluster=name, pace=pace):
            home = state.cluster(name)
            if home is None:
                return state
            others_p = (p for p in home.paces if (p.kind, p.component) != (pace.kind, pace.component))
            paces = tuple(sorted((*others_p, pace), key=lambda p: (p.kind, p.component)))
            return change(state, PutCluster(cluster=replace(home, paces=paces)))
        case SetPreDeployed(cluster=name, service=service, release=of):
            home = state.cluster(name)
            if home is None:
                return state
            ran = dict(sorted({**home.pre_deployed, service: of}.items()))
            return change(state, PutCluster(cluster=replace(home, pre_deployed=ran)))
        case SetCurrent(name=current):
            return replace(state, current_cluster=current)


def _used(state: State, cluster: str, ordinal: int) -> State:
    """An ordinal that was given away is never given again."""
    home = state.cluster(cluster)
    if home is None or home.next_ordinal > ordinal:
        return state
    return change(state, PutCluster(cluster=msgspec.structs.replace(home, next_ordinal=ordinal + 1)))


def in_order(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Nodes by cluster and ordinal, each with its role at rest."""
    ordered = sorted(nodes, key=lambda n: (n.cluster, n.ordinal))
    first: dict[str, Node] = {}
    for node in ordered:
        if node.cluster not in first or node.priority > first[node.cluster].priority:
            first[node.cluster] = node
    return tuple(_with_role(n, "MASTER" if n is first[n.cluster] else "BACKUP") for n in ordered)


def _with_role(node: Node, role: str) -> Node:
    return node if node.role == role else msgspec.structs.replace(node, role=role)


def _refitted(state: State, found: Node, node: Node) -> State:
    """The entry `found` with other components: the order of the nodes and everybody's role stay, so that this
    costs no more than a look at each."""
    state = msgspec.structs.replace(state, nodes=tuple(node if n is found else n for n in state.nodes))
    had = {*found.components.items(), *found.pushed.items()}
    left = had - {*node.components.items(), *node.pushed.items()}
    gone = {pair for pair in left if not _is_used(state, node.cluster, *pair)}
    home = state.cluster(node.cluster)
    if home is None or not gone:
        return state
    kept = tuple(r for r in home.releases if (r.component, r.id) not in gone)
    return change(state, PutCluster(cluster=msgspec.structs.replace(home, releases=kept)))


def _is_used(state: State, cluster: str, component: str, release: str) -> bool:
    return any(
        n.components.get(component) == release or n.pushed.get(component) == release
        for n in state.nodes
        if n.cluster == cluster
    )


def _with_release(
    state: State, cluster: str, node: str, release: AppliedRelease
) -> tuple[State, Node | None]:
    found, home = state.node(cluster, node), state.cluster(cluster)
    if found is None or home is None:
        return state, None
    release = with_former_data(release, home.releases)
    if release in home.releases:
        return state, found
    known = {(r.component, r.id): r for r in (*home.releases, release)}
    grown = msgspec.structs.replace(home, releases=tuple(known[key] for key in sorted(known)))
    return change(state, PutCluster(cluster=grown)), found


def with_former_data(release: AppliedRelease, known: Iterable[AppliedRelease]) -> AppliedRelease:
    """What its component wrote before is not gone because a new release has no use for it."""
    data = {path for r in known if r.data and r.component == release.component for path in r.data}
    if data <= {*release.data}:
        return release
    return msgspec.structs.replace(release, data=tuple(sorted(data.union(release.data))))


def _prune(state: State, cluster: str) -> State:
    """Forget releases that no node of the cluster carries any more."""
    home = state.cluster(cluster)
    if home is None:
        return state
    used = {
        pair for node in state.nodes_of(cluster) for pair in (*node.components.items(), *node.pushed.items())
    }
    kept = tuple(r for r in home.releases if (r.component, r.id) in used)
    if kept == home.releases:
        return state
    return change(state, PutCluster(cluster=msgspec.structs.replace(home, releases=kept)))


def cluster_of(done: Change) -> str | None:
    """The cluster that a change is about; `currentCluster` is nobody's."""
    match done:
        case PutCluster(cluster=cluster):
            return cluster.name
        case DropCluster(name=name):
            return name
        case PutNode(node=node):
            return node.cluster
        case PutIntent(intent=intent):
            return intent.cluster
        case SetCurrent():
            return None
        case _:
            return done.cluster
