"""A cluster's state made again from what its nodes kept and what its provider lists. Pure.

Of the manifests of one lineage the newest is taken whole, and nothing of another one: two halves would be a
state that never was. What the provider knows better (addresses, host keys, ordinals that are taken) comes on
top.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import ProviderAddress, ProviderNode
from dynia.interfaces.shape import Shape
from dynia.state.manifest import Manifest
from dynia.state.model import (
    Change,
    Cluster,
    Node,
    PutCluster,
    ReservedIp,
    State,
    change,
    in_order,
)
from dynia.state.pushed_copy import part_changes


class Heard(Shape):
    """One machine and what it said. `lineage` is what it says of itself; `fencing` the highest number of a
    lease that it has seen for the cluster; `silence` why it said nothing; `flaw` what is wrong with its
    manifest."""

    machine: ProviderNode
    lineage: str = ""
    manifest: Manifest | None = None
    fencing: int = 0
    silence: str = ""
    flaw: str = ""


class Rebuilt(Shape):
    """`state` holds the cluster alone; `serial` and `fencing` are the newest that a node was told. `newest`
    are the nodes whose manifest it is; `notes` are pairs of a node and what is odd about it."""

    state: State
    serial: int = 0
    fencing: int = 0
    generation: int = 0
    newest: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


def choose_lineage(cluster: str, heard: Iterable[Heard], tagged: Iterable[str], wanted: str) -> str:
    """The one lineage of these machines, or the wanted one; several are told and refused."""
    by: dict[str, list[str]] = {one: [] for one in tagged}
    for one in heard:
        for found in {one.lineage, one.manifest.seal.lineage if one.manifest else ""} - {""}:
            by.setdefault(found, []).append(one.machine.name)
    if wanted:
        if wanted not in by:
            known = ", ".join(sorted(by)) or "none"
            raise Refused(f"cluster {cluster}: nothing is of lineage {wanted} (seen: {known})")
        return wanted
    if not by:
        raise Refused(
            f"cluster {cluster}: no machine is known to be its own, so there is nothing to rebuild from",
            hint="is this the right file, account and folder? A new cluster is made by `dynia apply`",
        )
    if len(by) > 1:
        told = "; ".join(f"{one} ({', '.join(sorted(by[one])) or 'tags only'})" for one in sorted(by))
        raise Refused(
            f"cluster {cluster}: machines of {len(by)} states are there: {told}",
            hint="say which one is meant: `dynia state rebuild --lineage ...`",
        )
    return next(iter(by))


def rebuild(
    cluster: str,
    provider: str,
    lineage: str,
    heard: tuple[Heard, ...],
    addresses: tuple[ProviderAddress, ...] = (),
) -> Rebuilt:
    """The same whatever the order, and for every set of nodes that holds one with the newest manifest."""
    ours = {
        one.machine.provider_id: one.manifest
        for one in heard
        if one.manifest is not None
        and (one.manifest.seal.lineage, one.manifest.seal.cluster) == (lineage, cluster)
    }
    best = max(ours.values(), default=None, key=_rank)
    machines = tuple(sorted((one.machine for one in heard), key=lambda m: (m.ordinal, m.provider_id)))
    state = best.state if best else _bare(cluster, provider, lineage, addresses)
    # A host's place in the file is no ordinal.
    taken = 0 if provider == "ssh" else max((m.ordinal for m in machines), default=0)
    state = _with_machines(state, cluster, machines, taken)
    home = state.cluster(cluster)
    return Rebuilt(
        state=state,
        serial=best.seal.serial if best else 0,
        # A node also counts runs that wrote no manifest, and takes nothing from a lower number.
        fencing=max((best.seal.fencing if best else 0, *(h.fencing for h in heard))),
        generation=home.generation if home else 0,
        newest=tuple(sorted(m.seal.node for m in ours.values() if best and _same(m, best))),
        notes=_notes(state, cluster, lineage, heard, best),
    )


def check_may_write(kept: State, rebuilt: Rebuilt, cluster: str) -> None:
    """A state that knows the cluster is only replaced by a newer one; one of another lineage not at all."""
    lineage, home = rebuilt.state.lineage, kept.cluster(cluster)
    if kept.clusters and kept.lineage != lineage:
        names = ", ".join(c.name for c in kept.clusters)
        raise Refused(
            f"the state that is here is of another lineage ({kept.lineage}) than cluster {cluster} "
            f"({lineage}), and has clusters of its own: {names}",
            hint="rebuild into another folder, or move state.json and .dynia aside first",
        )
    if home is not None and home.serial >= rebuilt.serial:
        raise Refused(
            f"cluster {cluster} is in the state already (serial {home.serial}), and no node was told "
            f"anything newer (serial {rebuilt.serial})",
            hint="nothing is lost: `dynia plan` shows what differs",
        )


def writing(kept: State, rebuilt: Rebuilt, cluster: str) -> tuple[Change, ...]:
    return part_changes(kept, rebuilt.state, cluster)


def _rank(one: Manifest) -> tuple[tuple[int, int], int, str]:
    """Of two of one age, which no apply writes, always the same one."""
    return one.seal.age, one.seal.generation, one.seal.digest


def _same(one: Manifest, best: Manifest) -> bool:
    return (one.seal.age, one.seal.digest) == (best.seal.age, best.seal.digest)


def _bare(cluster: str, provider: str, lineage: str, addresses: tuple[ProviderAddress, ...]) -> State:
    """No node has a manifest: what is ours is known by its tags, and the plan adopts it."""
    first = min(addresses, default=None, key=lambda a: a.provider_id)
    kept = ReservedIp(address=first.address, provider_id=first.provider_id) if first else None
    home = Cluster(name=cluster, provider=provider, reserved_ip=kept)
    return change(State(lineage=lineage), PutCluster(cluster=home))


def _with_machines(state: State, cluster: str, machines: tuple[ProviderNode, ...], taken: int) -> State:
    home = state.cluster(cluster)
    if home is None:
        return state
    following = max(home.next_ordinal, taken + 1)
    state = change(state, PutCluster(cluster=msgspec.structs.replace(home, next_ordinal=following)))
    listed = {m.provider_id: m for m in machines}
    nodes = tuple(_as_listed(n, listed.get(n.provider_id)) for n in state.nodes)
    return msgspec.structs.replace(state, nodes=in_order(nodes))


def _as_listed(node: Node, machine: ProviderNode | None) -> Node:
    if machine is None:
        return node
    return msgspec.structs.replace(
        node,
        address=machine.public_ip or node.address,
        private_ip=machine.private_ip or node.private_ip,
        host_key=machine.host_key or node.host_key,
    )


def _notes(
    state: State, cluster: str, lineage: str, heard: tuple[Heard, ...], best: Manifest | None
) -> tuple[tuple[str, str], ...]:
    """In the order of the machines, whoever was heard first."""
    known = {n.provider_id for n in state.nodes_of(cluster)}
    notes: list[tuple[str, str]] = []
    for one in sorted(heard, key=lambda h: (h.machine.ordinal, h.machine.provider_id)):
        notes += [(one.machine.name, text) for text in _about(one, cluster, lineage, best, known)]
    there = {one.machine.provider_id for one in heard}
    gone = "in the newest manifest, and gone at the provider"
    notes += [(n.name, gone) for n in state.nodes_of(cluster) if n.provider_id not in there]
    return tuple(notes)


def _about(one: Heard, cluster: str, lineage: str, best: Manifest | None, known: set[str]) -> Iterable[str]:
    if one.silence:
        yield f"not observed ({one.silence}): what it keeps is not known"
    elif one.flaw:
        yield one.flaw
    elif one.manifest is None:
        yield "has no manifest"
    elif (one.manifest.seal.lineage, one.manifest.seal.cluster) != (lineage, cluster):
        yield f"its manifest is of another state or cluster ({one.manifest.seal.lineage}): not taken"
    elif best is not None and one.manifest.seal.age < best.seal.age:
        yield (
            f"its manifest is older: generation {one.manifest.seal.generation}, "
            f"serial {one.manifest.seal.serial} (newest: {best.seal.generation}, {best.seal.serial})"
        )
    elif best is not None and one.manifest.seal.digest != best.seal.digest:
        yield "its manifest has the same age as the newest and says something else: not taken"
    if best is not None and one.machine.provider_id not in known:
        yield "in no manifest: an apply that was cut made it; the plan adopts or deletes it"
