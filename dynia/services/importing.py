"""Take what exists at the provider into a cluster's state: a machine as a node, or a reserved IP.

A begin is journalled with the intent that an apply would write for a create; then the vendor's marks are put
on; then the state knows it. Killed in between, this again or the next apply goes on: what carries the marks
is adopted.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from dynia.interfaces.desired import ApiEntry, ClusterSpec, SshProvider
from dynia.interfaces.errors import DyniaError, NotObservedError, Refused
from dynia.interfaces.observed import NotObserved, ProviderNode
from dynia.providers.protocols import AdoptableNode, Adopting
from dynia.services.actions import AllocateReservedIp, ProvisionNode
from dynia.services.found_machine import as_node
from dynia.services.leased import leased
from dynia.services.planning.closing import opening_changes
from dynia.services.planning.inputs import PlanningInput
from dynia.services.rebuild import Search, hear
from dynia.services.reconcile import Reconciler
from dynia.services.session import Session
from dynia.state.model import (
    Change,
    DropIntent,
    Intent,
    PutIntent,
    PutNode,
    ReservedIp,
    SetReservedIp,
)

ADDRESS_STEP = "reserved-ip/allocate"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
# The public host key of a machine, by address and port, from whom the operator trusts; empty: nobody knows.
Vouched = Callable[[str, int], str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be imported: in words, and as the step that does it. `action` is JSON."""

    what: str
    becomes: str
    notes: tuple[str, ...]
    intent: Intent
    action: bytes
    deed: Callable[[], Awaitable[Change]]


# Returns where it may be imported; raises where not.
Approve = Callable[[Candidate], Awaitable[None]]


async def import_node(run: Reconciler, said: str, vouched: Vouched, approve: Approve) -> str:
    """A machine becomes a node; what was done, in words.

    It was reached, with its host key, before anybody is asked. `Refused` where it is somebody else's or
    cannot be this cluster's.
    """
    async with leased(run.session):
        given, vendor, spec = await _looked(run)
        found = await vendor.find_node(given.state.lineage, spec.name, said)
        machine, nodes = found.node, given.state.nodes_of(spec.name)
        known = next((n.name for n in nodes if n.provider_id == machine.provider_id), "")
        if known:
            return f"{machine.name} is node {known} of {spec.name} already: nothing was changed."
        _refuse_surplus(given, spec)
        _refuse_name(given, spec, machine.name)
        machine = msgspec.structs.replace(
            machine,
            ordinal=machine.ordinal or _next_ordinal(given, spec, machine.name),
            host_key=machine.host_key or vouched(machine.public_ip, spec.ssh.port),
        )
        await _reach(run.session, spec, machine)
        candidate = _candidate(vendor, given, spec, msgspec.structs.replace(found, node=machine))
        return await _taken(run, given, candidate, approve)


async def import_address(run: Reconciler, said: str, approve: Approve) -> str:
    """A reserved IP becomes the cluster's entry address; what was done, in words."""
    try:
        ipaddress.IPv4Address(said)
    except ValueError as error:
        raise Refused(f"{said!r} is no IPv4 address", hint="say the reserved IP itself") from error
    async with leased(run.session):
        given, vendor, spec = await _looked(run)
        if not isinstance(spec.entry, ApiEntry):
            raise Refused(
                f"cluster {spec.name} takes no reserved IP of its provider",
                hint="say entry: {kind: api}; with {kind: vip} the address is named in the file",
            )
        home = given.state.cluster(spec.name)
        recorded = home.reserved_ip.address if home and home.reserved_ip else ""
        if recorded == said:
            return f"{said} is the reserved IP of {spec.name} already: nothing was changed."
        listed = given.observed.addresses
        if isinstance(listed, NotObserved):
            raise NotObservedError(f"reserved IPs not observed ({listed.reason})", hint="run it again")
        others = [recorded, *(a.address for a in listed if a.address != said)]
        if any(others):
            raise Refused(
                f"cluster {spec.name} has reserved IP {next(filter(None, others))}",
                hint="a cluster has one: `entry: {kind: none}` and an apply give it back first",
            )
        found = await vendor.find_address(given.state.lineage, spec.name, said)
        address = found.address

        async def deed() -> Change:
            await vendor.adopt_address(given.state.lineage, spec.name, address.address)
            kept = ReservedIp(address=address.address, provider_id=address.provider_id)
            return SetReservedIp(cluster=spec.name, reserved_ip=kept)

        candidate = Candidate(
            what=f"reserved IP {address.address}",
            becomes=f"the entry of {spec.name}",
            notes=(
                *found.notes,
                "it is marked as this cluster's now, and not moved",
                "from then on it is the cluster's: `cluster destroy` gives it back to the provider",
            ),
            intent=Intent(cluster=spec.name, step=ADDRESS_STEP, kind="reserved_ip"),
            action=msgspec.json.encode(AllocateReservedIp(step=ADDRESS_STEP)),
            deed=deed,
        )
        return await _taken(run, given, candidate, approve)


