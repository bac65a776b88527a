"""The state of one cluster as a working copy: what ``dynia.state.model`` does, in constant time."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import ClusterSpec
from dynia.state.model import (
    AppliedRelease,
    Cluster,
    DropIntent,
    Node,
    PutCluster,
    ReservedIp,
    State,
    change,
    in_order,
    with_former_data,
)


class ModelState:
    """Made for one simulation; `value()` gives the state back."""

    def __init__(self, state: State, cluster: str, desired: ClusterSpec | None) -> None:
        self._state, self._cluster = state, cluster
        kind = str(type(desired.provider).__struct_config__.tag) if desired else ""
        self._home = state.cluster(cluster) or Cluster(name=cluster, provider=kind)
        self._done: list[str] = []
        self._next = self._home.next_ordinal
        self.address: ReservedIp | None = self._home.reserved_ip
        self.certificate = self._home.certificate
        self.pre_deployed = dict(self._home.pre_deployed)
        self.releases = {(r.component, r.id): r for r in self._home.releases}
        self.nodes = {n.name: n for n in state.nodes_of(cluster)}
        self._components: dict[str, dict[str, str]] = {}
        self._pushed: dict[str, dict[str, str]] = {}

    def in_order(self) -> list[Node]:
        return sorted(self.nodes.values(), key=lambda n: n.ordinal)

    def put_node(self, node: Node, done: str) -> None:
        self.drop_node(node.name)
        self.nodes[node.name] = node
        self._next = max(self._next, node.ordinal + 1)
        self._done.append(done)

    def drop_node(self, name: str) -> None:
        self.nodes.pop(name, None)
        self._components.pop(name, None)
        self._pushed.pop(name, None)

    def forget_intent(self, step: str) -> None:
        self._done.append(step)

    def bootstrapped(self, name: str) -> None:
        self.nodes[name] = msgspec.structs.replace(self.nodes[name], bootstrapped=True)

    def add_release(self, release: AppliedRelease) -> None:
        release = with_former_data(release, self.releases.values())
        self.releases[release.component, release.id] = release

    def record(self, name: str, component: str, release: str, gated: bool) -> None:
        components, pushed = self._of(name)
        if gated:
            pushed[component] = release
        else:
            components[component] = release
            pushed.pop(component, None)

    def drop_component(self, name: str, component: str) -> None:
        components, pushed = self._of(name)
        components.pop(component, None)
        pushed.pop(component, None)

    def value(self) -> State:
        nodes = [self._with_components(n) for n in self.in_order()]
        used = {pair for n in nodes for pair in (*n.components.items(), *n.pushed.items())}
        home = msgspec.structs.replace(
            self._home,
            next_ordinal=self._next,
            reserved_ip=self.address,
            certificate=self.certificate,
            pre_deployed=dict(sorted(self.pre_deployed.items())),
            releases=tuple(self.releases[key] for key in sorted(self.releases) if key in used),
        )
        state = change(self._state, PutCluster(cluster=home))
        for step in self._done:
            state = change(state, DropIntent(cluster=self._cluster, step=step))
        others = [n for n in state.nodes if n.cluster != self._cluster]
        return msgspec.structs.replace(state, nodes=in_order((*others, *nodes)))

    def _of(self, name: str) -> tuple[dict[str, str], dict[str, str]]:
        if name not in self._components:
            self._components[name] = dict(self.nodes[name].components)
            self._pushed[name] = dict(self.nodes[name].pushed)
        return self._components[name], self._pushed[name]

    def _with_components(self, node: Node) -> Node:
        if node.name not in self._components:
            return node
        return msgspec.structs.replace(
            node,
            components=dict(sorted(self._components[node.name].items())),
            pushed=dict(sorted(self._pushed[node.name].items())),
        )
