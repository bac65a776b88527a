"""Law 11: two applies never run at once, and a runner that wakes after another went on changes nothing.

Here on the real engine over a world in memory. The lock itself, between real processes:
tests/integration/state_crash/test_kill.py. The lock of a node: tests/integration/node_scripts/test_push.py.
"""

from __future__ import annotations

import threading
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.errors import DyniaError, Locked
from dynia.state.store import open_store
from tests.examples import examples
from tests.fakes.cloud import HOME, Cloud, Engine, applied
from tests.fakes.disk import FakeDisk
from tests.plans import worlds

OLD = worlds.cluster(3, (worlds.service(config="level = 1\n"), worlds.service("web")))
NEW = worlds.cluster(4, (worlds.service(config="level = 2\n"), worlds.worker()))
# About how many operations on disk and world the apply of NEW has.
PLACES = 900


def at(cloud: Cloud, disk: FakeDisk, instant: int, deed: object) -> list[str]:
    """At this operation of the run something else happens first. What the operation was, once it came."""
    left, came = [instant], []

    def tick(what: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            came.append(what)
            deed()  # type: ignore[operator]

    cloud.tick, disk.before = tick, lambda step, what: tick(what)
    return came


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(1, PLACES))
def test_whenever_another_apply_comes_it_is_refused_and_touches_nothing(instant: int) -> None:
    cloud, disk = applied(OLD)
    refused: list[object] = []

    def another() -> None:
        before, written, deeds = cloud.truth(), disk.files(), list(cloud.deeds)
        error = elsewhere(lambda: Engine(cloud, disk, OLD, "another").apply())
        held = any(path.parent.name == "prod" for path in disk.held)
        refused.append((error, held))
        if held:
            assert isinstance(error, Locked) and error.exit_code == 5
            assert (cloud.truth(), disk.files(), cloud.deeds) == (before, written, deeds)

    came = at(cloud, disk, instant, another)
    first = Engine(cloud, disk, NEW, "first")
    with suppress(Locked):  # the other one came before it had begun, and held the lock for a moment
        assert first.apply().exit_code == 0
    assert len(refused) == len(came)


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(60, PLACES))
def test_where_locks_do_not_work_a_run_that_wakes_after_another_one_changes_nothing(instant: int) -> None:
    """The numbers of the journal keep them apart. Every record of a step stands before its deed, so of what the
    sleeper had begun at most one call a node may still land; law 4 stops it there if the other one changed it."""
    cloud, disk = applied(OLD)
    end: list[object] = []

    def overtaken() -> None:
        disk.held.clear()
        elsewhere(lambda: Engine(cloud, disk, NEW, "another").apply())
        elsewhere(lambda: Engine(cloud, disk, NEW, "another").apply())
        end.append((cloud.truth(), len(cloud.deeds), open_store(HOME, disk=disk, make=False).state.nodes))

    came = at(cloud, disk, instant, overtaken)
    error: DyniaError | None = None
    try:
        result = Engine(cloud, disk, NEW, "sleeper").apply()
        code = result.exit_code
    except DyniaError as caught:
        error, code = caught, caught.exit_code
    if not came:
        return
    ((truth, deeds, nodes),) = end  # type: ignore[misc]
    assert cloud.truth() == truth, (came, error, cloud.deeds[deeds:])
    assert open_store(HOME, disk=disk, make=False).state.nodes == nodes
    assert code in (0, 1, 5, 6, 7), error
    assert Engine(cloud, disk, NEW).plan().empty


def elsewhere(run: object) -> object:
    """Run it to its end in another thread, which has an event loop of its own. What it raised, or nothing."""
    raised: list[DyniaError] = []

    def body() -> None:
        try:
            run()  # type: ignore[operator]
        except DyniaError as error:
            raised.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return raised[0] if raised else None
