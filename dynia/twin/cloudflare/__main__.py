"""``python -m dynia.twin.cloudflare``: the twin as a process of its own, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

import msgspec

from dynia.twin.cloudflare.nameserver import name_server
from dynia.twin.cloudflare.server import CloudflareTwin
from dynia.twin.faults import Script


def main() -> None:
    reads = argparse.ArgumentParser(description="A simulated Cloudflare account.")
    reads.add_argument("--database", type=Path, required=True)
    reads.add_argument("--host", default="127.0.0.1")
    reads.add_argument("--port", type=int, default=0)
    reads.add_argument("--zone", action="append", default=[], help="a zone of the account; may be repeated")
    reads.add_argument("--network", action="append", default=[], help="where its proxy comes from")
    reads.add_argument("--dns-server", metavar="HOST:PORT", help="serves the zones, takes dynamic updates")
    reads.add_argument("--tsig", type=Path, metavar="FILE", help="their key, as tsig-keygen writes it")
    reads.add_argument("--faults", type=Path, help="a script of faults, JSON")
    given = reads.parse_args()
    if bool(given.dns_server) != bool(given.tsig):
        reads.error("--dns-server and --tsig go together")
    asyncio.run(_serve(given))


async def _serve(given: argparse.Namespace) -> None:
    script = msgspec.json.decode(given.faults.read_bytes(), type=Script) if given.faults else None
    server = name_server(given.dns_server, given.tsig) if given.dns_server else None
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    twin = CloudflareTwin(
        given.database,
        given.zone,
        host=given.host,
        port=given.port,
        networks=given.network,
        name_server=server,
        faults=script,
    )
    async with twin:
        print(twin.url, flush=True)
        await stop.wait()


if __name__ == "__main__":
    main()
