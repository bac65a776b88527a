"""A disk that is full, read-only or broken, at every kind of operation of an apply's life: what people are told, the
exit code, and that the next apply goes on once the disk is well.

The engine is the real one, over a world in memory. The rows are the operations that an apply really makes. What the
kernel's own errors look like: `test_kill.py`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import pytest

from dynia.interfaces.desired import NoEntry
from dynia.interfaces.errors import DyniaError, NotKept
from dynia.interfaces.events import Event, Note, PassStarted, StepFailed
from dynia.services.leased import leased
from dynia.services.session import Session
from dynia.state.lease import Lessee
from dynia.state.lock import Hold, hold
from dynia.state.record import Envelope, checksum_of
from dynia.state.store import open_store
from tests.fakes.cloud import HOME, Cloud, Engine, Frozen, applied, fresh_disk
from tests.fakes.disk import FakeDisk
from tests.fakes.states import recorded
from tests.fakes.time_that_jumps import run
from tests.plans import worlds

SPEC = worlds.cluster(1, (worlds.service(config="level = 1\n"),), entry=NoEntry())
CODES = {"ENOSPC": errno.ENOSPC, "EROFS": errno.EROFS, "EIO": errno.EIO}
# A full disk still reads and removes; a read-only one still reads; a broken one does nothing. "lock" makes a file.
SPARED = {"ENOSPC": ("read", "list", "remove", "lock"), "EROFS": ("read", "list"), "EIO": ()}
TOLD = {"ENOSPC": "make room there", "EROFS": "must be writable", "EIO": "dmesg"}


def kind_of(what: str) -> str:
    """An operation without the names that are drawn by lot and the numbers: "link journal/N.json"."""
    what = re.sub(r"\.[0-9a-f]{12}\.tmp", ".tmp", what)
    what = re.sub(r"[0-9]{8}", "N", what).replace("/team/.dynia/", "").replace("/team", "team")
    return what.replace("/prod", "")


@cache
def life() -> tuple[str, ...]:
    """Every operation of the first apply of a cluster, lock to unlock, in order."""
    disk, found = fresh_disk(), list[str]()
    made = Engine(Cloud(), disk, SPEC)
    disk.before = lambda step, what: found.append(what)
    assert made.apply().exit_code == 0
    return tuple(found)


def places() -> list[int]:
    """Of each kind of operation the first, one in the middle, and the last: the lock and the lease, a begin, an end,
    a beat, a snapshot. Counted from 1."""
    of_kind: dict[str, list[int]] = {}
    for number, what in enumerate(life(), 1):
        of_kind.setdefault(kind_of(what), []).append(number)
    return sorted({n for all_ in of_kind.values() for n in (all_[0], all_[len(all_) // 2], all_[-1])})


def refusing(place: int, code: str, *, stays: bool, met: list[str]) -> Callable[[int, str], None]:
    """From this operation on, or this one alone, the disk refuses. `met` is what was."""
    seen = [0]

    def before(step: int, what: str) -> None:
        seen[0] += 1
        due = seen[0] >= place if stays else seen[0] == place
        if due and not what.startswith(SPARED[code]):
            met.append(what)
            named = re.findall(r"/team\S*", what)
            raise OSError(CODES[code], os.strerror(CODES[code]), named[0], None, named[-1])

    return before


def whole(disk: FakeDisk) -> None:
    """No record and no snapshot is half there."""
    for name, data in disk.files().items():
        if name.endswith(".json") and "/journal/" in name:
            envelope = msgspec.json.decode(data, type=Envelope)
            assert checksum_of(bytes(envelope.record)) == envelope.checksum, name
        elif name.endswith("state.json"):
            msgspec.json.decode(data)


@pytest.mark.parametrize("stays", [False, True], ids=["once", "stays"])
@pytest.mark.parametrize("code", CODES)
def test_whatever_the_disk_refuses_people_are_told_and_the_next_apply_goes_on(code: str, stays: bool) -> None:
    ends: Counter[int] = Counter()
    for place in places():
        cloud, disk, met = Cloud(), fresh_disk(), list[str]()
        one = Engine(cloud, disk, SPEC)
        disk.before = refusing(place, code, stays=stays, met=met)
        hints = messages = ""
        try:
            result = one.apply()
        except DyniaError as error:
            exit_code, messages, hints = error.exit_code, error.message, error.hint
        else:
            exit_code = result.exit_code
            messages = "\n".join(failure.message for failure in result.failures)
            hints = "\n".join(failure.hint for failure in result.failures)
            told = [event.message for event in one.events if isinstance(event, StepFailed)]
            assert sorted(told) == sorted(failure.message for failure in result.failures)
        disk.before = lambda step, what: None
        row = f"{code} at {place} ({kind_of(life()[place - 1])}): exit {exit_code}, {messages!r}, {met[:2]}"
        ends[exit_code] += 1
        whole(disk)
        assert not disk.held, row
        if exit_code == 0:
            # What was refused says nothing new, and is done the next time.
            put = any("state.json" in one and not one.startswith(("remove", "list")) for one in met)
            notes = [event.text for event in one.events if isinstance(event, Note)]
            assert not put or "state.json was not written anew" in notes[-1], row
        else:
            assert exit_code == (7 if cloud.deeds else 1), row
            assert any(name in messages for name in map(file_of, met)), row
            assert TOLD[code] in hints, row
        assert open_store(HOME, disk=disk, make=False).state.lineage, row
        again = Engine(cloud, disk, SPEC)
        done = again.apply()
        assert (done.exit_code, done.failures, done.left) == (0, (), ()), row
        assert again.plan().empty and again.store.state.intents == (), row
        assert dict(cloud.made) == {1: 1}, f"{row}: a machine was lost or made twice"
        assert not [name for name in disk.files() if name.endswith(".tmp")], row
    assert ends[1] and ends[7], ends


@pytest.mark.parametrize("code", CODES)
def test_where_the_first_step_can_not_be_begun_it_is_exit_1(code: str) -> None:
    """Of several that would begin at once none was, so nothing was done."""
    cloud, disk = applied(worlds.cluster(2, (worlds.service(config="level = 1\n"),), entry=NoEntry()))
    new = worlds.cluster(2, (worlds.service(config="level = 2\n"),), entry=NoEntry())
    one, deeds, met = Engine(cloud, disk, new), list(cloud.deeds), list[str]()
    refuses = refusing(1, code, stays=True, met=met)

    def before(step: int, what: str) -> None:
        if any(isinstance(event, PassStarted) for event in one.events):
            refuses(step, what)

    disk.before = before
    with pytest.raises(NotKept, match="not begun: can't keep the state in") as caught:
        one.apply()
    assert (caught.value.exit_code, one.run.done, cloud.deeds) == (1, 0, deeds)
    assert any(file_of(one) in caught.value.message for one in met) and TOLD[code] in caught.value.hint
    disk.before = lambda step, what: None
    assert Engine(cloud, disk, new).apply().exit_code == 0


def file_of(what: str) -> str:
    return re.findall(r"/team\S*", what)[-1]


def test_every_kind_of_operation_of_the_disk_is_met() -> None:
    verbs = Counter(what.split(" /")[0] for what in life())
    assert {"read", "list", "make folder", "create", "sync", "link", "remove", "sync folder", "lock"} <= set(
        verbs
    )
    kinds = {kind_of(what) for what in life()}
    assert {"link journal/N.json", "lock lease/N.lock", "sync lease/N.beat.tmp"} <= kinds
    assert any(kind.endswith("to team/state.json") for kind in kinds)


def test_beats_that_can_not_be_written_stop_a_run_once_it_may_have_been_given_up_and_not_before() -> None:
    """A full disk for a while: the run works on as long as nobody can take it for dead; then it says so, and goes on
    where the disk is well again."""
    disk = FakeDisk()
    disk.make_folder(HOME)
    said: list[Event] = []

    async def life_of_a_run() -> None:
        loop = asyncio.get_running_loop()
        store = open_store(HOME, disk=disk, clock=lambda: 0, boot=loop.time)
        session = Session(
            cluster="prod", spec=None, templates={}, secrets={}, store=store, vendors=None,  # type: ignore[arg-type]
            emit=said.append, clock=Frozen(), lessee="one", lease=Lessee(who="one", term=30.0),
        )  # fmt: skip
        async with leased(session):
            number, met = store.fencing("prod"), list[str]()
            disk.before = refusing(1, "ENOSPC", stays=True, met=met)
            await asyncio.sleep(14)
            store.check("prod")
            assert met, "it tried to beat"
            await asyncio.sleep(60)
            with pytest.raises(NotKept, match=r"no space left on device \(/team/.dynia/\S+\)") as caught:
                store.check("prod")
            assert "make room there" in caught.value.hint
            disk.before = lambda step, what: None
            store.write("prod", recorded("prod"), "the disk is well again")
            assert store.fencing("prod") == number + 1

    run(life_of_a_run())
    state = open_store(HOME, disk=disk, make=False).state
    assert [one.name for one in state.clusters] == ["prod"]
    assert not disk.held and not [name for name in disk.files() if name.endswith(".tmp")]


def test_a_lock_is_freed_also_where_its_file_can_not_be_written_any_more(tmp_path: Path) -> None:
    path = tmp_path / "00000001.lock"
    path.touch()
    Hold(os.open(path, os.O_RDONLY)).close()
    hold(path, "the next", wait=0.0).close()
