"""Two nodes that are MASTER at the instant of a look: an election, until it has lasted for seconds."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import ClusterSpec
from dynia.services.planning.plan import Plan
from tests.fakes.cloud import Cloud, Engine, applied
from tests.fakes.time_that_jumps import run
from tests.plans import worlds

SPEC: ClusterSpec = worlds.cluster(services=(worlds.service(),), nodes=3)


class Election:
    """Both nodes are MASTER for the first `looks` looks at the second one; `seen` counts them."""

    def __init__(self, cloud: Cloud, looks: int) -> None:
        self.cloud, self.left, self.seen = cloud, looks, 0
        self.second = sorted(n for n, facts in cloud.nodes.items() if facts.vrrp == "BACKUP")[0]
        self.backup = cloud.nodes[self.second]
        master = next(facts for facts in cloud.nodes.values() if facts.vrrp == "MASTER")
        self.cloud.nodes[self.second] = msgspec.structs.replace(
            self.backup, vrrp="MASTER", addresses=master.addresses
        )
        name = cloud.machines[self.second].name
        cloud.tick = lambda what: self._looked() if what == f"{name} observe" else None

    def _looked(self) -> None:
        self.seen += 1
        self.left -= 1
        if self.left < 0:
            self.cloud.nodes[self.second] = self.backup


def looked_at(looks: int) -> tuple[Plan, Election]:
    cloud, disk = applied(SPEC)
    election = Election(cloud, looks)
    return run(Engine(cloud, disk, SPEC).run.plan()), election


def test_an_election_under_way_is_looked_at_again_and_is_no_drift() -> None:
    plan, election = looked_at(4)
    assert (plan.drift, plan.steps) == ((), ())
    assert election.seen > 4


def test_two_masters_that_stay_are_split_after_some_seconds() -> None:
    plan, election = looked_at(1_000_000)
    assert [d.category for d in plan.drift] == ["split"] and "both MASTER" in plan.drift[0].detail
    assert 10 <= election.seen <= 40


def test_a_settled_cluster_is_looked_at_once() -> None:
    cloud, disk = applied(SPEC)
    seen: list[str] = []
    cloud.tick = seen.append
    run(Engine(cloud, disk, SPEC).run.plan())
    name = cloud.machines[1].name
    assert seen.count(f"{name} observe") == 1
