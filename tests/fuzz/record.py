"""Plays every flow of both vendors' providers against the twins and keeps the answers: ``python -m tests.fuzz.record``."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from dynia.twin.cloudflare.server import CloudflareTwin
from dynia.twin.digitalocean.server import DigitalOceanTwin
from dynia.twin.exchange import Exchange
from tests.fuzz.flows import CLOUDFLARE, DIGITALOCEAN, Flow
from tests.fuzz.loopback import RECORDED
from tests.twin.judged import TOKEN
from tests.twin.judged_cloudflare import TOKEN as CLOUDFLARE_TOKEN
from tests.twin.judged_cloudflare import ZONE

Kept = list[dict[str, Any]]


class Recorder:
    """Answers in their order, of the flow that runs."""

    def __init__(self) -> None:
        self.flows: dict[str, Kept] = {}
        self.current: Kept = []

    def watch(self, seen: Exchange) -> None:
        if seen.answer is not None:
            self.current.append(
                {
                    "method": seen.method,
                    "path": seen.path,
                    "status": seen.answer.status,
                    "body": seen.answer.body,
                }
            )

    async def play(self, url: str, token: str, flows: dict[str, Flow]) -> None:
        for name, flow in flows.items():
            self.current = []
            await flow(url, token)
            self.flows[name] = self.current

    def write(self, name: str) -> None:
        text = msgspec.json.format(json.dumps(self.flows).encode(), indent=1)
        (RECORDED / f"{name}.json").write_bytes(text + b"\n")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seen = Recorder()
        async with DigitalOceanTwin(Path(folder) / "do.db", watch=seen.watch, delay=0.01) as twin:
            await seen.play(twin.url, TOKEN, DIGITALOCEAN)
        seen.write("digitalocean")
        seen = Recorder()
        async with CloudflareTwin(Path(folder) / "cf.db", (ZONE,), watch=seen.watch) as names:
            await seen.play(names.url, CLOUDFLARE_TOKEN, CLOUDFLARE)
        seen.write("cloudflare")


if __name__ == "__main__":
    asyncio.run(main())
