"""A part of what the file wants, as a person names it: what belongs to it, and what is taken along. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import Refused
from dynia.interfaces.files.mistakes import near
from dynia.interfaces.shape import Shape
from dynia.services.planning.components import components
from dynia.services.planning.names import node_name
from dynia.services.planning.turn import service_of
from dynia.state.model import State

# What is no component of a node's, and can be named all the same.
DNS, ENTRY = "dns", "entry"
# What has to know of a node that comes or goes, on every node.
KNOW_NODES = frozenset({"node", "firewall", "caddy", "tls", "haproxy", "failover", "keepalived"})
# What leads to a service, and must have forgotten it before it goes.
LEAD_THERE = frozenset({"caddy", "tls", "haproxy"})
# What a service is reached through, and fetched with.
BEFORE_SERVICE = frozenset({"registry", "caddy", "tls", "haproxy"})


class Scope(Shape):
    """`node/NAME`, `service/NAME` or a component. No targets: everything, but for what is excluded."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        return not self.targets and not self.excludes

    @property
    def said(self) -> tuple[str, ...]:
        """The options that say it."""
        return (
            *(f"--target {name}" for name in self.targets),
            *(f"--exclude {name}" for name in self.excludes),
        )

    @property
    def names_nodes(self) -> bool:
        return any(name.startswith("node/") for name in self.targets)

    def takes(self, node: str, component: str = "") -> bool:
        """Whether it was named: by its node, or by what it is."""
        named = not self.targets or f"node/{node}" in self.targets or component in self.targets
        return named and not self.leaves(node, component)

    def leaves(self, node: str, component: str = "") -> bool:
        return f"node/{node}" in self.excludes or component in self.excludes

    def taken(self, node: str, there: Set[str], along: Set[str], *, fresh: bool) -> frozenset[str]:
        """Of the components of a node that are not as wanted those that this plan brings. `along` comes along
        on every node; `fresh`: the node has not all that it needs yet."""
        if self.whole:
            return frozenset(there)
        left = {name for name in there if self.leaves(node, name)}
        found = {name for name in there if self.takes(node, name)}
        if fresh:
            base = {name for name in there if not service_of(name)}
            return frozenset() if base & left else frozenset((found | base) - left)
        if any(service_of(name) for name in found):
            found |= BEFORE_SERVICE & there
        if "haproxy" in found:
            found |= {"tls"} & there
        found |= along & there
        if "caddy" in left:  # nobody would be led to what comes
            found = {name for name in found if not service_of(name)}
        return frozenset(found - left)


WHOLE = Scope()


def scope_of(
    spec: ClusterSpec | None, state: State, cluster: str, targets: Iterable[str], excludes: Iterable[str]
) -> Scope:
    """What these words name. Raises Refused for one that names nothing, or more than one thing."""
    known = _known(spec, state, cluster)

    def meant(option: str, word: str) -> str:
        choices = [full for full in known if word in (full, _bare(full), f"component/{full}")]
        if len(choices) == 1:
            return choices[0]
        if choices:
            said = [full if "/" in full else f"component/{full}" for full in choices]
            raise Refused(
                f"{option} {word}: that may be {' or '.join(said)}", hint="nothing was touched; say which"
            )
        there = {f"node/{node.name}" for node in state.nodes_of(cluster)}
        guess = near(word, {_bare(full) for full in known})
        names = {_bare(full) for full in known if not full.startswith("node/") or full in there}
        raise Refused(
            f"{option} {word}: cluster {cluster} has no node, service or component of that name",
            hint=f"did you mean {guess}?" if guess else f"known: {', '.join(sorted(names))}",
        )

    return Scope(
        targets=tuple(sorted({meant("--target", word) for word in targets})),
        excludes=tuple(sorted({meant("--exclude", word) for word in excludes})),
    )


def _known(spec: ClusterSpec | None, state: State, cluster: str) -> tuple[str, ...]:
    """All that can be named: also nodes that are still to come, as the plan names them."""
    home = state.cluster(cluster)
    nodes = {node.name for node in state.nodes_of(cluster)}
    nodes |= {i.name for i in state.intents if i.cluster == cluster and i.kind == "node"}
    services = {d.name for d in state.deployments if d.cluster == cluster}
    parts = {DNS, ENTRY}
    if spec is not None:
        first = home.next_ordinal if home is not None else 1
        if spec.hosts:
            nodes |= {host.name for host in spec.hosts}
        else:
            for ordinal in range(first, first + spec.nodes):
                nodes.add(node_name(state.lineage, cluster, ordinal, nodes))
        services |= {service.name for service in spec.services}
        parts |= {one.name for one in components(spec) if not service_of(one.name)}
    return tuple(sorted({*(f"node/{n}" for n in nodes), *(f"service/{n}" for n in services), *parts}))


def _bare(full: str) -> str:
    return full.partition("/")[2] or full
