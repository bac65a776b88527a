"""The doors to machines, addresses and names: a vendor's API as the engine's protocols see it."""

from __future__ import annotations

import msgspec

from dynia.interfaces.errors import DyniaError, NotObservedError, Refused, Stale
from dynia.interfaces.observed import DnsRecord, Offer, ProviderAddress, ProviderNode
from dynia.providers.protocols import DnsMark, DnsWish, NodeOrder
from tests.simulation.awaken import MAIN
from tests.simulation.loop import Process
from tests.simulation.machine import Node
from tests.simulation.scripts import Script
from tests.simulation.wire import Wire, broken
from tests.simulation.world import Address, Machine, World

replace = msgspec.structs.replace
ADDRESS = "198.18.7.5"


class Provider:
    """Machines and reserved IPs. A create looks for its tag first, as every provider must."""

    def __init__(self, wire: Wire) -> None:
        self.wire, self.world, self.who = wire, wire.world, wire.process.name

    async def list_nodes(self, lineage: str, cluster: str) -> tuple[ProviderNode, ...]:
        return await self.wire.call("list machines", lambda: self.tagged(lineage, cluster))

    async def lineages(self, cluster: str) -> tuple[str, ...]:
        def told() -> tuple[str, ...]:
            return tuple(sorted({m.lineage for m in self.world.machines.values() if m.cluster == cluster}))

        return await self.wire.call("lineages", told)

    async def offer(self, lineage: str, cluster: str, *, size: str, image: str, region: str) -> Offer:
        return Offer()

    async def create_node(self, order: NodeOrder) -> ProviderNode:
        there = await self.wire.call("find by tag", lambda: self.tagged(order.lineage, order.cluster))
        mine = sorted((m for m in there if m.ordinal == order.ordinal), key=lambda m: m.provider_id)
        if mine:
            self.world.note(self.who, "adopted", mine[0].provider_id)
            return await self.start_node(mine[0].provider_id)
        made = await self.wire.call(f"create {order.ordinal}", lambda: self._make(order))
        return self._told(made)

    async def start_node(self, provider_id: str) -> ProviderNode:
        def start() -> Machine:
            node = self._node(provider_id)
            self.world.note(self.who, "start", provider_id)
            if not node.on:
                boot(self.world, node)
            return self.world.machines[provider_id]

        return self._told(await self.wire.call("start", start, where=provider_id))

    async def delete_node(self, provider_id: str) -> None:
        await self.wire.call("delete", lambda: self.gone(provider_id), where=provider_id)

    async def list_reserved_ips(self, lineage: str, cluster: str) -> tuple[ProviderAddress, ...]:
        def listed() -> tuple[ProviderAddress, ...]:
            found = [a for a in self.world.addresses.values() if (a.lineage, a.cluster) == (lineage, cluster)]
            return tuple(
                ProviderAddress(provider_id=a.provider_id, address=a.address, owner=a.owner)
                for a in sorted(found, key=lambda a: a.provider_id)
            )

        told = await self.wire.call("list addresses", listed)
        owners = (node.name for a in told if (node := self.world.node_of(a.owner)))
        self.world.note(self.who, "told owner", next(owners, ""))
        return told

    async def allocate_reserved_ip(self, lineage: str, cluster: str) -> ProviderAddress:
        for known in await self.list_reserved_ips(lineage, cluster):
            return known

        def make() -> ProviderAddress:
            world = self.world
            world.made += 1
            made = Address(f"address-{world.made}", f"198.18.7.{200 + world.made % 50}", lineage, cluster)
            world.addresses[made.provider_id] = made
            world.note(self.who, "made", made.provider_id)
            return ProviderAddress(provider_id=made.provider_id, address=made.address)

        return await self.wire.call("allocate", make)

    async def release_reserved_ip(self, provider_id: str) -> None:
        def release() -> None:
            gone = self.world.addresses.pop(provider_id, None)
            if gone is not None:
                holds = (n.name for n in self.world.nodes.values() if n.on and n.holds == gone.address)
                self.world.note(self.who, "released", provider_id, " ".join(holds))

        await self.wire.call("release", release, where=provider_id)

    async def attach_reserved_ip(self, provider_id: str, node_provider_id: str) -> None:
        def attach() -> None:
            self._address(provider_id).owner = node_provider_id
            self.world.note(self.who, "attached", provider_id, node_provider_id)

        await self.wire.call("attach", attach, where=provider_id)

    async def detach_reserved_ip(self, provider_id: str) -> None:
        def detach() -> None:
            self._address(provider_id).owner = ""
            self.world.note(self.who, "detached", provider_id)

        await self.wire.call("detach", detach, where=provider_id)

    def tagged(self, lineage: str, cluster: str) -> tuple[ProviderNode, ...]:
        found = [m for m in self.world.listed() if (m.lineage, m.cluster) == (lineage, cluster)]
        return tuple(self._told(m) for m in sorted(found, key=lambda m: (m.ordinal, m.provider_id)))

    def gone(self, provider_id: str) -> None:
        machine = self.world.machines.pop(provider_id, None)
        if machine is None:
            return
        self.world.note(self.who, "deleted", provider_id, machine.lineage)
        node = self.world.nodes.pop(provider_id, None)
        if node is not None:
            node.process.dead = True
            self.world.gone(node, self.who)
            broken(self.world, node)
        for address in self.world.addresses.values():
            if address.owner == provider_id:
                address.owner = ""

    def _make(self, order: NodeOrder) -> Machine:
        world = self.world
        world.made += 1
        number = world.made
        made = Machine(
            provider_id=f"box-{number}",
            name=order.name,
            ordinal=order.ordinal,
            lineage=order.lineage,
            cluster=order.cluster,
            address=f"198.18.7.{10 + number}" if number < 180 else f"198.18.8.{number % 250}",
            host_key=order.host_public_key,
            born=world.now,
        )
        world.machines[made.provider_id] = made
        world.nodes[made.provider_id] = Node(
            made.name, made.ordinal, made.provider_id, made.address, made.host_key
        )
        world.note(self.who, "made", made.provider_id, f"ordinal {made.ordinal}")
        return made

    def _told(self, machine: Machine) -> ProviderNode:
        node = self.world.nodes.get(machine.provider_id)
        return ProviderNode(
            provider_id=machine.provider_id,
            name=machine.name,
            ordinal=machine.ordinal,
            status="running" if node is None or node.on else "off",
            public_ip=machine.address,
            private_ip=machine.address,
            host_key=machine.host_key,
        )

    def _node(self, provider_id: str) -> Node:
        found = self.world.nodes.get(provider_id)
        if found is None:
            raise DyniaError(f"machine {provider_id} is not there")
        return found

    def _address(self, provider_id: str) -> Address:
        found = self.world.addresses.get(provider_id)
        if found is None:
            raise DyniaError(f"address {provider_id} is not there")
        return found


