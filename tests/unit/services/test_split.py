"""Two nodes that are MASTER at the instant of a look: an election, until it has lasted for seconds."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import ApiEntry, ClusterSpec
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


def owned_by_another_for(looks: int) -> tuple[Plan, list[int]]:
    """Entry kind api: the provider says that node 2 has the address, for so many looks; node 1 is MASTER."""
    spec = worlds.cluster(services=(worlds.service(),), nodes=3, entry=ApiEntry())
    cloud, disk = applied(spec)
    master = next(n for n, facts in cloud.nodes.items() if facts.vrrp == "MASTER")
    other = next(n for n in cloud.nodes if n != master)
    cloud.owner = cloud.machines[other].provider_id
    seen = [0]

    def looked(what: str) -> None:
        if what == f"{cloud.machines[master].name} observe":
            seen[0] += 1
            if seen[0] == looks:
                cloud.owner = cloud.machines[master].provider_id

    cloud.tick = looked
    plan = run(Engine(cloud, disk, spec).run.plan())
    assert cloud.attached == []
    return plan, seen


def test_a_claim_under_way_is_looked_at_again_and_is_no_drift() -> None:
    plan, (seen,) = owned_by_another_for(4)
    assert (plan.drift, plan.steps, seen > 4) == ((), (), True)


def test_an_owner_that_stays_another_than_the_master_is_split_and_the_planner_moves_nothing() -> None:
    plan, (seen,) = owned_by_another_for(1_000_000)
    assert [d.category for d in plan.drift] == ["split"] and "is MASTER" in plan.drift[0].detail
    assert "dynia-failover" in plan.drift[0].remedy
    assert plan.steps == () and 10 <= seen <= 40
