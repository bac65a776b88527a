"""Ctrl-C: before anything is in flight it ends at once; then it finishes what is in flight; a second one cuts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from dynia.commands.interrupts import SIGNALS, run_interruptible
from dynia.interfaces.errors import Interrupted, Locked


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_nothing_is_in_flight_ends_at_once(number: signal.Signals) -> None:
    async def work() -> None:
        os.kill(os.getpid(), number)
        await forever()

    with pytest.raises(Interrupted, match="nothing was changed") as caught:
        run_interruptible(work())
    assert caught.value.exit_code == 130


def test_a_signal_in_flight_lets_the_work_finish() -> None:
    stop = asyncio.Event()
    told: list[str] = []

    async def work() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        await stop.wait()
        return "finished"

    assert run_interruptible(work(), stop=stop, in_flight=lambda: True, tell=told.append) == "finished"
    assert len(told) == 1
    assert "Once more" in told[0]


def test_a_second_signal_cuts_and_still_cleans_up() -> None:
    stop = asyncio.Event()
    cleaned: list[str] = []

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await stop.wait()
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await forever()
        finally:
            cleaned.append("yes")

    with pytest.raises(Interrupted, match="cut"):
        run_interruptible(work(), stop=stop, in_flight=lambda: True)
    assert cleaned == ["yes"]


STUBBORN = """
import asyncio, os, signal
from dynia.commands.interrupts import run_interruptible

async def work():
    os.kill(os.getpid(), signal.SIGINT)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue

run_interruptible(work())
"""


def test_what_does_not_end_is_left_behind_with_130() -> None:
    assert subprocess.run([sys.executable, "-c", STUBBORN], check=False, timeout=60).returncode == 130


def test_errors_and_results_pass_through_and_handlers_are_taken_away() -> None:
    async def well() -> int:
        return 3

    async def badly() -> int:
        raise Locked("busy")

    before = signal.getsignal(signal.SIGTERM)
    assert run_interruptible(well()) == 3
    with pytest.raises(Locked):
        run_interruptible(badly())
    assert signal.getsignal(signal.SIGTERM) == before
