"""Somebody who asks a URL again and again, each time on a new connection, while something is done to the cluster."""

from __future__ import annotations

import http.client
import threading
import time
from types import TracebackType

from dynia.interfaces.shape import Shape
from tests.e2e.scratch import Scratch

EVERY_S = 0.05
TIMEOUT_S = 3.0
# A request that was under way this near to a move of the address may have been lost with it.
NEAR_S = 1.5
AT_MOST = 20_000


class Visit(Shape):
    """One request: when it began (seconds of the epoch), how long it took, and what came of it (``200`` is good)."""

    at: float
    seconds: float
    result: str
    page: str = ""


class Visitor:
    """``with Visitor(address) as visitor: ...``; afterwards `visits` holds every request, at most `AT_MOST`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.visits: list[Visit] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)

    def __enter__(self) -> Visitor:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(timeout=TIMEOUT_S + 5)

    @property
    def failed(self) -> list[Visit]:
        return [visit for visit in self.visits if visit.result != "200"]

    @property
    def slowest(self) -> float:
        return max(visit.seconds for visit in self.visits)

    def check(self, *, moves: tuple[float, ...] = ()) -> None:
        """Every request was answered with 200; those around a move that keepalived made by itself are left out."""
        lost = [
            v for v in self.failed if not any(v.at - NEAR_S < m < v.at + v.seconds + NEAR_S for m in moves)
        ]
        print(
            f"{self.address}: {len(self.visits)} requests, {len(lost)} lost, {len(moves)} moves of the address, "
            f"slowest {self.slowest * 1000:.0f} ms"
        )
        assert len(self.visits) > 20
        assert lost == [], f"{len(lost)} of {len(self.visits)} at {self.address}"

    def _go(self) -> None:
        while not self._end.is_set() and len(self.visits) < AT_MOST:
            began, clock = time.time(), time.monotonic()
            result, page = self._ask()
            took = time.monotonic() - clock
            self.visits.append(Visit(at=began, seconds=took, result=result, page=page))
            self._end.wait(max(0.0, EVERY_S - took))

    method, path = "GET", "/"

    def _ask(self) -> tuple[str, str]:
        link = http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)
        try:
            link.request(self.method, self.path, headers={"Host": "visitor.test", "Connection": "close"})
            answer = link.getresponse()
            return str(answer.status), answer.read(4096).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}", ""
        finally:
            link.close()


class Poster(Visitor):
    """What it sends may not be sent again by anybody in between, and is at work for a while."""

    method, path = "POST", "/cgi-bin/index.cgi?wait=0.2"


class Visitors:
    """One visitor at the reserved IP, one at the HAProxy of each of some nodes, whoever has the address.

    A machine that is short of processors lets keepalived lose its adverts, and then the address moves although
    nobody asked for it. What that costs is measured elsewhere; here it must not hide what a rollout costs.
    """

    def __init__(self, cluster: Scratch, *nodes: str, kind: type[Visitor] = Visitor) -> None:
        self._cluster = cluster
        self._began = time.time()
        self._at_entry = kind(cluster.entry())
        self._at_nodes = [kind(cluster.address(node)) for node in nodes]

    def __enter__(self) -> Visitors:
        for visitor in (self._at_entry, *self._at_nodes):
            visitor.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for visitor in (self._at_entry, *self._at_nodes):
            visitor.__exit__(kind, error, trace)

    def check(self) -> None:
        """Every request was answered with 200."""
        for visitor in self._at_nodes:
            visitor.check()
        self._at_entry.check(moves=self.moves())

    @property
    def failed(self) -> list[Visit]:
        return [visit for visitor in (self._at_entry, *self._at_nodes) for visit in visitor.failed]

    def moves(self) -> tuple[float, ...]:
        """When a node became MASTER since the beginning, as keepalived's journals have it."""
        read = f"journalctl -u keepalived --since @{int(self._began)} -o short-unix --no-pager"
        lines = [
            line
            for node in self._cluster.nodes()
            for line in self._cluster.sh(node, read).splitlines()
            if "Entering MASTER STATE" in line
        ]
        return tuple(float(line.split(" ", 1)[0]) for line in lines)
