"""Ask machines what they know of a cluster whose state is lost: found by tags or in the file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import BadInput, DyniaError, Refused
from dynia.interfaces.node_requests import ExecRequest, Executed
from dynia.interfaces.observed import ProviderAddress, ProviderNode
from dynia.providers.protocols import NodeProvider
from dynia.services.found_machine import as_node
from dynia.services.session import Vendors
from dynia.state.checks import LINEAGE
from dynia.state.manifest import PATH, read_manifest
from dynia.state.model import Node
from dynia.state.rebuilt import Heard, Rebuilt, choose_lineage, rebuild

LINEAGE_PATH = "/opt/dynia/lineage"
FENCING_PATH = "/var/lib/dynia/fencing"
READ_S = 30.0
FAN_OUT = 32


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look. `lineage` empty: whatever there is only one of."""

    spec: ClusterSpec
    vendors: Vendors
    lineage: str = ""

    @property
    def provider(self) -> str:
        return str(type(self.spec.provider).__struct_config__.tag)


@dataclass(frozen=True, slots=True)
class Found:
    """What was heard, and the state that follows from it."""

    heard: tuple[Heard, ...]
    rebuilt: Rebuilt


async def find(search: Search) -> Found:
    """Look at provider and machines; nothing is changed anywhere, and nobody is trusted on first use."""
    cluster, provider = search.spec.name, await search.vendors.nodes()
    tagged = await provider.lineages(cluster)
    if len(tagged) > 1 and not search.lineage:
        choose_lineage(cluster, (), tagged, "")
    asked = search.lineage or next(iter(tagged), "")
    machines = await provider.list_nodes(asked, cluster)
    heard = await _ask(search, [m for m in machines if m.host_key], {})
    lineage = choose_lineage(cluster, heard, tagged, search.lineage)
    first = rebuild(cluster, search.provider, lineage, heard)
    # Machines whose key the provider does not tell: the others know it.
    vouched = {n.provider_id: n for n in first.state.nodes_of(cluster) if n.host_key}
    keyless = [m for m in machines if not m.host_key]
    _refuse_unknown(cluster, [m for m in keyless if m.provider_id not in vouched])
    heard = (*heard, *await _ask(search, keyless, vouched))
    lineage = choose_lineage(cluster, heard, tagged, search.lineage)
    addresses = await _addresses(provider, lineage, cluster)
    return Found(heard=heard, rebuilt=rebuild(cluster, search.provider, lineage, heard, addresses))


def _refuse_unknown(cluster: str, machines: list[ProviderNode]) -> None:
    if machines:
        names = ", ".join(f"{m.name} ({m.public_ip})" for m in machines)
        raise Refused(
            f"cluster {cluster}: nobody vouches for the host key of {names}",
            hint="give `host_key` (a line of /etc/ssh/ssh_host_*_key.pub on the host) or `known_hosts` in "
            "clusters.yaml; nothing is trusted on first use",
        )


async def _addresses(provider: NodeProvider, lineage: str, cluster: str) -> tuple[ProviderAddress, ...]:
    return await provider.list_reserved_ips(lineage, cluster)


async def _ask(
    search: Search, machines: Iterable[ProviderNode], vouched: Mapping[str, Node]
) -> tuple[Heard, ...]:
    slots = asyncio.Semaphore(FAN_OUT)

    async def one(machine: ProviderNode) -> Heard:
        if machine.status != "running":
            return Heard(machine=machine, silence=f"{machine.status} at the provider")
        async with slots:
            return await hear(search, machine, vouched.get(machine.provider_id))

    return tuple(await asyncio.gather(*(one(machine) for machine in machines)))


async def hear(search: Search, machine: ProviderNode, known: Node | None) -> Heard:
    """What a machine says of itself. Nobody is trusted on first use: its host key is told, or `known`."""
    try:
        connection = await search.vendors.connect(as_node(search.spec, machine, known))
        try:
            async with asyncio.timeout(READ_S):
                lineage = await connection.exec(ExecRequest(argv=("cat", LINEAGE_PATH), deadline_s=10))
                told = await connection.exec(ExecRequest(argv=("cat", PATH), deadline_s=10))
                fence = await connection.exec(ExecRequest(argv=("cat", FENCING_PATH), deadline_s=10))
        finally:
            await connection.close()
    except TimeoutError:
        return Heard(machine=machine, silence=f"no answer within {READ_S:g} s")
    except DyniaError as error:
        return Heard(machine=machine, silence=error.message)
    says = lineage.stdout[:64].decode(errors="replace").strip() if lineage.exit_code == 0 else ""
    says = says if LINEAGE.fullmatch(says) else ""
    heard = Heard(machine=machine, lineage=says, fencing=_number(search.spec.name, fence))
    if told.exit_code != 0:
        return heard
    try:
        manifest = read_manifest(f"{machine.name}:{PATH}", told.stdout)
    except BadInput as error:
        return msgspec.structs.replace(heard, flaw=f"{PATH}: {error.mistakes[0].message}")
    except DyniaError as error:
        return msgspec.structs.replace(heard, flaw=error.message)
    return msgspec.structs.replace(heard, manifest=manifest)


def _number(cluster: str, told: Executed) -> int:
    """The highest number of a lease that a node has seen: "cluster number"."""
    said = told.stdout[:100].decode(errors="replace").split() if told.exit_code == 0 else []
    fine = len(said) == 2 and said[0] == cluster and said[1].isdecimal() and len(said[1]) < 16
    return int(said[1]) if fine else 0
