"""`entry: {kind: api}` on the twin: the reserved IP follows VRRP through the provider's API, without dynia."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator

import pytest

from dynia.interfaces.observed import EntryAnswer
from dynia.lab import process
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.operator_key import operator_key
from dynia.services.ask_entry import ask_entry
from dynia.services.planning.components.caddy import LAB_IMAGE
from tests.e2e.scratch import Scratch
from tests.e2e.twin_cloud import Droplet, TwinCloud

pytestmark = pytest.mark.lab

DELAY_S = 2.0
# What the issue bounds: seconds until the host answers again, and until the address is where it should be.
AGAIN_S = RIGHT_S = 10.0

CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: digitalocean, region: lon1}}
    nodes: {{count: 2}}
    ssh: {{key: {key}}}
    entry: {{kind: api}}
    caddy: {{image: "{caddy}"}}
    services:
      hello:
        compose: ./compose.yaml
        default: true
        health: {{path: /healthz}}
"""


class Pair:
    """Two droplets with a reserved IP, and what provider, VRRP and whoever asks from outside say of it."""

    def __init__(self, cluster: Scratch, cloud: TwinCloud) -> None:
        self.cluster, self.cloud = cluster, cloud

    @property
    def address(self) -> str:
        return self.cluster.entry()

    def droplets(self) -> dict[str, Droplet]:
        known = {n["name"]: n for n in self.cluster.state()["nodes"] if n["cluster"] == self.cluster.name}
        return {name: Droplet(self.cloud, int(n["providerId"]), n["hostKey"]) for name, n in known.items()}

    def owner(self) -> str:
        """By the provider's word."""
        had = self.cloud("GET", f"/v2/reserved_ips/{self.address}")["reserved_ip"]["droplet"]
        return str(had["name"]) if had else ""

    def role(self, node: Droplet) -> str:
        return node.sh("cat /run/dynia/vrrp", check=False)

    def answers(self) -> str:
        """The node that answers at the address now, or nothing."""
        told = asyncio.run(ask_entry(self.address, timeout_s=0.5))
        return told.node if isinstance(told, EntryAnswer) else ""

    def moves(self) -> int:
        """How often anybody asked the provider to assign the address, ever."""
        return len(self.cloud.rows("SELECT 1 FROM actions WHERE type = 'assign_ip'"))

    def agreed(self) -> str:
        """Owner, MASTER and whoever answers are one node: its name."""
        masters = [name for name, node in self.droplets().items() if self.role(node) == "MASTER"]
        owner = self.owner()
        return owner if masters == [owner] == [self.answers()] else ""

    def settle(self) -> str:
        found: list[str] = []
        within(60, lambda: found.append(self.agreed()) or found[-1], "owner, MASTER and probe agree")
        return found[-1]