async def _looked(run: Reconciler) -> tuple[PlanningInput, Adopting, ClusterSpec]:
    """The world, and who can adopt. An old copy of a state would use ordinals again."""
    spec = run.session.spec
    if spec is None:
        raise DyniaError(f"cluster {run.session.cluster} is not in the file")
    if isinstance(spec.provider, SshProvider):
        raise Refused(
            f"cluster {spec.name}: hosts of kind ssh are not imported, the file lists them",
            hint="add it under `nodes` in clusters.yaml, then `dynia apply`",
        )
    vendor = await run.session.vendors.nodes()
    if not isinstance(vendor, Adopting):
        raise Refused(
            f"cluster {spec.name}: its provider makes all its machines and addresses itself",
            hint="say nodes: {count: ...} in clusters.yaml, then `dynia apply`",
        )
    given = await run.look()
    run.refuse_old_state()
    return given, vendor, spec


async def _reach(session: Session, spec: ClusterSpec, machine: ProviderNode) -> None:
    """It lets us in with the host key that somebody vouches for, and is no other state's node."""
    title = f"{machine.name} ({machine.public_ip})"
    if not machine.host_key:
        raise Refused(
            f"nobody vouches for the host key of {title}",
            hint="nothing is trusted on first use: give --host-key, a line of "
            "/etc/ssh/ssh_host_ed25519_key.pub on the machine, or --known-hosts FILE",
        )
    kind = machine.host_key.split()[0]
    if kind != "ssh-ed25519":
        raise Refused(
            f"the host key of {title} that was said is {kind}",
            hint="say its ssh-ed25519 one: tags hold no other",
        )
    heard = await hear(Search(spec=spec, vendors=session.vendors), machine, None)
    if heard.silence:
        raise NotObservedError(
            f"{title} was not reached: {heard.silence}",
            hint="nothing was changed; `ssh` in the file says as whom and with which key",
        )
    if heard.lineage not in ("", session.store.state.lineage):
        raise Refused(
            f"{title} belongs to another state (lineage {heard.lineage})", hint="nothing was changed"
        )


def _candidate(vendor: Adopting, given: PlanningInput, spec: ClusterSpec, found: AdoptableNode) -> Candidate:
    node = as_node(spec, found.node)
    action = ProvisionNode(
        step=f"{node.name}/create", name=node.name, ordinal=node.ordinal, priority=node.priority
    )

    async def deed() -> Change:
        await vendor.adopt_node(given.state.lineage, spec.name, node.provider_id, node.ordinal, node.host_key)
        return PutNode(node=node)

    return Candidate(
        what=f"{node.name} ({node.provider_id}, {node.address})",
        becomes=f"node {node.ordinal} of {spec.name}",
        notes=(
            *found.notes,
            "it gets this cluster's tags now; the next apply installs what a node has, its firewall too",
            "from then on it is the cluster's: `cluster scale` and `cluster destroy` delete it",
        ),
        intent=Intent(cluster=spec.name, step=action.step, kind="node", ordinal=node.ordinal, name=node.name),
        action=msgspec.json.encode(action),
        deed=deed,
    )


async def _taken(run: Reconciler, given: PlanningInput, one: Candidate, approve: Approve) -> str:
    await approve(one)
    store, cluster, step = run.session.store, run.session.cluster, one.intent.step
    drop = DropIntent(cluster=cluster, step=step)
    store.begin(cluster, step, one.action, (*opening_changes(given), PutIntent(intent=one.intent)))
    try:
        change = await one.deed()
    except DyniaError as error:
        # Nothing was made, and what carries a mark is found by it: no apply need make another one.
        store.fail(cluster, step, error.message, (drop,))
        raise
    store.end(cluster, step, (change, drop))
    return f"{one.what} is {one.becomes} now."


def _refuse_surplus(given: PlanningInput, spec: ClusterSpec) -> None:
    there = len(given.state.nodes_of(spec.name))
    if there >= spec.nodes:
        raise Refused(
            f"cluster {spec.name} has {there} of {spec.nodes} nodes: with one more, an apply deletes one",
            hint=f"say nodes: {{count: {there + 1}}} in clusters.yaml, and import before you apply that",
        )


def _refuse_name(given: PlanningInput, spec: ClusterSpec, name: str) -> None:
    if not _NAME.fullmatch(name) or name == "all":
        raise Refused(
            f"{name!r} can't be a node's name (a-z, 0-9 and - inside, at most 40 characters)",
            hint="rename the machine at its provider, then import it",
        )
    if given.state.node(spec.name, name) is not None:
        raise Refused(f"cluster {spec.name} has a node {name}", hint="rename the machine at its provider")


def _next_ordinal(given: PlanningInput, spec: ClusterSpec, name: str) -> int:
    """One that was never used, or that of an import of the same machine that was cut off before its tags."""
    listed = given.observed.provider_nodes
    if isinstance(listed, NotObserved):
        raise NotObservedError(f"machines not observed ({listed.reason})", hint="run it again")
    intents = [i for i in given.state.intents if i.cluster == spec.name and i.kind == "node"]
    for intent in intents:
        if intent.name == name:
            return intent.ordinal
    home = given.state.cluster(spec.name)
    used = [*(m.ordinal for m in listed), *(i.ordinal for i in intents)]
    used += [node.ordinal for node in given.state.nodes_of(spec.name)]
    return max(home.next_ordinal if home else 1, 1 + max(used, default=0))
