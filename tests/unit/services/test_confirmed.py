"""A change that may cut people off stays on a node only if it is confirmed, as well as before; else the apply stops there."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynia.interfaces.desired import Firewall
from dynia.interfaces.errors import NotObservedError
from dynia.services.actions.confirm import CONFIRM_S, HERE, Ways
from tests.fakes.cloud import Cloud, Engine, applied, survived
from tests.fakes.disk import FakeDisk
from tests.plans import worlds
from tests.unit.services.test_drained import names, said

replace = msgspec.structs.replace
OLD = worlds.cluster(3, (worlds.service(),))
NEW = replace(OLD, firewall=Firewall(ssh=("198.51.100.0/24",)))

every_way = st.builds(
    Ways,
    entry=st.sampled_from(("", HERE, "web-1")),
    haproxy=st.booleans(),
    role=st.sampled_from(("", "MASTER", "BACKUP", "FAULT")),
    masters=st.integers(0, 3),
)


class Killed(BaseException):
    """The runner is gone, in the middle of it."""


@pytest.fixture
def start() -> tuple[Cloud, FakeDisk]:
    return applied(OLD)


def rules(cloud: Cloud) -> list[str]:
    """Of each node, what its firewall is loaded from."""
    return [
        f.digest for n in sorted(cloud.nodes) for f in cloud.nodes[n].files if f.path.endswith("dynia.nft")
    ]


def once_pushed(cloud: Cloud, deed: object) -> None:
    """`deed` is done on a node as soon as its firewall is changed."""

    def tick(what: str) -> None:
        node, _, did = what.partition(" ")
        if did == "pushed firewall" and callable(deed):
            deed(node)

    cloud.tick = tick


@given(before=every_way, now=every_way)
def test_nothing_is_missed_that_was_not_there_and_all_that_was_is(before: Ways, now: Ways) -> None:
    assert before.lost(before) == ()
    assert Ways().lost(now) == ()
    assert len(before.lost(now)) == sum(
        (
            bool(before.entry) > bool(now.entry),
            before.haproxy > now.haproxy,
            (before.role in ("MASTER", "BACKUP")) > (now.role in ("MASTER", "BACKUP")),
            (before.masters == 1) > (now.masters == 1),
        )
    )


def test_a_good_change_is_confirmed_on_every_node_and_nothing_is_left_open(
    start: tuple[Cloud, FakeDisk],
) -> None:
    cloud, disk = start
    confirmed: list[str] = []
    cloud.tick = lambda what: confirmed.append(what) if what.endswith(" confirmed firewall") else None
    engine = Engine(cloud, disk, NEW)
    assert engine.apply().exit_code == 0
    assert sorted(confirmed) == sorted(f"{name} confirmed firewall" for name in names(cloud))
    assert len(set(rules(cloud))) == 1
    assert cloud.opened == {} and engine.plan().empty
    assert any(f"goes back within {CONFIRM_S:g} s" in text for text in said(engine))


def test_where_nobody_new_gets_in_the_node_is_told_to_go_back_and_the_others_keep_what_they_have(
    start: tuple[Cloud, FakeDisk],
) -> None:
    cloud, disk = start
    before = rules(cloud)
    once_pushed(cloud, cloud.cut.add)
    done = Engine(cloud, disk, NEW).apply()
    assert done.exit_code == 7
    (failure,) = done.failures
    assert "not confirmed: it lets no new connection in" in failure.message
    assert "the node is back on what it had" in failure.message
    assert rules(cloud) == before and cloud.opened == {}


@pytest.mark.parametrize("wrong", ["haproxy", "masters", "role", "entry"])
def test_what_was_well_must_be_so_still(start: tuple[Cloud, FakeDisk], wrong: str) -> None:
    cloud, disk = start
    before, master = rules(cloud), next(n for n in cloud.nodes if cloud.nodes[n].vrrp == "MASTER")

    def breaks(node: str) -> None:
        number = next(n for n in cloud.machines if cloud.machines[n].name == node)
        match wrong:
            case "haproxy":
                cloud.deaf.add(node)
            case "masters":
                for n in cloud.nodes:
                    cloud.nodes[n] = replace(cloud.nodes[n], vrrp="MASTER")
            case "role":
                cloud.nodes[number] = replace(cloud.nodes[number], vrrp="FAULT")
            case "entry":
                cloud.deaf.add(cloud.machines[master].name)

    once_pushed(cloud, breaks)
    done = Engine(cloud, disk, NEW).apply()
    said = {
        "haproxy": "its HAProxy does not answer on port 80",
        "masters": "3 nodes are MASTER",
        "role": "its keepalived is FAULT",
        "entry": "the reserved IP does not answer",
    }[wrong]
    assert done.exit_code == 7
    assert f"not confirmed: {said}" in done.failures[0].message
    assert "the node is back on what it had" in done.failures[0].message
    assert rules(cloud) == before


def test_what_was_not_well_before_is_not_asked_for(start: tuple[Cloud, FakeDisk]) -> None:
    """It may be what this very change mends."""
    cloud, disk = start
    cloud.deaf.update(names(cloud))
    cloud.reachable = False
    Engine(cloud, disk, NEW).apply()
    assert len(set(rules(cloud))) == 1 and rules(cloud) != rules(applied(OLD)[0])
    assert cloud.opened == {}


def test_rules_may_leave_out_this_machine(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start

    def closes(_: str) -> None:
        cloud.reachable = False

    once_pushed(cloud, closes)
    assert Engine(cloud, disk, NEW).apply().exit_code == 0
    assert len(set(rules(cloud))) == 1 and cloud.opened == {}


def test_a_node_that_hears_nothing_is_said_to_go_back_by_itself(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    gone: list[str] = []
    once_pushed(cloud, lambda node: (gone.append(node), cloud.cut.add(node)))
    deaf = cloud.tick

    def tick(what: str) -> None:
        deaf(what)
        if gone and what == f"{gone[0]} confirm":
            raise NotObservedError(f"{gone[0]}: the connection broke")

    cloud.tick = tick
    done = Engine(cloud, disk, NEW).apply()
    assert done.exit_code in (4, 7)
    assert "it does not hear that it has to go back" in done.failures[0].message
    assert "by itself within 30 s" in done.failures[0].hint


@pytest.mark.parametrize("late", [False, True], ids=["at once", "once it went back"])
@pytest.mark.parametrize("moment", ["pushed", "confirm", "confirmed"])
def test_a_runner_that_dies_leaves_what_the_next_apply_ends(
    start: tuple[Cloud, FakeDisk], moment: str, late: bool
) -> None:
    cloud, disk = start

    def tick(what: str) -> None:
        if what.endswith((f" {moment} firewall", f" {moment}")):
            raise Killed

    cloud.tick = tick
    with pytest.raises(Killed):
        Engine(cloud, disk, NEW).apply()
    cloud.tick = lambda what: None
    if late:
        for ordinal, component in tuple(cloud.opened):
            cloud.goes_back(ordinal, component)
    engine = Engine(cloud, survived(disk), NEW)
    assert engine.apply().exit_code == 0
    assert len(set(rules(cloud))) == 1 and cloud.opened == {}
    assert engine.plan().empty


def test_a_word_that_comes_too_late_is_no_success(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    before = rules(cloud)

    def tick(what: str) -> None:
        if what.endswith(" confirm"):
            for ordinal, component in tuple(cloud.opened):
                cloud.goes_back(ordinal, component)

    cloud.tick = tick
    done = Engine(cloud, disk, NEW).apply()
    assert done.exit_code == 7
    assert "not confirmed in time; the node is back on what it had" in done.failures[0].message
    assert rules(cloud) == before