def within(seconds: float, what: Callable[[], object], why: str) -> float:
    """Seconds until it was so; it must be within the bound."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, f"not within {seconds:g} s: {why}"
        time.sleep(0.05)
    return time.monotonic() - began


def heal(cluster: Scratch) -> None:
    """A droplet that was just started may not answer yet: apply exits 4 then, and goes on when it is run again."""
    within(200, lambda: cluster.apply(exits=None).exit == 0, "apply")


@pytest.fixture(scope="module")
def pair(lab: Lab, twin_lab: dict[str, str]) -> Iterator[Pair]:
    """Applied once; each test leaves it well."""
    process.stop(lab)
    process.start(lab, DELAY_S)
    cluster = Scratch(lab, "twinned")
    cluster.variables = dict(twin_lab)
    cluster.write("clusters.yaml", CLUSTERS.format(name=cluster.name, key=operator_key(lab), caddy=LAB_IMAGE))
    cloud = TwinCloud(lab, twin_lab)
    try:
        heal(cluster)
        yield Pair(cluster, cloud)
    finally:
        cluster.dynia("cluster", "destroy", cluster.name, "--yes-destroy", cluster.name, exits=None)
        cloud.clean()
        cluster.remove()


def test_after_the_first_apply_the_master_has_the_address(pair: Pair) -> None:
    holder = pair.settle()
    agree = f"on {holder} (VRRP, provider and probe agree)"
    within(60, lambda: agree in " ".join(pair.cluster.dynia("status").stdout.split()), "status says so")
    told = json.loads(pair.cluster.dynia("status", "--json").stdout)
    assert told["entry"]["provider"] == told["entry"]["probe"] == holder == told["holder"]
    assert (told["entry"]["masters"], told["entry"]["kernels"], told["split"]) == ([holder], [], "")
    pair.cluster.dynia("plan", "--detailed-exitcode")
    # The secret is where it must be, 0600, and nowhere in the unit's environment or command line.
    token = pair.cluster.variables["DYNIA_FAILOVER_TOKEN"]
    for node in pair.droplets().values():
        assert node.sh("stat -c '%a %U' /opt/dynia/failover/token.conf") == "600 root"
        assert token in node.sh("cat /opt/dynia/failover/token.conf")
        pid = node.sh("systemctl show -p MainPID --value dynia-failover")
        assert token not in node.sh(f"tr '\\0' '\\n' </proc/{pid}/environ; cat /proc/{pid}/cmdline")
        assert token not in node.sh("journalctl -u dynia-failover --no-pager")
    for path in pair.cluster.folder.rglob("*"):
        assert not path.is_file() or token.encode() not in path.read_bytes(), path


@pytest.mark.slow
def test_a_holder_that_is_powered_off_loses_the_address_to_the_other_node(pair: Pair) -> None:
    holder = pair.settle()
    (other,) = set(pair.droplets()) - {holder}
    node = pair.droplets()[holder]
    pair.cloud("POST", f"/v2/droplets/{node.id}/actions", {"type": "power_off"})
    # The twin takes its time to power it off as well: the clock runs from its last answer.
    within(30, lambda: pair.answers() != holder, "it is off")
    took = within(AGAIN_S, lambda: pair.answers() == other, "the other node answers at the address")
    print(f"powered off: {other} answered {took:.1f} s after {holder} fell silent")
    assert pair.owner() == other and pair.role(pair.droplets()[other]) == "MASTER"
    assert pair.cluster.get() != ""
    drift = pair.cluster.dynia("drift", exits=None)
    assert drift.exit in (3, 4) and "split" not in drift.stdout
    heal(pair.cluster)
    assert pair.settle() == other, "a node that comes back waits for its turn"
    pair.cluster.dynia("plan", "--detailed-exitcode")


@pytest.mark.slow
def test_vrrp_cut_between_the_nodes_moves_the_address_once_at_most(pair: Pair) -> None:
    pair.settle()
    before, nodes = pair.moves(), list(pair.droplets().values())
    for node in nodes:
        node.sh("nft add table ip cut; nft 'add chain ip cut i { type filter hook input priority -1; }'")
        node.sh("nft add rule ip cut i ip protocol 112 drop")
    try:
        within(30, lambda: all(pair.role(n) == "MASTER" for n in nodes), "both are MASTER")
        asked: list[str] = []
        lost: list[float] = []
        end = time.monotonic() + 20
        while (at := time.monotonic()) < end:
            asked.append(pair.answers())
            if not asked[-1]:
                lost.append(at)
        moved = pair.moves() - before
        print(f"VRRP cut: {moved} moves, {len(lost)} of {len(asked)} questions without an answer")
        assert moved <= 1
        # What is lost is lost in one moment, that of the move; nothing fails afterwards.
        assert asked[-1] and (not lost or lost[-1] - lost[0] < 2), [end - at for at in lost]
        last = asked[-1]
    finally:
        for node in nodes:
            node.sh("nft delete table ip cut")
    assert pair.settle() == last, "whoever has the address stays MASTER"
    assert pair.moves() - before <= 1
    pair.cluster.dynia("plan", "--detailed-exitcode")


@pytest.mark.parametrize(
    "returns",
    [
        pytest.param(True, id="mastership-returns"),
        pytest.param(False, id="mastership-stays", marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_a_claim_unit_that_slept_while_mastership_moved_does_the_right_thing(
    pair: Pair, returns: bool
) -> None:
    holder = pair.settle()
    nodes = pair.droplets()
    (other,) = set(nodes) - {holder}
    nodes[other].sh("systemctl kill -s STOP dynia-failover")
    try:
        nodes[holder].sh("systemctl stop haproxy")
        within(30, lambda: pair.role(nodes[other]) == "MASTER", f"{other} is MASTER")
        before = pair.moves()
        if returns:
            nodes[holder].sh("systemctl start haproxy")
            within(30, lambda: pair.role(nodes[holder]) == "MASTER", f"{holder} is MASTER again")
    finally:
        nodes[other].sh("systemctl kill -s CONT dynia-failover")
    right = holder if returns else other
    took = within(RIGHT_S, lambda: pair.answers() == right == pair.owner(), f"the address is on {right}")
    print(f"woken: the address was on {right} after {took:.1f} s")
    if returns:
        nodes[other].sh("for i in $(seq 30); do sleep 0.1; done")
        assert pair.moves() == before, "it stole nothing"
    nodes[holder].sh("systemctl start haproxy")
    assert pair.settle() == right
    pair.cluster.dynia("plan", "--detailed-exitcode")


@pytest.mark.slow
def test_a_drill_moves_it_through_the_api_and_brings_it_back(pair: Pair) -> None:
    holder = pair.settle()
    report = json.loads(pair.cluster.dynia("drill", "failover", "--yes", "--json").stdout)
    print(f"drill: lost {report['lostSeconds']} s, back {report['lostBackSeconds']} s")
    assert (report["entry"], report["holder"], report["settled"]) == ("api", holder, True)
    assert report["taken"] in pair.droplets() and report["taken"] != holder
    assert pair.settle() == holder


@pytest.mark.slow
def test_a_claim_that_the_api_refuses_is_told(pair: Pair) -> None:
    """A token that is no longer right: the address stays where it is, and drift says where to look."""
    holder = pair.settle()
    (other,) = set(pair.droplets()) - {holder}
    node = pair.droplets()[other]
    node.sh("cp -p /opt/dynia/failover/token.conf /run/kept")
    node.sh("sed -i 's/Bearer .*\"/Bearer wrong\"/' /opt/dynia/failover/token.conf")
    try:
        pair.droplets()[holder].sh("systemctl stop keepalived")
        within(
            60,
            lambda: re.search("HTTP 401", node.sh("journalctl -u dynia-failover --no-pager")),
            "it is said",
        )
        assert pair.owner() == holder == pair.answers()
    finally:
        node.sh("cp -p /run/kept /opt/dynia/failover/token.conf")
        pair.droplets()[holder].sh("systemctl start keepalived")
    assert pair.settle() == holder
    pair.cluster.dynia("plan", "--detailed-exitcode")
