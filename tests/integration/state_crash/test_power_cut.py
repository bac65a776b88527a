"""The power fails at every step of every operation on files: what was acknowledged is there afterwards."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.errors import DyniaError
from dynia.state.model import State
from dynia.state.store import Store, open_store
from tests.examples import examples
from tests.fakes.disk import FakeDisk, PowerCut, best, some, worst
from tests.fakes.states import recorded
from tests.fakes.story import states_of, story

HOME = Path("/team")
FOLD_AFTER = 3
AFTERS = {"worst": worst, "best": best, "some-1": some(1), "some-2": some(2), "some-3": some(3)}


def new_disk() -> FakeDisk:
    disk = FakeDisk()
    disk.make_folder(HOME)
    disk.sync_folder(Path("/"))
    disk.steps = 0
    return disk


def cut_at(k: int):
    def before(step: int, what: str) -> None:
        if step >= k:
            raise PowerCut(what)

    return before


def open_(disk: FakeDisk, *, make: bool = True) -> Store:
    return open_store(HOME, disk=disk, clock=lambda: 1_800_000_000, fold_after=FOLD_AFTER, make=make)


def live(disk: FakeDisk) -> tuple[int, State | None]:
    """Live the story until the power fails. How many turns were acknowledged (-1: not even the opening)."""
    acknowledged, state = -1, None
    with suppress(PowerCut), ExitStack() as outer:
        store = open_(disk)
        acknowledged, state = 0, store.state
        held = outer.enter_context(ExitStack())
        for turn in story():
            turn.deed(store, held)
            acknowledged += 1
            state = store.state
    return acknowledged, state


def steps_of_the_story() -> int:
    disk = new_disk()
    acknowledged, _ = live(disk)
    assert acknowledged == len(story())
    return disk.steps


def check(disk: FakeDisk, acknowledged: int, last: State | None) -> Store:
    """The state is the acknowledged one, or with the turn that was under way."""
    store = open_(disk)
    expected = states_of(story(), store.state.lineage)
    if last is None:
        assert store.state == expected[0]
    else:
        assert store.state.lineage == last.lineage
        assert store.state in expected[acknowledged : acknowledged + 2]
    return store


def test_the_story_without_a_cut_is_the_direct_application_of_its_changes():
    disk = new_disk()
    _, state = live(disk)
    assert state is not None
    assert state == states_of(story(), state.lineage)[-1]
    assert open_(best(disk)).state == state
    assert open_(worst(disk)).state == state


@pytest.mark.parametrize("after", AFTERS)
def test_whenever_the_power_fails_nothing_acknowledged_is_lost(after):
    for k in range(1, steps_of_the_story() + 1):
        disk = new_disk()
        disk.before = cut_at(k)
        acknowledged, state = live(disk)
        disk = AFTERS[after](disk)
        store = check(disk, acknowledged, state)
        with store.lock("prod", "the next run"):
            store.write("prod", recorded("prod"), "go on")
        assert open_(worst(disk)).state == store.state
        assert not [name for name in disk.files() if name.endswith(".tmp") and "/journal/prod/" in name]


@settings(max_examples=examples(150), deadline=None)
@given(first=st.integers(1, 400), second=st.integers(1, 60), seed=st.integers(0, 2**16))
def test_a_second_failure_during_recovery_loses_nothing_either(first, second, seed):
    disk = new_disk()
    disk.before = cut_at(first)
    acknowledged, state = live(disk)
    disk = some(seed)(disk)
    disk.before = cut_at(second)
    with suppress(PowerCut):
        store = open_(disk)
        with store.lock("prod", "recovery"):
            pass
    check(some(seed + 1)(disk), acknowledged, state)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_an_operation_that_is_refused_gives_a_clear_error_and_the_store_goes_on(code):
    """The k-th step fails once; the turn is repeated. The end is as if nothing had happened, or the
    refused write had come twice, which changes nothing but the serial."""
    for k in range(1, steps_of_the_story() + 1):
        disk = new_disk()
        refused: list[str] = []

        def before(step: int, what: str, *, k: int = k, refused: list[str] = refused) -> None:
            if step == k and not (code == errno.ENOSPC and what.startswith(("read", "list"))):
                refused.append(what)
                raise OSError(code, os.strerror(code), what)

        disk.before = before
        with ExitStack() as held:
            try:
                store = open_(disk)
            except DyniaError as error:
                assert str(HOME) in error.message, refused
                store = open_(disk)
            for turn in story():
                try:
                    turn.deed(store, held)
                except DyniaError as error:
                    assert str(HOME) in error.message, refused
                    assert code != errno.ENOSPC or "make room there" in error.hint, refused
                    if not turn.name.startswith("unlock"):
                        turn.deed(store, held)
        assert without_serials(open_(best(disk)).state) == without_serials(
            states_of(story(), store.state.lineage)[-1]
        ), refused


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_stays_full_or_read_only_keeps_what_it_had_and_nothing_half_written(code):
    for k in range(1, steps_of_the_story() + 1):
        disk = new_disk()

        def before(step: int, what: str, *, k: int = k) -> None:
            if step >= k and not what.startswith(("read", "list", "lock", "remove")):
                raise OSError(code, os.strerror(code), what)

        disk.before = before
        acknowledged, state = -1, None
        with suppress(DyniaError), ExitStack() as held:
            store = open_(disk)
            acknowledged, state = 0, store.state
            for turn in story():
                turn.deed(store, held)
                acknowledged, state = acknowledged + 1, store.state
        disk.before = lambda step, what: None
        check(best(disk), acknowledged, state)
        assert not [name for name in disk.files() if name.endswith(".tmp")]


def without_serials(state: State) -> State:
    clusters = tuple(msgspec.structs.replace(c, serial=0) for c in state.clusters)
    return msgspec.structs.replace(state, clusters=clusters)
