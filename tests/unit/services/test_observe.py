"""A look at many nodes: what is counted as a node's silence, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from dynia.interfaces.node_requests import ObserveRequest
from dynia.interfaces.observed import NodeFacts, NotObserved, ObservedNode
from dynia.services.connections import Connections
from dynia.services.observe import observe_nodes
from dynia.state.model import Node
from tests.fakes.time_that_jumps import run

CONNECT_S, ANSWER_S, TIMEOUT_S = 3.0, 1.0, 5.0


class Machine:
    """Connecting takes its time; so does an answer, and `mute` has none."""

    def __init__(self, name: str, mute: frozenset[str]) -> None:
        self._name, self._mute = name, mute

    async def observe(self, request: ObserveRequest) -> NodeFacts:
        await asyncio.sleep(3600 if self._name in self._mute else ANSWER_S)
        return NodeFacts(hostname=self._name, boot_id="b", os="debian-13", arch="amd64")

    async def close(self) -> None: ...


class Machines:
    def __init__(self, mute: frozenset[str]) -> None:
        self._mute = mute
        self.connecting = 0
        self.most = 0

    async def connect(self, node: Node) -> Machine:
        self.connecting += 1
        self.most = max(self.most, self.connecting)
        await asyncio.sleep(CONNECT_S)
        self.connecting -= 1
        return Machine(node.name, self._mute)


def look(machines: Machines, names: list[str], fan_out: int) -> dict[str, ObservedNode]:
    def node(name: str) -> Node:
        where = "198.18.7.11"
        return Node(
            cluster="prod",
            name=name,
            ordinal=1,
            provider_id=name,
            address=where,
            private_ip=where,
            host_key="",
        )

    async def nobody() -> Mapping[str, str]:
        return {}

    async def work() -> dict[str, ObservedNode]:
        connections = Connections(machines, node, fan_out)
        request = ObserveRequest(roots=("/opt/dynia",))
        return await observe_nodes(connections, names, request, timeout_s=TIMEOUT_S, silent=nobody())

    return run(work())


def test_waiting_for_a_turn_is_not_a_nodes_silence() -> None:
    machines, names = Machines(frozenset()), [f"web-{n}" for n in range(20)]
    seen = look(machines, names, fan_out=2)
    assert {name: type(found) for name, found in seen.items()} == dict.fromkeys(names, NodeFacts)
    assert machines.most == 2


def test_a_node_that_says_nothing_is_not_observed_and_holds_up_nobody() -> None:
    names = [f"web-{n}" for n in range(6)]
    seen = look(Machines(frozenset({"web-1", "web-2"})), names, fan_out=2)
    silent = NotObserved(reason="no answer within 5 s")
    assert {name for name, found in seen.items() if found == silent} == {"web-1", "web-2"}
    assert sum(isinstance(found, NodeFacts) for found in seen.values()) == 4
