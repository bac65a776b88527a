"""The key of our account at an authority: written to nodes under the run's number, and never in an argv."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import pytest

from dynia.interfaces.errors import Locked, fenced
from dynia.interfaces.node_requests import ExecRequest, Executed, Fence, PushAnswer, PushRequest
from dynia.providers.protocols import CertificateOrder, Certified
from dynia.services.actions import ObtainCertificate
from tests.fakes.cloud import made

NAMES = ("api.example.com",)
KEY = b"-----BEGIN PRIVATE KEY----- of an account"
FENCE = Fence(lineage="l1", cluster="prod", number=7)
DEED = ObtainCertificate(
    node="node-1",
    origin="self-signed",
    names=NAMES,
    path="/opt/dynia/tls/cluster.pem",
    keepers=("node-1", "node-2"),
)


@dataclass
class Nodes:
    """Two nodes that have no account's key yet. One that has seen a later run begins nothing."""

    seen: int = 0
    asked: list[ExecRequest | PushRequest] = field(default_factory=list)

    async def exec(self, request: ExecRequest) -> Executed:
        self.asked.append(request)
        if request.fence is not None and request.fence.number < self.seen:
            raise fenced("", str(self.seen))
        return Executed(exit_code=0 if request.stdin else 1, stdout=b"", stderr=b"")

    async def push(self, request: PushRequest) -> PushAnswer:
        self.asked.append(request)
        return PushAnswer(phase="done")


class Gives:
    """An authority that made an account for us."""

    async def obtain(self, order: CertificateOrder, say: Callable[[str], None]) -> Certified:
        assert order.account == b""
        return msgspec.structs.replace(made(order.names), account=KEY)


@dataclass
class Desk:
    """Tools of a run whose lease has number 7."""

    nodes: Nodes
    cluster: str = "prod"
    lineage: str = "l1"
    fence: Fence = FENCE
    authority: Gives = field(default_factory=Gives)

    async def connection(self, name: str) -> Nodes:
        return self.nodes

    def say(self, step_node: str, text: str) -> None:
        return


def test_every_write_carries_the_number_and_the_key_stands_in_no_argv() -> None:
    nodes = Nodes()
    asyncio.run(DEED.run(Desk(nodes)))  # type: ignore[arg-type]
    writes = [one for one in nodes.asked if isinstance(one, PushRequest) or one.stdin]
    assert len(writes) == 3
    assert {one.fence for one in writes} == {FENCE}
    assert not [
        one for one in nodes.asked if isinstance(one, ExecRequest) and "PRIVATE" in " ".join(one.argv)
    ]


def test_a_node_that_has_seen_a_later_run_gets_neither_key_nor_certificate() -> None:
    nodes = Nodes(seen=8)
    with pytest.raises(Locked, match="its lock has number 8"):
        asyncio.run(DEED.run(Desk(nodes)))  # type: ignore[arg-type]
    assert not [one for one in nodes.asked if isinstance(one, PushRequest)]
