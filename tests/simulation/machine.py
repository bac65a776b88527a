"""A node as it is: its disk, what runs on it, its lock. The same facts as a real one's, and nothing of the engine."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dynia.interfaces.node_requests import WHOLE_NODE, Fence
from tests.simulation.loop import Process

ROOT = "/opt/dynia"
VAR = "/var/lib/dynia"
LINEAGE_FILE = f"{ROOT}/lineage"
OWNER = "root:root"
KEY = b"the node's key"


class File:
    __slots__ = ("_sum", "content", "mode", "owner")

    def __init__(self, content: bytes, mode: int = 0o644, owner: str = OWNER) -> None:
        self.content, self.mode, self.owner = content, mode, owner
        self._sum = ""

    @property
    def digest(self) -> str:
        if not self._sum:
            self._sum = "sha256:" + hashlib.sha256(self.content).hexdigest()
        return self._sum

    @property
    def keyed(self) -> str:
        return keyed(self.content)

    @property
    def look(self) -> tuple[bytes, int, str]:
        return self.content, self.mode, self.owner


def keyed(content: bytes) -> str:
    return "hmac:" + hashlib.sha256(KEY + content).hexdigest()


@dataclass(slots=True)
class Container:
    project: str
    service: str
    config: str
    image: str = ""
    state: str = "running"
    health: str = "none"
    exit_code: int = 0
    restarts: int = 0
    keeps: bool = True
    networks: set[str] = field(default_factory=set)

    @property
    def well(self) -> bool:
        if self.state == "running":
            return self.health != "unhealthy"
        return self.state == "exited" and self.exit_code == 0 and not self.keeps


@dataclass(frozen=True, slots=True)
class Kept:
    """What a transaction found at a path (a file, all that was in a folder, or nothing), and what it puts there.
    `theirs`: containers write there."""

    path: str
    there: dict[str, File]
    put: File | None
    theirs: bool = False


@dataclass(slots=True)
class Transaction:
    """What a push or removal that is not committed may have touched, in that order. `armed`: it waits for a word,
    until then and in that boot, else it is put back."""

    kept: list[Kept] = field(default_factory=list)
    anything: bool = False
    activate: str = ""
    activating: bool = False
    armed: bool = False
    until: float = 0.0
    boot: int = 0


@dataclass(slots=True)
class Unit:
    active: str = "active"
    enabled: str = "enabled"


class Node:
    """One machine from the inside. `loaded` is what each program read when it was last brought to life."""

    def __init__(self, name: str, ordinal: int, provider_id: str, address: str, host_key: str) -> None:
        self.name, self.ordinal, self.provider_id = name, ordinal, provider_id
        self.address, self.host_key = address, host_key
        self.on = True
        self.cut = False
        self.boots = 1
        self.files: dict[str, File] = {"/etc/theirs.conf": File(b"somebody else's\n")}
        self.unsynced: dict[str, File | None] = {}
        self.packages: set[str] = set()
        self.units: dict[str, Unit] = {"theirs.service": Unit()}
        self.containers: list[Container] = [Container("theirs", "db", "", keeps=True)]
        self.images: dict[str, tuple[str, str]] = {}
        self.networks: set[str] = set()
        self.loaded: dict[str, bytes] = {}
        self.vrrp = ""
        self.holds: str = ""
        self.firewall = ""
        self.transactions: dict[str, Transaction] = {}
        # Components that run what lets nobody new in.
        self.shut: set[str] = set()
        self.fencing = ("", 0)
        self.home = True  # its working folder, where that number lies
        self.locked_by = ""
        # Services that HAProxies send nothing new to, until when; and until when something is at work there.
        self.flags: dict[str, float] = {}
        self.at_work: dict[str, float] = {}
        self.process = Process(name)
        self.waiting: list[asyncio.Future[Any]] = []

    # what runs

    def project(self, name: str) -> list[Container]:
        return [c for c in self.containers if c.project == name]

    def down(self, project: str) -> None:
        self.containers = [c for c in self.containers if c.project != project]

    def running(self, unit: str) -> bool:
        found = self.units.get(unit)
        return self.on and found is not None and found.active == "active"

    def serves(self, service: str, *, http: bool) -> bool:
        """As a visitor would find: the containers run, and Caddy leads to the very one that is routed."""
        mine = self.project(f"dynia-{service}")
        if not self.on or self.cut or not mine or not all(c.well for c in mine):
            return False
        if not http:
            return True
        caddy = self.project("dynia-caddy")
        if not caddy or not all(c.well for c in caddy):
            return False
        routed = {c.config for c in mine if f"edge-{service}" in c.networks}
        if f"edge-{service}" not in caddy[0].networks:
            return False
        for line in self.loaded.get("caddy", b"").decode(errors="replace").splitlines():
            words = line.split()
            if len(words) > 2 and words[0] == service and words[-1] in routed:
                return True
        return False

    def takes(self, service: str, now: float, *, http: bool) -> bool:
        """It serves, and no flag keeps visitors away."""
        return self.serves(service, http=http) and not (http and self.away(service, now))

    def away(self, service: str, now: float) -> bool:
        """A flag keeps visitors from it, its own or that of the whole node."""
        return max(self.flags.get(service, 0.0), self.flags.get(WHOLE_NODE, 0.0)) > now

    def misled(self, services: Mapping[str, bool]) -> bool:
        """Whether containers of some service run beside a Caddy that does not lead to them."""
        ours = {c.project.removeprefix("dynia-") for c in self.containers if c.well}
        http = (name for name, routed in services.items() if routed and name in ours)
        return any(not self.serves(name, http=True) for name in http)

    # its disk

    def put(self, path: str, file: File) -> None:
        self.unsynced.setdefault(path, self.files.get(path))
        self.files[path] = file

    def drop(self, path: str) -> list[str]:
        """A file, or a folder with all that is in it; what went."""
        gone = [p for p in self.files if p == path or p.startswith(path + "/")]
        for one in gone:
            self.unsynced.setdefault(one, self.files[one])
            del self.files[one]
        return gone

    def below(self, path: str) -> Iterable[str]:
        return [p for p in self.files if p == path or p.startswith(path + "/")]

    def fenced(self, fence: Fence | None) -> int:
        """The higher number of a lease that this node has seen; 0: there is none, and this one is kept."""
        if fence is None or not self.home or self.lineage() != fence.lineage:
            return 0
        cluster, seen = self.fencing
        if cluster == fence.cluster and seen > fence.number:
            return seen
        self.fencing = (fence.cluster, fence.number)
        return 0

    def lineage(self) -> str:
        found = self.files.get(LINEAGE_FILE)
        return found.content.decode(errors="replace").strip() if found else ""
