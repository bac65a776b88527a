"""What is asked of a vendor of names when a cluster is looked at, and what becomes of its answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
import pytest

from dynia.interfaces.desired import CloudflareDns, ClusterSpec, EnvSource, NoDns, Rfc2136Dns, ZoneDns
from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.interfaces.observed import DnsRecord, NotObserved
from dynia.providers.protocols import DnsMark
from dynia.services.gather import _list_records
from dynia.state.model import Cluster, Dns, State
from tests.plans import worlds

FILE = Rfc2136Dns(zone="example.com", server="ns.example.com", key="k", secret=EnvSource(env="K"))
FOUND = DnsRecord(record_id="1", name="api.example.com", type="A", value="198.18.7.5", ours=True)
replace = msgspec.structs.replace


class Vendor:
    """Answers, or says no, or nothing."""

    def __init__(self, error: DyniaError | None = None, zones: tuple[str, ...] = ()) -> None:
        self.error, self.seen = error, zones
        self.asked: list[tuple[str, DnsMark]] = []

    async def zones(self) -> tuple[str, ...]:
        if self.error is not None:
            raise self.error
        return self.seen

    async def list_records(self, zone: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        if self.error is not None:
            raise self.error
        self.asked.append((zone, mark))
        return (FOUND,)


class Doors:
    def __init__(self, vendor: Vendor | DyniaError) -> None:
        self.vendor = vendor
        self.settings: list[ZoneDns] = []

    async def dns(self, dns: ZoneDns) -> Vendor:
        self.settings.append(dns)
        if isinstance(self.vendor, DyniaError):
            raise self.vendor
        return self.vendor


@dataclass
class Store:
    state: State


@dataclass
class Run:
    """As much of a session as names need."""

    spec: ClusterSpec | None
    vendors: Doors
    store: Store
    cluster: str = "prod"
    leave_names: bool = False
    rollback: None = None


def look(
    spec: ClusterSpec | None, vendor: Vendor | DyniaError, known: Dns | None = None
) -> tuple[tuple[DnsRecord, ...] | NotObserved, tuple[str, ...], list[ZoneDns]]:
    home = Cluster(name="prod", provider="docker", dns=known)
    doors = Doors(vendor)
    run = Run(spec, doors, Store(State(lineage="l" * 32, clusters=(home,))))
    records, zones = asyncio.run(_list_records(run))  # type: ignore[arg-type]
    return records, zones, doors.settings


def test_the_zone_of_the_file_is_asked_with_the_mark_of_this_cluster() -> None:
    vendor = Vendor()
    assert look(worlds.cluster(dns=FILE), vendor)[0] == (FOUND,)
    assert vendor.asked == [("example.com", DnsMark(lineage="l" * 32, cluster="prod"))]


def test_without_dns_nobody_is_asked() -> None:
    assert look(worlds.cluster(dns=NoDns()), DyniaError("never asked")) == ((), (), [])


def test_where_the_file_names_no_zone_the_longest_is_asked() -> None:
    vendor = Vendor(zones=("com", "example.com", "example.org"))
    records, zones, _ = look(worlds.cluster(dns=CloudflareDns()), vendor)
    assert (records, zones) == ((FOUND,), vendor.seen)
    assert [zone for zone, _ in vendor.asked] == ["example.com"]


def test_where_no_zone_fits_no_records_are_asked_for() -> None:
    vendor = Vendor(zones=("example.org",))
    assert look(worlds.cluster(dns=CloudflareDns()), vendor)[:2] == ((), ("example.org",))
    assert vendor.asked == []


@pytest.mark.parametrize("spec", [None, worlds.cluster(dns=NoDns())])
def test_what_the_state_remembers_is_asked_where_no_file_says_it(spec: ClusterSpec | None) -> None:
    known = Dns(
        kind="rfc2136", zone="example.net", server="ns.example.net", key="k", algorithm="hmac-sha256",
        secret_env="OLD_KEY",
    )  # fmt: skip
    vendor = Vendor()
    _, _, settings = look(spec, vendor, known)
    assert [zone for zone, _ in vendor.asked] == ["example.net"]
    assert settings == [
        Rfc2136Dns(zone="example.net", server="ns.example.net", key="k", secret=EnvSource(env="OLD_KEY"))
    ]


def test_silence_is_not_a_refusal() -> None:
    silent = look(worlds.cluster(dns=FILE), Vendor(NotObservedError("no answer", hint="look")))[0]
    assert silent == NotObserved(reason="no answer")


@pytest.mark.parametrize("vendor", [DyniaError("K is not set", hint="set it"), None])
def test_a_refusal_is_kept_with_what_to_do(vendor: DyniaError | None) -> None:
    said = vendor or Vendor(DyniaError("K is not set", hint="set it"))
    found = look(worlds.cluster(dns=FILE), said)[0]
    assert found == NotObserved(reason="K is not set", refused="set it")
