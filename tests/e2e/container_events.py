"""What the nodes' Dockers say of a container while something is done: when it ended, began, became healthy."""

from __future__ import annotations

import subprocess
from types import TracebackType

from dynia.interfaces.shape import Shape
from tests.e2e.scratch import Scratch

HEALTHY = "health_status: healthy"


class Away(Shape):
    """A time in which a node's container did not serve: from its end to the health of the one after it."""

    node: str
    begin: float
    end: float


class ContainerEvents:
    """``with ContainerEvents(cluster, container) as events: ...``; afterwards `away` tells."""

    def __init__(self, cluster: Scratch, container: str) -> None:
        self._nodes = cluster.nodes()
        self._container = container
        self._heard: dict[str, subprocess.Popen[str]] = {}
        self.events: dict[str, list[tuple[float, str]]] = {}

    def __enter__(self) -> ContainerEvents:
        for node, machine in self._nodes.items():
            self._heard[node] = subprocess.Popen(
                [
                    *("docker", "exec", machine, "timeout", "900", "docker", "events"),
                    *("--filter", f"container={self._container}", "--format", "{{.TimeNano}} {{.Action}}"),
                    *("--filter", "event=start", "--filter", "event=die", "--filter", "event=health_status"),
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node, heard in self._heard.items():
            heard.terminate()
            said, _ = heard.communicate(timeout=10)
            rows = [line.split(" ", 1) for line in said.splitlines()]
            self.events[node] = [(int(at) / 1e9, what) for at, what in rows]

    def away(self) -> list[Away]:
        """In the order of their beginning. A container that never became healthy again is away for ever."""
        found = []
        for node, events in self.events.items():
            begin = 0.0
            for at, what in sorted(events):
                if what == "die" and not begin:
                    begin = at
                elif what == HEALTHY and begin:
                    found.append(Away(node=node, begin=begin, end=at))
                    begin = 0.0
            if begin:
                found.append(Away(node=node, begin=begin, end=float("inf")))
        return sorted(found, key=lambda away: away.begin)
