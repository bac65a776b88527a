"""A lease is taken over while its lessee is frozen anywhere. Judged from the records themselves, not by the store."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.errors import Locked
from dynia.state.lease import Lessee, Watch
from dynia.state.store import Store, open_store
from tests.examples import examples
from tests.fakes.disk import FakeDisk
from tests.fakes.states import begun, born, recorded

HOME = Path("/team")
TERM = 30.0
# About how many operations the frozen run has, its snapshots and beats included.
PLACES = 330


class Logged(FakeDisk):
    """Keeps every record that was ever given a name, also those that were folded and swept since."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[tuple[str, bytes]] = []
        self.make_folder(HOME)

    def link(self, source: Path, target: Path) -> None:
        super().link(source, target)
        if "journal" in target.parts:
            self.records.append((target.name, self.files()[str(target)]))


class Time:
    def __init__(self) -> None:
        self.now = 1000.0


def opened(disk: FakeDisk, time: Time) -> Store:
    return open_store(HOME, disk=disk, clock=lambda: 0, boot=lambda: time.now, fold_after=3)


def work(store: Store, first: int, acknowledged: list[int]) -> None:
    """Nodes, one after the other; a beat before each."""
    for ordinal in range(first, first + 4):
        store.beat("prod")
        step = f"node-{ordinal}/provision"
        store.begin("prod", step, b"{}", begun("prod", ordinal))
        store.end("prod", step, born("prod", ordinal))
        acknowledged.append(ordinal)


def chain(records: list[tuple[str, bytes]]) -> list[dict[str, object]]:
    """The records that count: from the one with the highest number back, each by the checksum it names."""
    by_checksum = {}
    for _, data in records:
        envelope = json.loads(data)
        by_checksum[envelope["checksum"]] = envelope["record"]
    newest = max(by_checksum.values(), key=lambda record: record["n"])
    found = [newest]
    while found[-1]["previous"]:
        found.append(by_checksum[found[-1]["previous"]])
    return found[::-1]


@settings(max_examples=examples(150), deadline=None)
@given(
    place=st.integers(1, PLACES),
    silent=st.sampled_from((0.0, 14.0, 16.0, 31.0, 100_000.0)),
    torn=st.sampled_from((None, b"", b"{", b"\xff\x00")),
    waiters=st.integers(1, 2),
)
def test_frozen_anywhere_and_taken_over_it_adds_nothing_more(
    place: int, silent: float, torn: bytes | None, waiters: int
) -> None:
    disk, time = Logged(), Time()
    mine, theirs, won, left = list[int](), list[int](), list[str](), [place]
    one = opened(disk, time)

    def before(step: int, what: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            take_over()

    def take_over() -> None:
        disk.before = lambda step, what: None
        number = one.fencing("prod")
        had.append(len(mine))
        time.now += silent
        if torn is not None:
            path = HOME / ".dynia" / "lease" / "prod" / f"{number:08d}.beat"
            disk.remove(path)
            disk.write(path, torn)
        for waiter in range(waiters):
            with suppress(Locked):
                other = opened(disk, time)
                with other.lock("prod", Lessee(who=f"waiter {waiter}", term=TERM), past=number):
                    won.append(f"waiter {waiter}")
                    work(other, 10 + 10 * waiter, theirs)
        sealed.append(len(disk.records))

    sealed: list[int] = []
    had: list[int] = []
    ended: Locked | None = None
    with suppress(Locked), one.lock("prod", Lessee(who="frozen", term=TERM)):
        one.write("prod", recorded("prod"), "cluster recorded")
        disk.before = before
        try:
            work(one, 1, mine)
            one.snapshot()
            work(one, 5, mine)
        except Locked as error:
            ended = error
            raise
    if not sealed:
        return
    counted = chain(disk.records)
    assert [record["n"] for record in counted] == list(range(1, len(counted) + 1)), "each number once"
    serials = [record["serial"] for record in counted if record["kind"] != "lease"]
    assert serials == list(range(1, len(serials) + 1)), "each serial once"
    fencing = [int(str(record["fencing"])) for record in counted]
    assert fencing == sorted(fencing), "after the seal nothing of the former lessee counts"
    assert won, "nobody was in the way of a waiter"
    seal = next(n for n, record in enumerate(counted) if record["fencing"] != counted[0]["fencing"])
    runs = [record["run"] for record in counted]
    assert runs[0] not in runs[seal:], "nor does anything that it wrote under another one's number"
    assert ended is not None or had == [8], "it was told, or had nothing left to do"
    state = opened(disk, time).state
    there = {node.ordinal for node in state.nodes_of("prod")}
    assert {*mine, *theirs} <= there, "all that was acknowledged is there"
    assert opened(disk, time).serial("prod") == serials[-1]


@given(st.lists(st.tuples(st.integers(1, 3), st.binary(max_size=3), st.floats(0, 20)), max_size=30))
def test_a_waiter_counts_only_silence_that_it_saw_itself(looks: list[tuple[int, bytes, float]]) -> None:
    """Any numbers, any bytes in the place of a beat, at any moments of its own clock."""
    watch, now, since, last = Watch(), 0.0, 0.0, None
    for fencing, beat, later in looks:
        now += later
        watch = watch.seen(fencing, beat, now)
        if (fencing, beat) != last:
            since, last = now, (fencing, beat)
        assert watch.over(TERM, now) == (now - since >= TERM)
