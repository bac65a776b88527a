"""`dynia node promote`, done: keepalived runs everywhere at the end, whoever dies or fails in between."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.interfaces.events import RunStarted
from dynia.services.planning.by_hand import Promote
from tests.fakes.cloud import Cloud, Engine, applied, recorded
from tests.plans import worlds
from tests.unit.services.test_drained import Killed, names

replace = msgspec.structs.replace
SPEC = worlds.cluster(3, (worlds.service(),))


def roles(cloud: Cloud) -> list[str]:
    return [cloud.nodes[n].vrrp for n in sorted(cloud.nodes)]


def moves(cloud: Cloud) -> list[str]:
    return [deed for deed in cloud.deeds if deed.endswith((" stop", " hand over", " start"))]


def test_everybody_else_is_silent_while_it_moves_and_then_runs_again() -> None:
    cloud, disk = applied(SPEC)
    one, two, three = names(cloud)
    engine = Engine(cloud, disk, SPEC)
    state, generation = recorded(engine.store.state), engine.store.state.clusters[0].generation
    done = engine.apply(Promote(node=three))
    assert (done.exit_code, done.left, roles(cloud)) == (0, (), ["BACKUP", "BACKUP", "MASTER"])
    assert moves(cloud) == [f"{two} stop", f"{one} hand over", f"{one} start", f"{two} start"]
    assert [e.title for e in engine.events if isinstance(e, RunStarted)] == [f"node promote {three}"]
    assert (recorded(engine.store.state), engine.store.state.clusters[0].generation) == (state, generation)
    assert Engine(cloud, disk, SPEC).apply(Promote(node=three)).done == 0, "it has it already"
    assert Engine(cloud, disk, SPEC).plan().empty
    assert Engine(cloud, disk, SPEC).apply(Promote(node=two)).exit_code == 0
    assert roles(cloud) == ["BACKUP", "MASTER", "BACKUP"]


def test_an_address_that_moved_by_itself_meanwhile_is_left_where_it_is() -> None:
    cloud, disk = applied(SPEC)
    one, _, three = names(cloud)

    def tick(what: str) -> None:
        if what == f"{one} role":
            cloud.nodes[1] = replace(cloud.nodes[1], vrrp="BACKUP", addresses=())
            cloud.nodes[2] = replace(cloud.nodes[2], vrrp="MASTER", addresses=("198.18.7.5",))

    cloud.tick = tick
    done = Engine(cloud, disk, SPEC).apply(Promote(node=three))
    (failure,) = done.failures
    assert done.exit_code == 6 and f"changed since plan: {one} is BACKUP" in failure.message
    assert not moves(cloud) and roles(cloud) == ["BACKUP", "MASTER", "BACKUP"]


def test_a_node_that_does_not_take_it_leaves_it_to_the_others() -> None:
    cloud, disk = applied(SPEC)
    one, _, three = names(cloud)

    def tick(what: str) -> None:
        if what == f"{one} hand over done":
            cloud.nodes[3] = replace(cloud.nodes[3], vrrp="FAULT", addresses=())

    cloud.tick = tick
    done = Engine(cloud, disk, SPEC).apply(Promote(node=three))
    (failure,) = done.failures
    assert done.exit_code == 7
    assert failure.message == (f"{three} did not take the reserved IP within 5 s; keepalived decides again")
    assert roles(cloud) == ["MASTER", "BACKUP", "FAULT"]


def breaks(cloud: Cloud, moment: str, error: Callable[[str], BaseException]) -> Callable[[str], None]:
    def tick(what: str) -> None:
        if what.endswith(moment):
            cloud.tick = lambda what: None
            raise error(what)

    return tick


MOMENTS = (" stop", " stop done", " hand over", " hand over done", " start", " start done")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_connection_that_breaks_leaves_nobody_stopped(moment: str) -> None:
    cloud, disk = applied(SPEC)
    cloud.tick = breaks(cloud, moment, lambda what: NotObservedError(f"{what}: the connection broke"))
    done = Engine(cloud, disk, SPEC).apply(Promote(node=names(cloud)[2]))
    assert done.exit_code == 7 and "the connection broke" in done.failures[0].message
    back = Engine(cloud, disk, SPEC).apply()
    assert back.exit_code == 0 and Engine(cloud, disk, SPEC).plan().empty
    assert sorted(roles(cloud)) == ["BACKUP", "BACKUP", "MASTER"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_next_apply_ends_it_well_wherever_it_was_killed(moment: str) -> None:
    cloud, disk = applied(SPEC)
    cloud.tick = breaks(cloud, moment, lambda what: Killed())
    with pytest.raises(Killed):
        Engine(cloud, disk, SPEC).apply(Promote(node=names(cloud)[2]))
    assert Engine(cloud, disk, SPEC).apply().exit_code == 0
    assert Engine(cloud, disk, SPEC).plan().empty
    assert sorted(roles(cloud)) == ["BACKUP", "BACKUP", "MASTER"]


def test_what_the_node_says_against_it_is_told() -> None:
    cloud, disk = applied(SPEC)

    def tick(what: str) -> None:
        if what.endswith(" hand over"):
            raise DyniaError("no room for that")

    cloud.tick = tick
    (failure,) = Engine(cloud, disk, SPEC).apply(Promote(node=names(cloud)[2])).failures
    assert "no room for that" in failure.message and sorted(roles(cloud)) == ["BACKUP", "BACKUP", "MASTER"]
