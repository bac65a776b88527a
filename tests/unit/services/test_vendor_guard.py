"""Before each call to a vendor the lease is looked at, and no call takes longer than it surely holds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dynia.interfaces.composition import LeaseGuard
from dynia.interfaces.errors import Locked, NotObservedError
from dynia.providers.guard import Guard
from dynia.providers.pace import Patience
from dynia.providers.vendor_calls import About, Json, NoAnswer, Unsure, VendorCalls, VendorRefused
from dynia.state.lease import Lessee
from dynia.state.store import Store, open_store
from tests.fakes.disk import FakeDisk
from tests.fakes.time_that_jumps import run

HOME = Path("/team")
WHO = Lessee(who="one", term=30.0)


class Vendor(VendorCalls):
    """Each call takes as long as the test says."""

    def __init__(self, guard: Guard, takes: float = 0.0) -> None:
        super().__init__(About(name="Vendor", status_page="x"), Patience(attempts=2, base=0.01), guard)
        self.takes, self.begun, self.answered = takes, 0, 0

    def _open(self) -> Any:
        return None

    def _look_again(self, error: VendorRefused) -> bool:
        return False

    async def _once(self, scope: str, call: str, arguments: Json) -> Json | NoAnswer:
        self.begun += 1
        await asyncio.sleep(self.takes)
        self.answered += 1
        return {"call": call}


def opened(disk: FakeDisk) -> Store:
    return open_store(HOME, disk=disk, clock=lambda: 0, boot=lambda: asyncio.get_running_loop().time())


@pytest.fixture
def disk() -> FakeDisk:
    made = FakeDisk()
    made.make_folder(HOME)
    return made


def test_who_only_looks_is_held_up_by_nothing(disk: FakeDisk) -> None:
    async def look() -> None:
        vendor = Vendor(LeaseGuard(opened(disk), "prod"), takes=500)
        assert await vendor.ask("s", "list") == {"call": "list"}

    run(look())


def test_after_a_takeover_not_one_more_call_is_begun(disk: FakeDisk) -> None:
    """Also in the middle of what one action asks: it is looked at before each call, not before each action."""

    async def sleeper() -> None:
        store = opened(disk)
        vendor = Vendor(LeaseGuard(store, "prod"))
        with store.lock("prod", WHO):
            await vendor.ask("s", "list")
            await asyncio.sleep(60)
            other = opened(disk)
            with (
                other.lock("prod", Lessee(who="two"), past=store.fencing("prod")),
                pytest.raises(Locked, match=r"this run was stopped for 60 s and another one took over: two"),
            ):
                await vendor.ask("s", "create")
        assert vendor.begun == 1

    run(sleeper())


def test_one_call_in_flight_ends_before_anybody_can_have_taken_over(disk: FakeDisk) -> None:
    """Where the beats stop (a state that can't be written, say), and the vendor does not answer."""

    async def slow(repeatable: bool) -> float:
        store = opened(disk)
        vendor = Vendor(LeaseGuard(store, "prod"), takes=10_000)
        with store.lock("prod", WHO):
            began = asyncio.get_running_loop().time()
            with pytest.raises(NotObservedError if repeatable else Unsure):
                await vendor.ask("s", "create", repeatable=repeatable)
            assert vendor.answered == 0
            return asyncio.get_running_loop().time() - began

    assert run(slow(False)) <= WHO.term


def test_a_run_that_was_stopped_and_that_nobody_took_over_asks_on(disk: FakeDisk) -> None:
    async def sleeper() -> None:
        store = opened(disk)
        vendor = Vendor(LeaseGuard(store, "prod"))
        with store.lock("prod", WHO):
            number = store.fencing("prod")
            await asyncio.sleep(3600)
            assert await vendor.ask("s", "list") == {"call": "list"}
            assert store.fencing("prod") == number + 1

    run(sleeper())
