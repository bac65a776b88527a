"""`dynia import`: a machine or an address that exists becomes the cluster's; what is refused, and what a kill leaves.

The engine is the real one over a world in memory, in which somebody has machines and addresses of his own.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from dynia.interfaces.desired import ApiEntry, ClusterSpec, DockerProvider, SshProvider
from dynia.interfaces.errors import DyniaError, NotObservedError, Refused
from dynia.interfaces.node_requests import ExecRequest, Executed
from dynia.interfaces.observed import NodeFacts, ProviderAddress, ProviderNode
from dynia.providers.protocols import AdoptableAddress, AdoptableNode
from dynia.services.importing import Candidate, import_address, import_node
from dynia.services.rebuild import LINEAGE_PATH
from dynia.services.reconcile import Reconciler
from dynia.state.disk import Disk
from dynia.state.model import ReservedIp
from tests.fakes.cloud import Cloud, Doors, Engine, applied, fresh_disk
from tests.fakes.disk import FakeDisk
from tests.fakes.time_that_jumps import run
from tests.plans import worlds

replace = msgspec.structs.replace
TWO = worlds.cluster(2)
THREE = worlds.cluster(3)
MORE = worlds.cluster(4)
API = replace(TWO, entry=ApiEntry())
KEY = "ssh-ed25519 AAAAtheirs"
THEIRS = ProviderNode(
    provider_id="box-old", name="web-old", ordinal=0, status="running", public_ip="198.18.7.99", private_ip="198.18.8.99"
)  # fmt: skip


class Died(BaseException):
    pass


class Stranger:
    """A connection to a machine that is no node yet."""

    def __init__(self, lineage: str) -> None:
        self._lineage = lineage

    async def exec(self, request: ExecRequest) -> Executed:
        told = self._lineage.encode() if request.argv == ("cat", LINEAGE_PATH) else b""
        return Executed(exit_code=0 if told else 1, stdout=told, stderr=b"")

    async def close(self) -> None:
        return None


class Account(Doors):
    """Doors of a vendor that can adopt. `theirs` are not marked; `lineage` is what the machine itself says."""

    lineage = ""
    theirs = THEIRS
    silent = False

    async def find_node(self, lineage: str, cluster: str, said: str) -> AdoptableNode:
        found = [m for m in (self.theirs, *self.cloud.machines.values()) if said in (m.name, m.provider_id)]
        return AdoptableNode(node=found[-1], notes=("its size is another one",))

    async def adopt_node(
        self, lineage: str, cluster: str, provider_id: str, ordinal: int, host_key: str
    ) -> ProviderNode:
        await self._before("adopt")
        marked = replace(self.theirs, ordinal=ordinal, host_key=host_key)
        self.cloud.machines[ordinal] = marked
        self.cloud.nodes.setdefault(
            ordinal, NodeFacts(hostname="web-old", boot_id="boot-1", os="Debian 13", arch="x86_64")
        )
        self.cloud.deeds.append(f"adopt {ordinal}")
        self.cloud.tick("adopted")
        return marked

    async def find_address(self, lineage: str, cluster: str, said: str) -> AdoptableAddress:
        return AdoptableAddress(address=ProviderAddress(provider_id="address-1", address=said))

    async def adopt_address(self, lineage: str, cluster: str, address: str) -> ProviderAddress:
        await self._before("adopt address")
        self.cloud.address = True
        self.cloud.tick("adopted address")
        return ProviderAddress(provider_id="address-1", address=address)

    async def connect(self, node: Any) -> Any:
        if node.ordinal in self.cloud.machines:
            return await super().connect(node)
        assert node.host_key == KEY, "nobody is trusted on first use"
        if self.silent:
            raise NotObservedError("no answer")
        return Stranger(self.lineage)


class Importer(Engine):
    def __init__(self, cloud: Cloud, disk: Disk, spec: ClusterSpec, kind: type[Account] = Account) -> None:
        super().__init__(cloud, disk, spec)
        self.asked: list[Candidate] = []
        self.no = False
        self.run = Reconciler(dataclasses.replace(self.run.session, vendors=kind(cloud, self._wanted)))

    async def approve(self, one: Candidate) -> None:
        self.asked.append(one)
        if self.no:
            raise Refused("no")

    def node(self, said: str = "web-old", key: str = KEY) -> str:
        return run(import_node(self.run, said, lambda host, port: key, self.approve))

    def address(self, said: str = "198.18.7.5") -> str:
        return run(import_address(self.run, said, self.approve))


def grown() -> tuple[Cloud, FakeDisk]:
    """Two nodes are there, and the file asks for a third."""
    return applied(TWO)


def test_a_machine_becomes_a_node_and_the_next_apply_makes_none() -> None:
    cloud, disk = grown()
    made = dict(cloud.made)
    one = Importer(cloud, disk, THREE)
    assert one.node() == "web-old (box-old, 198.18.7.99) is node 3 of prod now."
    [asked] = one.asked
    assert (asked.what, asked.becomes) == ("web-old (box-old, 198.18.7.99)", "node 3 of prod")
    assert asked.notes[0] == "its size is another one"
    node = Importer(cloud, disk, THREE).store.state.node("prod", "web-old")
    assert node is not None
    assert (node.provider_id, node.ordinal, node.address, node.private_ip) == (
        "box-old", 3, "198.18.7.99", "198.18.8.99",
    )  # fmt: skip
    assert (node.host_key, node.components, node.bootstrapped) == (KEY, {}, False)
    done = Importer(cloud, disk, THREE).apply()
    assert (done.exit_code, done.left, dict(cloud.made)) == (0, (), made)
    assert len(cloud.machines) == 3 and Importer(cloud, disk, THREE).plan().empty
    again = Importer(cloud, disk, THREE)
    assert again.node() == "web-old is node web-old of prod already: nothing was changed."
    assert again.asked == []


def test_what_it_begins_is_on_the_disk_before_the_mark_is_put_on() -> None:
    cloud, disk = grown()
    seen: list[tuple[str, ...]] = []

    def before(what: str) -> None:
        if what == "adopt":
            store = Engine(cloud, disk, None).store
            seen.append(tuple(f"{i.step} {i.ordinal}" for i in store.state.intents))
            seen.append(tuple(begun.step for begun in store.unfinished("prod")))

    cloud.tick = before
    Importer(cloud, disk, THREE).node()
    assert seen == [("web-old/create 3",), ("web-old/create",)]
    assert Engine(cloud, disk, None).store.state.intents == ()


@pytest.mark.parametrize("at", ["adopt", "adopted"])
@pytest.mark.parametrize("then", ["import", "apply"])
def test_killed_before_or_after_the_mark_it_is_finished_by_the_next_run(at: str, then: str) -> None:
    """Before the mark only the import can know the machine; an apply then makes one, as the file asks for it."""
    cloud, disk = grown()

    def die(what: str) -> None:
        if what == at:
            raise Died

    cloud.tick = die
    with pytest.raises(Died):
        Importer(cloud, disk, THREE).node()
    cloud.tick = lambda what: None
    if then == "import":
        assert Importer(cloud, disk, THREE).node().endswith("is node 3 of prod now.")
    done = Importer(cloud, disk, THREE).apply()
    assert (done.exit_code, done.left) == (0, ())
    state = Importer(cloud, disk, THREE).store.state
    assert state.intents == () and [n.ordinal for n in state.nodes_of("prod")] == [1, 2, 3]
    adopted = then == "import" or at == "adopted"
    assert (cloud.machines[3].provider_id == "box-old") is adopted
    assert (cloud.made[3] == 0) is adopted


def test_a_vendor_that_says_no_leaves_nothing_that_an_apply_would_make() -> None:
    cloud, disk = grown()

    class Poor(Account):
        async def adopt_node(self, *_: object) -> ProviderNode:
            raise DyniaError("the token lacks the scope tag:create")

    one = Importer(cloud, disk, THREE, Poor)
    with pytest.raises(DyniaError, match="lacks the scope"):
        one.node()
    assert Engine(cloud, disk, None).store.state.intents == ()
    assert Engine(cloud, disk, None).store.unfinished("prod") == ()


def other(**said: object) -> type[Account]:
    return type("Other", (Account,), said)


@pytest.mark.parametrize(
    ("spec", "kind", "says", "hint"),
    [
        (TWO, Account, "cluster prod has 2 of 2 nodes", "nodes: {count: 3}"),
        (THREE, other(lineage="b" * 32), "belongs to another state", "nothing was changed"),
        (THREE, other(silent=True), r"web-old \(198\.18\.7\.99\) was not reached: no answer", "`ssh` in the file"),
        (THREE, other(theirs=replace(THEIRS, name="Web.Old")), "'Web.Old' can't be a node's name", "rename"),
        (replace(THREE, provider=SshProvider()), Account, "hosts of kind ssh are not imported", "under `nodes`"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_node_is_refused_before_anybody_is_asked(
    spec: ClusterSpec, kind: type[Account], says: str, hint: str
) -> None:
    cloud, disk = grown()
    one = Importer(cloud, disk, spec, kind)
    before = one.store.state
    with pytest.raises(DyniaError, match=says) as caught:
        one.node("box-old")
    assert hint in caught.value.hint
    assert one.asked == [] and not [d for d in cloud.deeds if d.startswith("adopt")]
    assert Engine(cloud, disk, None).store.state.nodes == before.nodes


def test_without_a_host_key_that_somebody_vouches_for_it_is_not_even_reached() -> None:
    cloud, disk = grown()
    with pytest.raises(Refused, match="nobody vouches for the host key of web-old") as caught:
        Importer(cloud, disk, THREE).node(key="")
    assert "--host-key" in caught.value.hint and "--known-hosts" in caught.value.hint
    with pytest.raises(Refused, match="that was said is ecdsa-sha2-nistp256") as caught:
        Importer(cloud, disk, THREE).node(key="ecdsa-sha2-nistp256 AAAA")
    assert "ssh-ed25519" in caught.value.hint


def test_a_vendor_that_adopts_nothing_says_so() -> None:
    cloud, disk = grown()
    one = Engine(cloud, disk, replace(THREE, provider=DockerProvider()))
    with pytest.raises(Refused, match="its provider makes all its machines"):
        run(import_node(one.run, "web-old", lambda host, port: KEY, lambda _: pytest.fail("asked")))


def test_a_no_changes_nothing() -> None:
    cloud, disk = grown()
    one = Importer(cloud, disk, THREE)
    one.no = True
    before = one.store.state
    with pytest.raises(Refused):
        one.node()
    after = Engine(cloud, disk, None).store.state
    assert (after.nodes, after.intents) == (before.nodes, ())
    assert not [d for d in cloud.deeds if d.startswith("adopt")]


def test_an_ordinal_is_never_used_again() -> None:
    """Node 3 was there once, and is gone."""
    cloud, disk = applied(worlds.cluster(3))
    assert Engine(cloud, disk, TWO).apply().exit_code == 0
    gone = ({1, 2, 3} - set(cloud.machines)).pop()
    one = Importer(cloud, disk, THREE)
    assert gone == 3 and one.node().endswith("is node 4 of prod now.")


def test_an_address_becomes_the_entry_of_a_cluster_that_nothing_was_applied_to() -> None:
    cloud, disk = Cloud(), fresh_disk()
    one = Importer(cloud, disk, API)
    assert one.address() == "reserved IP 198.18.7.5 is the entry of prod now."
    home = Engine(cloud, disk, None).store.state.cluster("prod")
    assert home is not None and home.reserved_ip == ReservedIp(address="198.18.7.5", provider_id="address-1")
    assert Importer(cloud, disk, API).address().endswith("already: nothing was changed.")
    allocated: list[str] = []
    cloud.tick = allocated.append
    done = Importer(cloud, disk, API).apply()
    assert (done.exit_code, done.left) == (0, ()) and "allocate" not in allocated
    assert Importer(cloud, disk, API).plan().empty


@pytest.mark.parametrize("at", ["adopt address", "adopted address"])
def test_an_address_that_was_half_imported_is_taken_by_the_next_import(at: str) -> None:
    cloud, disk = Cloud(), fresh_disk()

    def die(what: str) -> None:
        if what == at:
            raise Died

    cloud.tick = die
    with pytest.raises(Died):
        Importer(cloud, disk, API).address()
    cloud.tick = lambda what: None
    assert Engine(cloud, disk, None).store.state.intents[0].kind == "reserved_ip"
    assert Importer(cloud, disk, API).address().endswith("is the entry of prod now.")
    state = Engine(cloud, disk, None).store.state
    assert state.intents == () and Importer(cloud, disk, API).apply().exit_code == 0


def test_a_second_address_and_one_that_the_file_does_not_ask_for_are_refused() -> None:
    cloud, disk = applied(API)
    with pytest.raises(Refused, match=r"cluster prod has reserved IP 198\.18\.7\.5") as caught:
        Importer(cloud, disk, API).address("198.18.7.6")
    assert "entry: {kind: none}" in caught.value.hint
    cloud, disk = applied(TWO)
    with pytest.raises(Refused, match="takes no reserved IP of its provider"):
        Importer(cloud, disk, TWO).address()
    for said in ("../droplets", "198.18.7", "::1", ""):
        with pytest.raises(Refused, match="is no IPv4 address"):
            Importer(cloud, disk, API).address(said)
