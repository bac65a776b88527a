"""`dynia node reboot`, done: one after the other, without the address, and nothing stays drained whoever dies."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.errors import NotObservedError
from dynia.interfaces.events import RunStarted
from dynia.services.planning.by_hand import Reboot
from tests.fakes.cloud import Cloud, Engine, applied, recorded
from tests.plans import worlds
from tests.unit.services.test_drained import Killed, names
from tests.unit.services.test_promoted import roles
from tests.unit.services.test_way_back import FAILS

replace = msgspec.structs.replace
SPEC = worlds.cluster(3, (worlds.service(),))


def boots(cloud: Cloud) -> list[str]:
    return [cloud.nodes[n].boot_id for n in sorted(cloud.nodes)]


def nobody_is_drained(cloud: Cloud) -> bool:
    return not any(facts.drained for facts in cloud.nodes.values())


def test_each_boots_once_and_the_holder_last_and_without_the_address() -> None:
    cloud, disk = applied(SPEC)
    one, two, three = names(cloud)
    engine = Engine(cloud, disk, SPEC)
    state, generation = recorded(engine.store.state), engine.store.state.clusters[0].generation
    done = engine.apply(Reboot(os_updates=True))
    assert (done.exit_code, done.left, boots(cloud)) == (0, (), ["boot-1'"] * 3)
    deeds = [d for d in cloud.deeds if d.split()[-1] in ("update", "reboot", "over")]
    rest = [f"{one} hand over", f"{one} update", f"{one} reboot"]
    assert deeds == [f"{two} update", f"{two} reboot", f"{three} update", f"{three} reboot", *rest]
    assert roles(cloud) == ["BACKUP", "MASTER", "BACKUP"] and nobody_is_drained(cloud)
    assert [e.title for e in engine.events if isinstance(e, RunStarted)] == ["node reboot --all --os-updates"]
    assert (recorded(engine.store.state), engine.store.state.clusters[0].generation) == (state, generation)
    assert Engine(cloud, disk, SPEC).plan().empty


def test_one_that_the_provider_calls_off_afterwards_is_started() -> None:
    cloud, disk = applied(SPEC)
    two = names(cloud)[1]

    def tick(what: str) -> None:
        if what == f"{two} reboot done":
            cloud.power(2, "off")

    cloud.tick = tick
    done = Engine(cloud, disk, SPEC).apply(Reboot(node=two))
    assert (done.exit_code, done.failures) == (0, ())
    assert "start 2" in cloud.deeds and nobody_is_drained(cloud)
    assert Engine(cloud, disk, SPEC).plan().empty


def test_one_that_does_not_come_back_stops_it_and_is_named() -> None:
    cloud, disk = applied(SPEC)
    two = names(cloud)[1]

    def tick(what: str) -> None:
        if what == f"{two} reboot done":
            cloud.cut.add(two)
        if what.startswith(f"{two} ") and two in cloud.cut:
            raise NotObservedError(f"{two}: no answer")

    cloud.tick = tick
    done = Engine(cloud, disk, SPEC).apply(Reboot())
    assert done.exit_code == 7 and f"{two} did not come back within 600 s" in done.failures[0].message
    assert boots(cloud) == ["boot-1", "boot-1'", "boot-1"]


def test_one_whose_unit_stays_away_stops_it_and_is_let_in_again() -> None:
    cloud, disk = applied(SPEC)
    two = names(cloud)[1]

    def tick(what: str) -> None:
        if what == f"{two} reboot done":
            facts = cloud.nodes[2]
            units = tuple(
                replace(u, active="failed") if u.name == "haproxy.service" else u for u in facts.units
            )
            cloud.nodes[2] = replace(facts, units=units)

    cloud.tick = tick
    done = Engine(cloud, disk, SPEC).apply(Reboot())
    said = f"{two} was rebooted, and haproxy.service does not run there after 120 s"
    assert (done.exit_code, done.failures[0].message) == (7, said)
    assert boots(cloud) == ["boot-1", "boot-1'", "boot-1"] and nobody_is_drained(cloud)


@pytest.mark.parametrize(
    "moment", [" drain", " update", " reboot", " reboot done", " undrain", " hand over done"]
)
def test_the_next_apply_ends_it_well_wherever_it_was_killed(moment: str) -> None:
    cloud, disk = applied(SPEC)

    def tick(what: str) -> None:
        if what.endswith(moment):
            cloud.tick = lambda what: None
            raise Killed

    cloud.tick = tick
    with pytest.raises(Killed):
        Engine(cloud, disk, SPEC).apply(Reboot(os_updates=True))
    assert Engine(cloud, disk, SPEC).apply().exit_code == 0
    assert Engine(cloud, disk, SPEC).plan().empty and nobody_is_drained(cloud)
    assert sorted(roles(cloud)) == ["BACKUP", "BACKUP", "MASTER"]


def test_a_service_that_does_not_come_back_stops_it_and_its_lines_are_not_shown() -> None:
    """Nothing was rendered, so nobody could take secrets out of what its containers say."""
    cloud, disk = applied(SPEC)
    _, two, _ = names(cloud)
    cloud.lie = lambda what, node: FAILS if what == "gate" and node == two else None
    done = Engine(cloud, disk, SPEC).apply(Reboot())
    assert done.exit_code == 7 and boots(cloud)[0] == "boot-1"
    (failure,) = done.failures
    assert failure.node == two and "GET /healthz → 500" in failure.message and "panic" not in failure.message
    assert f"dynia logs api --node {two}" in failure.hint and nobody_is_drained(cloud)
