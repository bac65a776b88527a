"""``python -m dynia.twin.digitalocean``: the twin as a process of its own, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

import msgspec

from dynia.twin.digitalocean.server import DigitalOceanTwin
from dynia.twin.faults import Script


def main() -> None:
    reads = argparse.ArgumentParser(description="A simulated DigitalOcean account.")
    reads.add_argument("--database", type=Path, required=True)
    reads.add_argument("--host", default="127.0.0.1")
    reads.add_argument("--port", type=int, default=0)
    reads.add_argument("--delay", type=float, default=2.0, help="seconds that an action takes at least")
    reads.add_argument("--faults", type=Path, help="a script of faults, JSON")
    asyncio.run(_serve(reads.parse_args()))


async def _serve(given: argparse.Namespace) -> None:
    script = msgspec.json.decode(given.faults.read_bytes(), type=Script) if given.faults else None
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    twin = DigitalOceanTwin(
        given.database, host=given.host, port=given.port, delay=given.delay, faults=script
    )
    async with twin:
        print(twin.url, flush=True)
        await stop.wait()


if __name__ == "__main__":
    main()
