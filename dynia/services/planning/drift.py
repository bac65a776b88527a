"""Drift: what was observed differs from what was applied. What is merely pending is not in here."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dynia.interfaces.observed import EntryAnswer, FileSeen, NodeFacts, NotObserved, Observed
from dynia.services.actions.base import Recipe
from dynia.services.planning.compare import OWNER, Comparison, WantedFile
from dynia.services.planning.components.base import Component, Fault, Topology, TopologyNode
from dynia.services.planning.plan import Drift
from dynia.state.model import AppliedFile, Node

_KINDS = {kind: kind for kind in ("unit", "container", "network", "file", "firewall")}


def component_drift(
    one: Comparison,
    component: Component,
    topology: Topology,
    place: TopologyNode,
    facts: NodeFacts,
    seen: Mapping[str, FileSeen],
) -> list[Drift]:
    """Files and things that run, against the release that is live on the node."""
    if one.live is None or one.unfinished:
        return []
    wanted = {f.path: f for f in one.wanted.files}
    good = {f.path: f for f in one.applied.files} if one.applied else {}
    found = []
    for file in one.live.files:
        there = seen.get(file.path)
        if _is_wanted(wanted.get(file.path), there) or _is(good.get(file.path), there):
            continue
        detail = _how(file, there)
        if detail:
            found.append(_tampered_file(one.node, file.path, detail, there, one))
    if not one.open:
        faults = _faults(one, component, topology, place, facts)
        # Two holders are a matter of the cluster: `entry_drift` tells it once.
        found += [_fault(one.node, f) for f in faults if f.kind != "reserved_ip"]
    return found


def stray_drift(node: str, path: str, seen: Mapping[str, FileSeen]) -> Drift:
    there = seen[path]
    what = "unknown folder" if there.kind == "dir" else "unknown file"
    return Drift(
        node=node,
        kind="file",
        subject=path,
        category="orphan",
        detail=what,
        since=there.mtime,
        remedy="will be removed",
    )


def left_behind(observed: Observed, nodes: tuple[Node, ...], address: str) -> tuple[str, ...]:
    """Nodes that have the entry address while the one MASTER has it too. keepalived runs there and says that
    it is not its own: reloaded, it takes the address off (seen with keepalived 2.3)."""
    facts = {n.name: observed.nodes.get(n.name) for n in nodes}
    seen = {name: f for name, f in facts.items() if isinstance(f, NodeFacts)}
    have = [name for name, f in seen.items() if address in f.addresses]
    masters = [name for name, f in seen.items() if f.vrrp == "MASTER"]
    if len(masters) != 1 or masters[0] not in have:
        return ()
    return tuple(name for name in have if seen[name].vrrp in ("BACKUP", "FAULT"))


def entry_drift(observed: Observed, nodes: tuple[Node, ...], address: str, owner: str | None) -> list[Drift]:
    """What provider, kernels, VRRP and a question through the address say against each other. `owner` is the
    provider's word for who has the address (entry kind api), else None."""
    facts = {n.name: observed.nodes.get(n.name) for n in nodes}
    seen = {name: f for name, f in facts.items() if isinstance(f, NodeFacts)}
    have = [name for name, f in seen.items() if address in f.addresses]
    masters = [name for name, f in seen.items() if f.vrrp == "MASTER"]
    runs = any(f.vrrp for f in seen.values())
    silent = any(f is None or isinstance(f, NotObserved) for f in facts.values())
    if owner is not None:
        have = [n.name for n in nodes if n.provider_id == owner]
    if len(masters) > 1:
        detail = f"{' and '.join(masters)} are both MASTER"
    elif len(have) > 1:
        detail = f"{' and '.join(have)} both have it"
    elif have and masters and have != masters:
        detail = f"{have[0]} has it, {masters[0]} is MASTER"
    elif have and not masters and have[0] in seen and seen[have[0]].vrrp:
        detail = f"{have[0]} has it and is {seen[have[0]].vrrp}"
    elif not have and runs and (not silent or (owner is not None and masters)):
        detail = "no node has it"
    elif have and (other := _answering(observed, nodes)) not in ("", have[0]):
        detail = f"{have[0]} has it, {other} answers through it"
    else:
        return []
    left = left_behind(observed, nodes, address) if owner is None else ()
    remedy = "look at VRRP between the nodes (protocol 112) first: `dynia status`"
    if left:
        remedy = f"will be taken off {' and '.join(left)}"
    elif owner is not None and len(masters) == 1:
        remedy = f"look at the claim unit on {masters[0]}: journalctl -u dynia-failover"
    return [
        Drift(node="", kind="reserved_ip", subject=address, category="split", detail=detail, remedy=remedy)
    ]


def _answering(observed: Observed, nodes: tuple[Node, ...]) -> str:
    """The node that answered at the address, if it is one of these."""
    told = observed.entry.node if isinstance(observed.entry, EntryAnswer) else ""
    return told if any(n.name == told for n in nodes) else ""


def _faults(
    one: Comparison, component: Component, topology: Topology, place: TopologyNode, facts: NodeFacts
) -> tuple[Fault, ...]:
    """Against the wanted release if it is the live one, else against what is remembered of the live one."""
    if not one.pending or one.live is None:
        return one.faults
    recipe = one.wanted.recipe
    release = _as_it_was(recipe, one)
    return component.faults(topology, place, release, facts)


def _as_it_was(recipe: Recipe, one: Comparison) -> Recipe:
    live = one.live
    if live is None:
        return recipe
    old = msgspec.structs.replace(recipe.release, containers=live.containers, images=live.images)
    return msgspec.structs.replace(recipe, release=old)


def _fault(node: str, fault: Fault) -> Drift:
    kind = _KINDS.get(fault.kind, "container")
    orphan = fault.detail.startswith("unknown")
    return Drift(
        node=node,
        kind=kind,  # type: ignore[arg-type]
        subject=fault.subject,
        category="orphan" if orphan else "tampered",
        detail=fault.detail,
        remedy="will be removed" if orphan else "will be brought back",
    )


def _tampered_file(node: str, path: str, detail: str, there: FileSeen | None, one: Comparison) -> Drift:
    remedy = "will be replaced by the pending change" if one.pending else "will be reverted"
    return Drift(
        node=node,
        kind="file",
        subject=path,
        category="tampered",
        detail=detail,
        since=there.mtime if there else 0,
        remedy=remedy,
    )


def _how(file: AppliedFile, there: FileSeen | None) -> str:
    if there is None:
        return "gone"
    if there.kind != "file":
        return f"is a {there.kind}"
    said = []
    if file.digest and there.digest and there.digest != file.digest:
        said.append("edited")
    if there.mode != file.mode:
        said.append(f"mode {file.mode:o} → {there.mode:o}")
    if there.owner != OWNER:
        said.append(f"owner {OWNER} → {there.owner}")
    return ", ".join(said)


def _is(file: AppliedFile | None, there: FileSeen | None) -> bool:
    return file is not None and not _how(file, there)


def _is_wanted(file: WantedFile | None, there: FileSeen | None) -> bool:
    if file is None or there is None or there.kind != "file" or (file.secret and not file.digest):
        return False
    return (there.digest, there.mode, there.owner) == (file.digest, file.mode, OWNER)