def boot(world: World, node: Node) -> None:
    """What is enabled comes back; what says so restarts."""
    node.process = Process(node.name)
    node.on, node.boots, node.locked_by = True, node.boots + 1, ""
    for unit in node.units.values():
        unit.active = "active" if unit.enabled == "enabled" else "inactive"
    for kind, path in MAIN.items():
        if kind in node.loaded:
            node.loaded[kind] = node.files[path].content if path in node.files else b""
    for container in node.containers:
        if container.keeps:
            container.state = "running"
    read = node.loaded.get("caddy", b"\n")
    for caddy in node.project("dynia-caddy"):
        # Half a file is a mistake, which Caddy ends with; an empty one, or none, leads nowhere.
        caddy.state = "running" if not read or read.endswith(b"\n") else "restarting"
    node.vrrp = "BACKUP" if node.running("keepalived.service") else ""
    node.holds = ""
    if node.firewall:
        node.firewall = "loaded" if node.running("dynia-firewall.service") else "gone"
    world.note("world", "booted", node.name)
    world.noticed(node, "world")
    for component in [name for name, kept in node.transactions.items() if kept.armed]:
        world.loop.begin(node.process, Script(world, node, node.name, component).back())


class Dns:
    """A vendor of names with one zone."""

    def __init__(self, wire: Wire) -> None:
        self.wire, self.world, self.who = wire, wire.world, wire.process.name

    async def zones(self) -> tuple[str, ...]:
        return await self.wire.call("list zones", lambda: ("example.com",))

    async def list_records(self, zone: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        return await self.wire.call("list records", self._all)

    async def look_up(self, zone: str, name: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        return await self.wire.call(
            f"look up {name}", lambda: tuple(r for r in self._all() if r.name == name)
        )

    async def create_record(self, zone: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        def make() -> DnsRecord:
            there = [r for r in self._all() if r.name == wish.name]
            same = next((r for r in there if r.ours and _equal(r, wish)), None)
            if same is not None:
                return same
            if there:
                raise Refused(f"{wish.name} is taken")
            names = self.world.names
            names.made += 1
            return self._put(f"record-{names.made}", wish)

        return await self.wire.call(f"bind {wish.name}", make)

    async def adopt_record(self, zone: str, record_id: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        def change() -> DnsRecord:
            if record_id not in self.world.names.records:
                raise Stale(f"{wish.name}: the record is gone")
            return self._put(record_id, wish)

        return await self.wire.call(f"change {wish.name}", change)

    async def delete_record(self, zone: str, record_id: str, mark: DnsMark) -> None:
        def drop() -> None:
            there = self.world.names.records.get(record_id)
            if there is None:
                return
            if not there.ours:
                raise Refused(f"{there.name} does not carry our mark")
            del self.world.names.records[record_id]
            self.world.note(self.who, "unbound", there.name, record_id)

        await self.wire.call(f"unbind {record_id}", drop)

    async def put_text(self, zone: str, name: str, text: str) -> None:
        raise NotObservedError("no certificate is asked for here")

    async def drop_text(self, zone: str, name: str, text: str) -> None:
        raise NotObservedError("no certificate is asked for here")

    def _all(self) -> tuple[DnsRecord, ...]:
        records = self.world.names.records
        return tuple(records[key] for key in sorted(records))

    def _put(self, record_id: str, wish: DnsWish) -> DnsRecord:
        was = self.world.names.records.get(record_id)
        made = DnsRecord(
            record_id=record_id,
            name=wish.name,
            type=wish.type,
            value=wish.value,
            ours=True,
            proxied=wish.proxied,
        )
        self.world.names.records[record_id] = made
        theirs = "theirs" if was is not None and not was.ours else ""
        self.world.note(self.who, "bound", wish.name, theirs)
        return made


def _equal(record: DnsRecord, wish: DnsWish) -> bool:
    return (record.type, record.value, record.proxied) == (wish.type, wish.value, wish.proxied)
