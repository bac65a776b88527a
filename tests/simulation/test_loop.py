"""A world that ended is gone: the process that played it owes nothing to whoever comes next."""

from __future__ import annotations

import subprocess
import sys

# As a process of its own, since what is left over may lie in what all tests of a process share.
PLAYED = """
import asyncio, gc, warnings
from tests.simulation.loop import Process, WorldLoop

async def last_word():
    await asyncio.sleep(1)

async def killed():
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.gather(last_word(), last_word())

warnings.simplefilter("error")
loop, process = WorldLoop(), Process("run-1")
loop.begin(process, killed())
loop.later(5, lambda: setattr(process, "dead", True))
loop.run_until_complete(loop.begin(None, asyncio.sleep(90)))
loop.dispose()
del loop
asyncio.run(asyncio.sleep(0))
gc.collect()
print("and on")
"""


def test_what_a_killed_run_begins_in_its_last_words_ends_with_its_world() -> None:
    done = subprocess.run([sys.executable, "-c", PLAYED], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("and on\n", "")
