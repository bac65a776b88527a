"""What a state of the right shape can still have wrong: the rules that no type can say. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dynia.interfaces.shape import Shape
from dynia.state.model import State
from dynia.state.positions import KeyPath

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
LINEAGE = re.compile(r"[0-9a-f]{32}")
ROLES = ("MASTER", "BACKUP")
# The end of the year 9999: no calendar of Python goes further.
LATEST = 253_402_300_799


class Problem(Shape):
    """One broken rule, and the key path of the value that breaks it."""

    path: KeyPath
    rule: str
    message: str


def problems(state: State) -> tuple[Problem, ...]:
    """Every broken rule of a state, in the order in which its file shows them."""
    return (*_identity(state), *_clusters(state), *_nodes(state), *_services(state))


def _identity(state: State) -> Iterator[Problem]:
    if not LINEAGE.fullmatch(state.lineage):
        yield Problem(path=("lineage",), rule="lineage", message="a lineage is 32 hexadecimal digits")
    current = state.current_cluster
    if current is not None and not NAME.fullmatch(current):
        yield Problem(path=("currentCluster",), rule="name", message=f"{current!r} can't be a cluster's name")


def _clusters(state: State) -> Iterator[Problem]:
    yield from _twins("clusters", "name", [(c.name,) for c in state.clusters], "cluster {0}")
    for index, cluster in enumerate(state.clusters):
        at = ("clusters", index)
        if not NAME.fullmatch(cluster.name):
            yield Problem(
                path=(*at, "name"), rule="name", message=f"{cluster.name!r} can't be a cluster's name"
            )
        yield from _between((*at, "serial"), cluster.serial, 0, None)
        yield from _between((*at, "generation"), cluster.generation, 0, None)
        yield from _between((*at, "nextOrdinal"), cluster.next_ordinal, 1, None)
        if cluster.dns is not None:
            yield from _between((*at, "dns", "port"), cluster.dns.port, 1, 65535)
        numbers = [edge for one in cluster.generations for edge in (one.number, one.last)]
        grows = all(
            a.last < b.number for a, b in zip(cluster.generations, cluster.generations[1:], strict=False)
        )
        if numbers != sorted(numbers) or not grows or any(one < 1 for one in numbers):
            message = "generations are numbered upwards"
            yield Problem(path=(*at, "generations"), rule="range", message=message)
        for number, one in enumerate(cluster.generations):
            yield from _between((*at, "generations", number, "at"), one.at, 0, LATEST)
        for number, hold in enumerate(cluster.holds):
            yield from _between((*at, "holds", number, "at"), hold.at, 0, LATEST)
        for number, domain in _again([name.domain for name in cluster.names]):
            path = (*at, "names", number, "domain")
            yield Problem(path=path, rule="duplicate", message=f"name {domain} is here twice")


def _nodes(state: State) -> Iterator[Problem]:
    yield from _unknown("nodes", state, [n.cluster for n in state.nodes])
    yield from _twins("nodes", "name", [(n.cluster, n.name) for n in state.nodes], "node {1} of {0}")
    yield from _twins("nodes", "ordinal", [(n.cluster, n.ordinal) for n in state.nodes], "ordinal {1} of {0}")
    for index, node in enumerate(state.nodes):
        at = ("nodes", index)
        yield from _between((*at, "ordinal"), node.ordinal, 1, None)
        yield from _between((*at, "port"), node.port, 1, 65535)
        yield from _between((*at, "priority"), node.priority, 0, 255)
        if node.role not in ROLES:
            yield Problem(
                path=(*at, "role"), rule="role", message=f"a role is MASTER or BACKUP, not {node.role!r}"
            )


def _services(state: State) -> Iterator[Problem]:
    yield from _unknown("deployments", state, [d.cluster for d in state.deployments])
    yield from _twins(
        "deployments", "name", [(d.cluster, d.name) for d in state.deployments], "service {1} of {0}"
    )
    yield from _unknown("routes", state, [r.cluster for r in state.routes])
    yield from _twins("routes", "domain", [(r.cluster, r.domain) for r in state.routes], "domain {1} of {0}")
    yield from _twins("intents", "step", [(i.cluster, i.step) for i in state.intents], "intent {1} of {0}")


def _twins(where: str, key: str, identities: Iterable[tuple[object, ...]], words: str) -> Iterator[Problem]:
    seen: set[tuple[object, ...]] = set()
    for index, identity in enumerate(identities):
        if identity in seen:
            message = f"{words.format(*identity)} is here twice"
            yield Problem(path=(where, index, key), rule="duplicate", message=message)
        seen.add(identity)


def _again(values: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Those that were there before, with their places."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield index, value
        seen.add(value)


def _unknown(where: str, state: State, clusters: Iterable[str]) -> Iterator[Problem]:
    known = {c.name for c in state.clusters}
    for index, name in enumerate(clusters):
        if name not in known:
            message = f"there is no cluster {name!r} in this state"
            yield Problem(path=(where, index, "cluster"), rule="unknown-cluster", message=message)


def _between(path: KeyPath, value: int, low: int, high: int | None) -> Iterator[Problem]:
    if value < low or (high is not None and value > high):
        wanted = f"at least {low}" if high is None else f"{low} to {high}"
        yield Problem(path=path, rule="range", message=f"{value} is out of range ({wanted})")
