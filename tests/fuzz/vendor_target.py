"""What both vendors' targets are: a recorded flow in which one answer is another one.

An input is a line ``FLOW NUMBER STATUS [HEADER: VALUE]`` and the body. A status that is no number: the body is the whole
HTTP message.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import msgspec

from tests.fuzz.chance import Chance
from tests.fuzz.flows import Flow
from tests.fuzz.loopback import Vendor, message, recorded
from tests.fuzz.target import Target
from tests.fuzz.tree_mutator import written

ENDS_S = 60.0


class VendorTarget(Target):
    flows: dict[str, Flow]
    token: str

    @cached_property
    def _recorded(self) -> dict[str, list[dict[str, Any]]]:
        return recorded(self.name)

    def good(self) -> list[bytes]:
        return [
            f"{name} {number} {one['status']}\n".encode() + json.dumps(one["body"]).encode()
            for name, flow in self._recorded.items()
            for number, one in enumerate(flow)
            if one["body"] is not None
        ]

    def tree(self, raw: bytes) -> Any:
        head, _, body = raw.partition(b"\n")
        return [head.decode("latin-1"), json.loads(body)]

    def untree(self, tree: Any, chance: Chance) -> bytes:
        if not isinstance(tree, list) or len(tree) < 2:
            return written(tree, chance)
        return (
            str(tree[0]).encode("latin-1", "replace").replace(b"\n", b" ") + b"\n" + written(tree[1], chance)
        )

    def attempt(self, raw: bytes) -> Iterable[str]:
        return _texts(asyncio.run(self._run(raw)))

    async def _run(self, raw: bytes) -> object:
        head, _, body = raw.partition(b"\n")
        name, number, status, more = (*head.decode("latin-1").split(" ", 3), "", "", "", "")[:4]
        flow = name if name in self.flows else next(iter(self.flows))
        nth = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0
        code = int(status) if status.isascii() and status.isdigit() and len(status) == 3 else 0
        odd = message(code, body, f"{more.strip()}\r\n" if ": " in more else "") if code >= 200 else body
        async with asyncio.timeout(ENDS_S), Vendor(self._recorded[flow], nth, odd) as url:
            return await self.flows[flow](url, self.token)


def _texts(value: object) -> Iterator[str]:
    """What would be shown is cleaned by every screen; here it must be text that can be written at all."""
    yield msgspec.json.encode(value).decode().encode("ascii", "backslashreplace").decode()
