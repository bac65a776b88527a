"""Waiting for a lease and beating while it is held, under a clock that the test moves."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from dynia.interfaces.errors import Locked
from dynia.interfaces.events import Event, Note
from dynia.services.leased import leased
from dynia.services.session import Session
from dynia.state.lease import Lessee
from dynia.state.store import Store, open_store
from tests.fakes.cloud import Frozen
from tests.fakes.disk import FakeDisk
from tests.fakes.states import born, recorded
from tests.fakes.time_that_jumps import run

HOME = Path("/team")


class World:
    """One disk, and a clock that is the event loop's own: it jumps to whatever is waited for."""

    def __init__(self) -> None:
        self.disk = FakeDisk()
        self.disk.make_folder(HOME)
        self.said: list[str] = []

    def store(self) -> Store:
        return open_store(
            HOME, disk=self.disk, clock=lambda: 0, boot=lambda: asyncio.get_running_loop().time()
        )

    def session(self, who: str, *, wait: float = 0.0, term: float = 30.0) -> Session:
        return Session(
            cluster="prod", spec=None, templates={}, secrets={}, store=self.store(), vendors=None,  # type: ignore[arg-type]
            emit=self.hear, clock=Frozen(), lessee=who, lease=Lessee(who=who, term=term), lock_wait=wait,
        )  # fmt: skip

    def hear(self, event: Event) -> None:
        assert isinstance(event, Note)
        self.said.append(event.text)


async def held_for(session: Session, seconds: float) -> None:
    async with leased(session):
        await asyncio.sleep(seconds)
        session.store.write("prod", (), "at the end")


def test_a_run_that_beats_keeps_its_lease_for_as_long_as_it_works() -> None:
    world = World()

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(held_for(world.session("one"), 200))
            await asyncio.sleep(1)
            with pytest.raises(Locked, match="prod is locked"):
                await held_for(world.session("two", wait=100), 0)
            assert asyncio.get_running_loop().time() >= 101

    run(both())
    assert [text.split(":")[0] for text in world.said] == ["waiting, for at most 100 s"]


def test_a_waiter_has_it_as_soon_as_it_is_free() -> None:
    world = World()

    async def both() -> float:
        async with asyncio.TaskGroup() as group:
            group.create_task(held_for(world.session("one"), 40))
            await asyncio.sleep(1)
            await held_for(world.session("two", wait=300), 0)
            return asyncio.get_running_loop().time()

    assert 40 <= run(both()) <= 42


def test_without_a_wait_it_is_refused_at_once() -> None:
    world = World()

    async def both() -> None:
        async with leased(world.session("one")):
            with pytest.raises(Locked, match="prod is locked"):
                await held_for(world.session("two"), 0)

    run(both())
    assert world.said == []


@pytest.mark.parametrize("term", [5.0, 30.0])
def test_one_that_gives_no_sign_of_life_for_its_own_whole_term_is_taken_over_and_not_earlier(
    term: float,
) -> None:
    world = World()

    async def both() -> None:
        frozen = world.session("frozen", term=term)
        loop = asyncio.get_running_loop()
        with frozen.store.lock("prod", frozen.lease or ""):
            began = loop.time()
            await held_for(world.session("two", wait=300), 0)
            assert term <= loop.time() - began <= term + 2
            with pytest.raises(
                Locked, match=r"this run was stopped for \d+ s and another one took over: two"
            ):
                frozen.store.write("prod", (), "awake")
            frozen_files = world.disk.files()
        assert world.disk.files() == frozen_files, "it leaves nothing, not even a snapshot"

    run(both())
    assert world.said[-1].startswith("no sign of life for")


def test_one_that_was_taken_over_ends_without_a_word_while_the_other_is_at_work() -> None:
    """What the other one has not folded yet stays as it is: a run that may not write makes no snapshot either, and
    its beats stop."""
    world = World()

    async def both() -> None:
        frozen = world.session("frozen")
        two = world.session("two")
        with contextlib.ExitStack() as over:
            with contextlib.suppress(Locked), frozen.store.lock("prod", "frozen"):
                number = frozen.store.fencing("prod")
                frozen.store.write("prod", recorded("prod"), "before it froze")
                await asyncio.sleep(60)
                over.enter_context(two.store.lock("prod", "two", past=number))
                two.store.write("prod", born("prod", 1), "by who took over")
                at_work = world.disk.files()
                with pytest.raises(Locked, match="another one took over: two"):
                    frozen.store.beat("prod")
                with pytest.raises(Locked, match="another one took over: two"):
                    frozen.store.check("prod")
                assert frozen.store.left("prod") == 0.0
            assert world.disk.files() == at_work
            two.store.write("prod", born("prod", 2), "it goes on")
        assert [node.ordinal for node in world.store().state.nodes_of("prod")] == [1, 2]

    run(both())


def test_of_two_waiters_one_takes_over_and_the_other_waits_for_that_one() -> None:
    world = World()
    order: list[str] = []

    async def waiter(who: str) -> None:
        async with leased(world.session(who, wait=300)):
            order.append(f"{who} has it")
            await asyncio.sleep(60)
            order.append(f"{who} ends")

    async def all_three() -> None:
        frozen = world.session("frozen")
        with frozen.store.lock("prod", "frozen"):
            async with asyncio.TaskGroup() as group:
                group.create_task(waiter("a"))
                group.create_task(waiter("b"))
            with pytest.raises(Locked):
                frozen.store.write("prod", (), "awake")

    run(all_three())
    first, second = order[0].split()[0], order[2].split()[0]
    assert order == [f"{first} has it", f"{first} ends", f"{second} has it", f"{second} ends"]
    assert {first, second} == {"a", "b"}


def test_one_that_was_stopped_and_that_nobody_took_over_goes_on_under_a_higher_number() -> None:
    world = World()

    async def alone() -> None:
        session = world.session("one")
        with session.store.lock("prod", "one"):
            before = session.store.fencing("prod")
            await asyncio.sleep(10_000)
            session.store.check("prod")
            assert session.store.fencing("prod") == before + 1
            session.store.write("prod", (), "goes on")
            assert session.store.serial("prod") == 1

    run(alone())
