"""How any vendor's API is talked to: retries and bounds, lost answers, and deeds that are looked after."""

from __future__ import annotations

import asyncio
import collections
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.providers.guard import FREE, Guard
from dynia.providers.pace import Pace, Patience

Json = dict[str, Any]
Value = TypeVar("Value")


class VendorRefused(DyniaError):
    """The vendor said no. `status` is HTTP's, `said` its own message."""

    def __init__(self, message: str, *, status: int, said: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status, self.said = status, said


class Gone(VendorRefused):
    """404: there is no such thing (any more)."""


class Unsure(Exception):
    """The call may have been carried out or not: there was no answer. Look before it is made again."""


class Errored(Exception):
    """What was begun failed at the vendor's."""


@dataclass(frozen=True, slots=True)
class Settled(Generic[Value]):
    """It is as it should be."""

    value: Value


@dataclass(frozen=True, slots=True)
class Pending:
    """Somebody is at it: look again later. `what` is for people."""

    what: str


@dataclass(frozen=True, slots=True)
class Lacking:
    """It is not so, and this makes it so. `what` tells the deeds of one purpose apart."""

    what: str
    deed: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """One call got none that counts; `wait` is for how many seconds the vendor asked."""

    reason: str
    may_be_done: bool
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class About:
    """What messages call the vendor, and where people see how it is."""

    name: str
    status_page: str


class VendorCalls(ABC):
    """Everything that is asked of an API goes through here, inside ``async with``.

    It may be entered more than once at a time; the connection is closed when the last one leaves, so nobody
    has to close a provider.
    """

    def __init__(self, about: About, patience: Patience, guard: Guard = FREE) -> None:
        self.patience, self.about = patience, about
        self._guard = guard
        self._pace = Pace(patience)
        self._inside = 0
        self._client: Any = None

    @abstractmethod
    def _open(self) -> Any:
        """The SDK's client, whose own retries are off: all of that is decided here."""

    @abstractmethod
    async def _once(self, scope: str, call: str, arguments: Json) -> Json | NoAnswer:
        """One call, once. `VendorRefused` where it was understood and refused."""

    @abstractmethod
    def _look_again(self, error: VendorRefused) -> bool:
        """Refused because of something that has changed since the look, or is about to."""

    async def __aenter__(self) -> Self:
        if self._client is None:
            self._client = self._open()
        self._inside += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside -= 1
        if self._inside == 0:
            client, self._client = self._client, None
            await client.close()

    async def ask(self, scope: str, call: str, *, repeatable: bool = True, **arguments: Any) -> Json:
        """One call of the SDK (``droplets.list``), until there is an answer or patience ends.

        A call that is not `repeatable` is made again only where it was surely not carried out; else `Unsure`.
        """
        tried = 0
        while True:
            await asyncio.sleep(self._pace.reserve())
            failed = await self._guarded(scope, call, arguments)
            if not isinstance(failed, NoAnswer):
                return failed
            tried += 1
            if failed.may_be_done and not repeatable:
                raise Unsure(failed.reason)
            if tried >= self.patience.attempts or failed.wait > self.patience.longest:
                waits = f"; it asks to wait {failed.wait:.0f} s" if failed.wait else ""
                raise NotObservedError(
                    f"{self.about.name}: no answer to {call} ({failed.reason}, asked {tried} times{waits})",
                    hint=f"see {self.about.status_page}; nothing is lost: run it again",
                )
            await asyncio.sleep(max(failed.wait, self.patience.back_off(tried)))

    async def _guarded(self, scope: str, call: str, arguments: Json) -> Json | NoAnswer:
        """One call, once: only while this run has its lease, and no longer than it surely has it."""
        self._guard.check()
        try:
            async with asyncio.timeout(self._guard.left()) as bound:
                return await self._once(scope, call, arguments)
        except TimeoutError:
            if not bound.expired():
                raise
            return NoAnswer("no answer while this run surely had its lock", may_be_done=True)

    async def settle(
        self, what: str, look: Callable[[], Awaitable[Settled[Value] | Pending | Lacking]]
    ) -> Value:
        """Look, do what is lacking, look again, until it is seen to be so; a deed's answer is not believed.

        `look` must see what an earlier run left, so that nothing is done twice. A deed that was done and is
        not seen is not repeated at once: what was made may be listed late.
        """
        begun, wait = time.monotonic(), self.patience.poll
        done: collections.Counter[str] = collections.Counter()
        hold, last, reason = 0, "", ""
        while True:
            seen = await look()
            if isinstance(seen, Settled):
                return seen.value
            if isinstance(seen, Pending):
                reason = seen.what
            elif hold and seen.what == last:
                hold -= 1
            elif done[seen.what] == self.patience.deeds:
                times = f"{seen.what}, {done[seen.what]} times"
                raise NotObservedError(
                    f"{what}: {times}, and it is not seen ({reason or 'no error'})",
                    hint=f"see {self.about.status_page}; nothing is lost: run it again",
                )
            else:
                last, hold = seen.what, self.patience.looks
                done[last] += 1
                try:
                    await seen.deed()
                    continue
                except Unsure as error:
                    reason = str(error)
                except Errored as error:
                    reason, hold = str(error), 0
                except VendorRefused as error:
                    if not self._look_again(error):
                        raise
                    reason, hold = error.said, 0
                    done[last] -= 1
            if time.monotonic() - begun > self.patience.within:
                raise NotObservedError(
                    f"{what}: not so after {self.patience.within:.0f} s ({reason or 'no error'})",
                    hint=f"look at it in {self.about.name}'s control panel, or run it again",
                )
            await asyncio.sleep(wait)
            wait = self.patience.next_poll(wait)


def for_terminal(text: str) -> str:
    """A vendor's own words: bounded, and without control characters."""
    return "".join(letter for letter in text[:300] if letter.isprintable())


def retry_after(headers: Any) -> float:
    """The seconds that an answer asks to wait; 0: it asks for none."""
    text = str(headers.get("retry-after", ""))
    return float(text) if text.isascii() and text.isdigit() else 0.0
