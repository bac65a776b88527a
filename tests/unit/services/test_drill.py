"""A failover drill: the address goes to another node and comes back, and keepalived runs everywhere at the end."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynia.interfaces.desired import ClusterSpec, NoEntry
from dynia.interfaces.errors import DyniaError, NotObservedError, Refused
from dynia.services.drill import DrillWish, Ground, failover
from dynia.services.drill_report import DrillReport, Probe, lost, stretches
from tests.fakes.cloud import HOME, Cloud, Engine, applied, yes
from tests.fakes.disk import FakeDisk
from tests.fakes.time_that_jumps import run
from tests.plans import worlds

SPEC: ClusterSpec = worlds.cluster(services=(worlds.service(),), nodes=3)


async def no(ground: Ground) -> bool:
    return False


def drill(
    cloud: Cloud, disk: FakeDisk, node: str = "", *, spec: ClusterSpec = SPEC, hard: bool = False
) -> DrillReport:
    return run(failover(Engine(cloud, disk, spec).run, DrillWish(node=node, hard=hard), yes))


def name(cloud: Cloud, ordinal: int) -> str:
    return cloud.machines[ordinal].name


def roles(cloud: Cloud) -> list[str]:
    return [cloud.nodes[n].vrrp for n in sorted(cloud.nodes)]


def held_by(ordinal: int) -> tuple[Cloud, FakeDisk]:
    """A cluster whose address keepalived gave to this node some time ago."""
    cloud, disk = applied(SPEC)
    for n, facts in cloud.nodes.items():
        mine = (
            {"vrrp": "MASTER", "addresses": ("198.18.7.5",)}
            if n == ordinal
            else {"vrrp": "BACKUP", "addresses": ()}
        )
        cloud.nodes[n] = msgspec.structs.replace(facts, **mine)
    return cloud, disk


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("holder", [1, 2, 3])
@pytest.mark.parametrize("target", [0, 1, 2, 3])
def test_the_address_goes_where_it_shall_and_comes_back(holder: int, target: int, hard: bool) -> None:
    if holder == target:
        return
    cloud, disk = held_by(holder)
    report = drill(cloud, disk, name(cloud, target) if target else "", hard=hard)
    expected = target or (2 if holder == 1 else 1)
    assert (report.holder, report.taken) == (name(cloud, holder), name(cloud, expected))
    assert report.settled and roles(cloud)[holder - 1] == "MASTER" and roles(cloud).count("BACKUP") == 2
    told = [one.node for one in report.answered]
    assert told[0] == told[-1] == report.holder and report.taken in told
    first = next(deed for deed in cloud.deeds if deed.startswith(report.holder))
    assert first == f"{report.holder} {'stop' if hard else 'hand over'}"


def test_what_was_seen_is_kept() -> None:
    cloud, disk = held_by(1)
    first, second = drill(cloud, disk), drill(cloud, disk, hard=True)
    kept = [
        msgspec.json.decode(
            disk.read(HOME / ".dynia" / "drills" / "prod" / f"0000000{n}.json", 1 << 20), type=DrillReport
        )
        for n in (1, 2)
    ]
    assert kept == [first, second]


def _off(cloud: Cloud) -> None:
    cloud.power(3, "off")


def _cut(cloud: Cloud) -> None:
    cloud.cut.add(name(cloud, 3))


def _two_masters(cloud: Cloud) -> None:
    cloud.nodes[2] = msgspec.structs.replace(
        cloud.nodes[2], vrrp="MASTER", addresses=cloud.nodes[1].addresses
    )


def _faulty(cloud: Cloud) -> None:
    for n in (2, 3):
        cloud.nodes[n] = msgspec.structs.replace(cloud.nodes[n], vrrp="FAULT")


def _unreachable(cloud: Cloud) -> None:
    cloud.reachable = False


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (_off, "not observed"),
        (_cut, "not observed"),
        (_two_masters, "both MASTER"),
        (_faulty, "no other node could take"),
        (_unreachable, "does not answer this machine"),
    ],
)
def test_a_drill_that_could_hurt_or_see_nothing_is_refused(trouble: object, said: str) -> None:
    cloud, disk = held_by(1)
    trouble(cloud)  # type: ignore[operator]
    deeds = list(cloud.deeds)
    with pytest.raises(Refused, match=said):
        drill(cloud, disk)
    assert cloud.deeds == deeds


def test_a_cluster_of_one_or_without_an_address_has_no_drill() -> None:
    for spec in (
        worlds.cluster(services=(worlds.service(),), nodes=1),
        worlds.cluster(3, (worlds.service(),), entry=NoEntry()),
    ):
        cloud, disk = applied(spec)
        with pytest.raises(Refused):
            drill(cloud, disk, spec=spec)


def test_the_holder_and_strangers_can_take_nothing_over() -> None:
    cloud, disk = held_by(1)
    for node in (name(cloud, 1), "nobody"):
        with pytest.raises(Refused, match=node):
            drill(cloud, disk, node)


def test_no_is_no() -> None:
    cloud, disk = held_by(1)
    deeds = list(cloud.deeds)
    with pytest.raises(Refused, match="nothing was changed"):
        run(failover(Engine(cloud, disk, SPEC).run, DrillWish(), no))
    assert cloud.deeds == deeds


@given(st.integers(0, 30), st.sampled_from((1, 3)))
def test_whatever_breaks_keepalived_runs_again_wherever_it_can_be_reached(when: int, holder: int) -> None:
    cloud, disk = held_by(holder)
    left = when

    def tick(what: str) -> None:
        nonlocal left
        if any(what.endswith(f" {deed}") for deed in ("stop", "hand over", "role")):
            left -= 1
            if left == 0:
                raise NotObservedError(f"{what}: the connection broke")

    cloud.tick = tick
    try:
        drill(cloud, disk, name(cloud, 2), hard=True)
    except DyniaError as error:
        assert "broke" in error.message
    assert sorted(set(roles(cloud))) == ["BACKUP", "MASTER"] and roles(cloud).count("MASTER") == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.sampled_from(("", "a", "b"))), min_size=1, unique_by=lambda p: p[0]
    )
)
def test_stretches_cover_the_time_and_lose_nothing(said: list[tuple[int, str]]) -> None:
    probes = [Probe(at=at / 10, seconds=0.01, node=node) for at, node in said]
    found = stretches(probes)
    assert found[0].begin == min(p.at for p in probes) and found[-1].end == max(p.at for p in probes)
    assert all(one.end == two.begin and one.node != two.node for one, two in itertools.pairwise(found))
    for probe in probes:
        assert any(one.node == probe.node and one.begin <= probe.at <= one.end for one in found)
    silent = sum(one.seconds for one in found if not one.node)
    assert lost(found, 0, 60) == pytest.approx(silent, abs=0.01)
    assert lost(found, 0, 20) + lost(found, 20, 60) == pytest.approx(silent, abs=0.01)
