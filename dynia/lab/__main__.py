"""``python -m dynia.lab``: a lab's twins as one process, until SIGTERM. `dynia lab up --twin` starts it."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

from dynia.interfaces.errors import DyniaError
from dynia.lab.process import READY, hold
from dynia.lab.twins import twins
from dynia.providers.nodes.docker.lab import Lab


def main() -> int:
    reads = argparse.ArgumentParser(description="The twins of a lab.")
    reads.add_argument("--root", required=True)
    reads.add_argument("--id", required=True)
    reads.add_argument("--delay", type=float, required=True)
    reads.add_argument("--zone", action="append", required=True)
    reads.add_argument("--tell", type=int, required=True, help="descriptor to tell on that it answers")
    given = reads.parse_args()
    lab = Lab(root=given.root, id=given.id)
    held = hold(lab)
    if held is None:
        print("another process is this lab's twin already", file=sys.stderr)
        return 1
    try:
        asyncio.run(_serve(lab, given.delay, given.zone, given.tell))
    except (DyniaError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        os.close(held)
    return 0


async def _serve(lab: Lab, delay: float, zones: list[str], tell: int) -> None:
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    async with twins(lab, delay, zones):
        os.write(tell, READY)
        os.close(tell)
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
