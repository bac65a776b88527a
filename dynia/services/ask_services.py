"""Ask every service through every node's own Caddy: what `dynia status` claims, it saw."""

from __future__ import annotations

import asyncio
import re

from dynia.interfaces.desired import Service
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.node_requests import ExecRequest
from dynia.interfaces.observed import NodeFacts
from dynia.interfaces.shape import Shape
from dynia.services.connections import Connections
from dynia.services.planning.components.haproxy import check_host
from dynia.services.planning.inputs import PlanningInput
from dynia.state.model import Node

ASK_S = 3.0
_STATUS = re.compile("[1-9][0-9]{2}")


class Answer(Shape):
    """What one service answered on one node. `status` 0: no answer. `release` is its X-Dynia-Release."""

    node: str
    service: str
    status: int = 0
    release: str = ""

    @property
    def serves(self) -> bool:
        return 200 <= self.status < 400


async def ask_services(connections: Connections, given: PlanningInput) -> tuple[Answer, ...]:
    """One request per HTTP service and observed node, all at once."""
    spec = given.desired
    if spec is None:
        return ()
    nodes = [
        node
        for node in given.state.nodes_of(given.target)
        if isinstance(given.observed.nodes.get(node.name), NodeFacts)
    ]
    services = [service for service in spec.services if service.target is not None]
    asked = [_ask(connections, node, service) for node in nodes for service in services]
    return tuple(await asyncio.gather(*asked))


async def _ask(connections: Connections, node: Node, service: Service) -> Answer:
    url = f"http://{node.private_ip}:8080{service.health.path}"
    argv = (
        "curl",
        "-s",
        "-m",
        f"{ASK_S:g}",
        "-o",
        "/dev/null",
        "-D",
        "-",
        "-H",
        f"Host: {check_host(service)}",
        url,
    )
    try:
        connection = await connections.get(node.name)
        done = await connection.exec(ExecRequest(argv=argv, deadline_s=ASK_S + 2))
    except DyniaError:
        return Answer(node=node.name, service=service.name)
    return parse_answer(node.name, service.name, done.stdout)


def parse_answer(node: str, service: str, head: bytes) -> Answer:
    """Status line and release of an HTTP head; the last one, after any 100 Continue."""
    status, release = 0, ""
    for line in head.decode("latin-1").splitlines():
        if line.startswith("HTTP/"):
            words = line.split()
            told = words[1] if len(words) > 1 else ""
            status, release = int(told) if _STATUS.fullmatch(told) else 0, ""
        name, _, value = line.partition(":")
        if name.lower() == "x-dynia-release":
            release = value.strip()
    return Answer(node=node, service=service, status=status, release=release)
