"""A client that follows RFC 9110: what it asks, over which connection, and the one retry that it is allowed."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque

from dynia.interfaces.shape import Shape
from tests.availability.wire import Link, Lost, Outcome, Target

# As the lab's pages say it: node, release and, if the service repeats it, the request's number.
PAGE = re.compile(r"Hello from (\S+), version (\S+)\n(?:request (\S+)\n)?")


class Kind(Shape):
    """How a request is sent: `fresh` over a connection of its own, else over one that others have used before."""

    method: str = "GET"
    fresh: bool = True
    path: str = "/"

    @property
    def idempotent(self) -> bool:
        return self.method == "GET"


class Asked(Shape):
    """One request that was sent. Times are of the monotonic clock; `due` is when it should have begun."""

    number: int
    kind: Kind
    due: float
    begin: float
    end: float
    outcome: Outcome
    why: str = ""
    wait: float = 0.0
    node: str = ""
    release: str = ""
    retried: bool = False

    @property
    def good(self) -> bool:
        return self.outcome is Outcome.OK

    @property
    def seconds(self) -> float:
        """How long it took beyond the time that the service was told to take."""
        return max(0.0, self.end - self.begin - self.wait)

    @property
    def late(self) -> float:
        return self.begin - self.due


class Client:
    """Asks one target; keeps connections between requests. `releases`: any other one is a wrong answer (empty: none is)."""

    def __init__(self, target: Target, *, timeout_s: float, releases: frozenset[str] = frozenset()) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._releases = releases
        self._idle: deque[Link] = deque()

    async def ask(self, number: int, kind: Kind, *, due: float, wait: float = 0.0) -> Asked:
        """One request, whatever becomes of it."""
        begin = time.monotonic()
        retried, node, release, why, outcome = False, "", "", "", Outcome.OK
        link = None if kind.fresh else self._kept()
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    page = await self._ask(link or await Link.open(self._target), number, kind, wait)
                except Lost as lost:
                    # A connection that was idle may be closed at the very moment at which it is used again. Then, and
                    # only then, is what may be repeated sent once more (RFC 9110, 9.2.2; RFC 9112, 9.3.1).
                    if link is None or lost.outcome is not Outcome.UNANSWERED or not kind.idempotent:
                        raise
                    retried = True
                    page = await self._ask(await Link.open(self._target), number, kind, wait)
            node, release = self._read(number, page)
        except Lost as lost:
            outcome, why = lost.outcome, str(lost)
        except TimeoutError:
            outcome, why = Outcome.TIMEOUT, f"no answer within {self._timeout_s:g} s"
        return Asked(
            number=number, kind=kind, due=due, begin=begin, end=time.monotonic(), outcome=outcome, why=why,
            wait=wait, node=node, release=release, retried=retried,
        )  # fmt: skip

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> Link | None:
        """The connection that has been idle for longest; those that were closed meanwhile are dropped."""
        while self._idle:
            link = self._idle.popleft()
            if link.open_for_more:
                return link
            link.close()
        return None

    async def _ask(self, link: Link, number: int, kind: Kind, wait: float) -> str:
        headers = {"X-Request-Id": str(number), **({"Connection": "close"} if kind.fresh else {})}
        path = f"{kind.path}?wait={wait:.3f}" if wait else kind.path
        body = b"" if kind.idempotent else b"?"
        keep = False
        try:
            page = await link.ask(path, method=kind.method, headers=headers, body=body)
            keep = link.open_for_more
        finally:
            if keep:
                self._idle.append(link)
            else:
                link.close()
        return page.decode(errors="replace")

    def _read(self, number: int, page: str) -> tuple[str, str]:
        found = PAGE.match(page)
        if not found:
            raise Lost(Outcome.WRONG, page[:200])
        node, release, repeated = found.groups()
        if repeated not in (None, str(number)):
            raise Lost(Outcome.WRONG, f"the answer to request {repeated}")
        if self._releases and release not in self._releases:
            raise Lost(Outcome.WRONG, f"release {release} on {node}")
        return node, release
