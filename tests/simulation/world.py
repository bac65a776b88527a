"""A world in memory: clock, chance, record, machines, names. What happens in it is told to its record at once."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from dynia.interfaces.observed import DnsRecord
from tests.simulation.loop import Process, WorldLoop
from tests.simulation.machine import ROOT, Node
from tests.simulation.record import Record

CLUSTER = "prod"
FOREIGN_RECORD = DnsRecord(record_id="theirs", name="mail.example.com", type="A", value="203.0.113.7")
# Every service that a story may name, and whether visitors come to it.
SERVICES = {"api": True, "web": True, "mailer": False}


@dataclass(slots=True)
class Machine:
    """As its provider knows it. Whose it is, is told by its tag: lineage and cluster."""

    provider_id: str
    name: str
    ordinal: int
    lineage: str
    cluster: str
    address: str
    host_key: str
    born: float = 0.0
    gone: float = 0.0


@dataclass(slots=True)
class Address:
    provider_id: str
    address: str
    lineage: str
    cluster: str
    owner: str = ""


@dataclass(slots=True)
class Odds:
    """How often a call meets a fault of the network. Zero once a world settles."""

    lost_before: float = 0.0
    lost_after: float = 0.0
    late: float = 0.0
    slow: float = 0.0
    fails: float = 0.0
    old_list: float = 0.0
    hasty: float = 0.0
    shuts: float = 0.0

    def none(self) -> None:
        self.hasty = self.shuts = 0.0
        self.lost_before = self.lost_after = self.late = self.slow = self.fails = self.old_list = 0.0


@dataclass(slots=True)
class Names:
    """One zone at a vendor of DNS."""

    records: dict[str, DnsRecord] = field(default_factory=lambda: {"theirs": FOREIGN_RECORD})
    made: int = 0


class World:
    """`odds` are the network's faults, `fired` counts what happened, by kind."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.loop = WorldLoop()
        self.record = Record()
        self.story = random.Random(f"{seed}/story")
        self.pace = random.Random(f"{seed}/pace")
        self.fate = random.Random(f"{seed}/fate")
        self.shuts = random.Random(f"{seed}/shuts")
        self.odds = Odds()
        self.fired: Counter[str] = Counter()
        self.machines: dict[str, Machine] = {}
        self.nodes: dict[str, Node] = {}
        self.addresses: dict[str, Address] = {}
        self.names = Names()
        self.made = 0
        self.serving: dict[str, set[str]] = {service: set() for service in SERVICES}
        self.edits: dict[tuple[str, str], float] = {}
        self.holder = ""
        self.lessees: list[Process] = []
        self._electing = False
        self._listed: tuple[float, dict[str, Machine]] | None = None

    @property
    def now(self) -> float:
        return self.loop.now

    def note(self, who: str, what: str, where: str = "", detail: str = "", number: float = 0.0) -> None:
        self.record.add(self.now, who, what, where, detail, number)

    def fault(self, kind: str, where: str = "") -> None:
        self.fired[kind] += 1
        self.note("fault", kind, where)

    def leased(self, process: Process, name: str) -> None:
        """A run has a lease. Of another that has one still, and is not dead, it was taken over."""
        self.note(process.name, "lock", name)
        if any(one is not process and not one.dead for one in self.lessees):
            self.fired["lease taken over"] += 1
        if process not in self.lessees:
            self.lessees.append(process)

    def chance(self, odds: float) -> bool:
        return odds > 0 and self.fate.random() < odds

    # machines

    def foreign_machine(self, ordinal: int) -> None:
        """Somebody else's, with the same number in its tag."""
        self.machines["theirs"] = Machine("theirs", "theirs", ordinal, "other", CLUSTER, "198.18.9.1", "-")
        self.addresses["theirs"] = Address("theirs", "198.18.9.9", "other", CLUSTER, owner="theirs")

    def node_of(self, provider_id: str) -> Node | None:
        return self.nodes.get(provider_id)

    def at(self, address: str) -> Node | None:
        return next((n for n in self.nodes.values() if n.address == address), None)

    def holder_of(self, address: str) -> Node | None:
        """Who gets a packet for it: by the cloud's word or a kernel's."""
        owners = {a.owner for a in self.addresses.values() if a.address == address}
        there = (n for n in self.nodes.values() if n.on and not n.cut)
        return next((n for n in there if n.holds == address or n.provider_id in owners), None)

    def ours(self) -> list[Machine]:
        return [m for m in self.machines.values() if m.lineage != "other"]

    def listed(self) -> list[Machine]:
        """What the provider tells: now and then a list of some seconds ago."""
        now = dict(self.machines)
        if self._listed is not None and self.chance(self.odds.old_list):
            then, old = self._listed
            if self.now - then < 20.0 and set(old) != set(now):
                self.fault("old list")
                return list(old.values())
        if self._listed is None or set(self._listed[1]) != set(now):
            self._listed = (self.now, now)
        return list(now.values())

    # what follows from a change

    def noticed(self, node: Node, who: str) -> None:
        """Something changed on a node: who serves now, and who holds the address."""
        # A create that landed late may have made a second machine of the same name.
        named = [n for n in self.nodes.values() if n.name == node.name]
        for service, http in SERVICES.items():
            serves = any(n.takes(service, self.now, http=http) for n in named)
            there = node.name in self.serving[service]
            if serves and not there:
                self.serving[service].add(node.name)
                self.note(who, "in", node.name, service)
            elif there and not serves:
                self.serving[service].discard(node.name)
                # Taken from visitors while they came there, or when none came or could be sent elsewhere.
                drained = not http or not node.on or node.away(service, self.now)
                nobody = drained or self._alone(node, service) or self.apart(node, service)
                self.note(who, "out", node.name, service, 0.0 if nobody else 1.0)
        if not self._electing:
            self._electing = True
            self.loop.later(0.4, self._elect)

    def known(self, watcher: Node, service: str) -> list[Node]:
        """The nodes that a HAProxy sends a service to, by the file that it read."""
        addresses, mine = set(), False
        for line in watcher.loaded.get("haproxy", b"").decode(errors="replace").splitlines():
            if not line.startswith("  "):
                mine = line.split()[:1] == [service]
            elif mine:
                addresses.update(line.split()[1:])
        return [n for n in self.nodes.values() if n.address in addresses]

    def apart(self, node: Node, service: str) -> bool:
        """Every HAProxy that knows the service sends it to others: this node is kept out."""
        known = [self.known(watcher, service) for watcher in self.nodes.values() if watcher.on]
        return any(known) and not any(node in named for named in known)

    def _alone(self, node: Node, service: str) -> bool:
        """Some HAProxy sends to this node, and knows nobody else who takes the service: a node that just came, say."""
        known = [self.known(watcher, service) for watcher in self.nodes.values() if watcher.on]
        return any(
            node in named and not any(n is not node and n.takes(service, self.now, http=True) for n in named)
            for named in known
        )

    def gone(self, node: Node, who: str) -> None:
        node.on = False
        node.vrrp, node.holds = "", ""
        self.noticed(node, who)

    def _elect(self) -> None:
        """keepalived: one master among those that hear each other. Nobody preempts."""
        self._electing = False
        speakers = sorted(
            (n for n in self.nodes.values() if n.running("keepalived.service") and n.vrrp and not n.cut),
            key=lambda n: n.ordinal,
        )
        masters = [n for n in speakers if n.vrrp == "MASTER"]
        first = (masters or speakers)[:1]
        for node in speakers:
            node.vrrp = "MASTER" if node in first else "BACKUP"
            words = node.loaded.get("keepalived", b"").decode().split()
            claimed = node.running("dynia-failover.service")
            node.holds = words[3] if node in first and not claimed and len(words) > 3 else ""
            if node in first and claimed and f"{ROOT}/failover/token.conf" in node.files:
                for address in self.addresses.values():
                    if address.lineage == node.lineage():
                        address.owner = node.provider_id
        holder = first[0].name if first else ""
        if holder != self.holder:
            self.holder = holder
            self.note("world", "holder", holder)
