"""While somebody reads the plan, the loop goes on: the lease's signs of life come from there."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from dynia.commands.beside import beside
from dynia.commands.interrupts import run_interruptible
from dynia.interfaces.errors import Interrupted, Refused
from tests.unit.cli.terminals import terminal


def test_the_loop_goes_on_while_a_question_waits() -> None:
    beats = threading.Event()

    async def play() -> bool:
        asking = asyncio.create_task(beside(lambda: beats.wait(30)))
        await asyncio.sleep(0)
        beats.set()
        return await asking

    assert asyncio.run(play())


def test_what_the_question_raises_is_raised() -> None:
    def refuse() -> bool:
        raise Refused("no terminal")

    with pytest.raises(Refused, match="no terminal"):
        asyncio.run(beside(refuse))


def test_ctrl_c_at_the_question_ends_it_at_once() -> None:
    """The line that it waits for never comes, and nobody waits for the thread."""
    with terminal() as person:
        seen = b""

        async def play() -> str:
            asking = asyncio.create_task(beside(lambda: person.output.ask("Really?")))
            while b"Really?" not in await asyncio.to_thread(_more, person.master):
                pass
            os.kill(os.getpid(), signal.SIGINT)
            return await asking

        def _more(master: int) -> bytes:
            nonlocal seen
            seen += os.read(master, 4096)
            return seen

        with pytest.raises(Interrupted, match="nothing was changed"):
            run_interruptible(play())
