"""Keep visitors away from services of a node before they are disturbed, and let them in again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Set

from dynia.interfaces.errors import ApplyFailed, DyniaError, Locked, NotObservedError
from dynia.interfaces.node_requests import WHOLE_NODE, DrainRequest, Traffic, TrafficRequest
from dynia.interfaces.shape import Shape
from dynia.services.actions.base import Action, Tools
from dynia.state.model import Change

LOOK_S = 0.5
# So long one HAProxy may take to answer, and so long the others may take until they serve.
ANSWER_S, OTHERS_S = 5.0, 15.0


class Lack(Shape):
    """Too few others take a service. `passing`: somebody else might; else that HAProxy knows nobody else."""

    said: str
    passing: bool


class _Draining(Action):
    """No HAProxy of `watch` sends `services` of the node anything new, and what was at work there has ended,
    or `timeout_s` is over. Before that, each of them sends to others: what serves now is asked, and not what
    served when the plan was made; whom the same run is draining does not count. `least`: to how many others
    at least, by service; 0: to one, or there is no drain.

    `lasts_s`: after that time visitors are let in again, whoever died meanwhile.
    """

    node: str
    services: tuple[str, ...]
    watch: tuple[str, ...]
    least: dict[str, int]
    timeout_s: float
    lasts_s: float

    async def _served_by_others(self, tools: Tools, *, firm: bool) -> tuple[str, ...]:
        """The services that may be drained. Waits for others; raises where the plan saw some that don't, or
        (`firm`: there is no going on without it) where any are missing."""
        lacking: dict[str, Lack] = {}
        told: dict[str, Traffic] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OTHERS_S):
                while True:
                    # Who says nothing now is taken at its last word.
                    told |= await _ask(tools, self.watch)
                    lacking = self._lacking(told, tools.away)
                    if not any(lack.passing for lack in lacking.values()):
                        break
                    await asyncio.sleep(LOOK_S)
        for service, lack in lacking.items():
            if firm or (lack.passing and self.least[service]):
                raise ApplyFailed(
                    f"{self.node} · {service} · {lack.said}; nothing was disturbed",
                    hint="mend the others first: `dynia status` shows them; then apply again",
                )
            tools.say(self.node, f"{service} is not drained: {lack.said}")
        # Nothing was awaited since the answers came: of two that count on each other one goes first.
        tools.away.update((self.node, service) for service in self.services)
        return tuple(service for service in self.services if service not in lacking)

    def _lacking(self, told: dict[str, Traffic], away: Set[tuple[str, str]]) -> dict[str, Lack]:
        """Services that too few others take, by the word of some HAProxy."""
        found = {}
        for watcher, traffic in told.items():
            for service in self.services:
                sent = [s for s in traffic.sent if s.service == service]
                if not any(s.taking for s in sent if s.node == self.node):
                    continue  # who serves nobody may always be worked on
                others = [s for s in sent if s.node != self.node]
                busy = sorted(s.node for s in others if (s.node, service) in away)
                taking = sum(s.taking and s.node not in busy for s in others)
                # It may not know yet of nodes that just came.
                least = max(1, min(self.least[service], len(others)))
                if taking < least:
                    who = f"{taking} other {'node' if taking == 1 else 'nodes'}"
                    who += f" besides {', '.join(busy)}, where work is going on" if busy else ""
                    said = f"HAProxy on {watcher} sends it to {who}, and {least} must take it"
                    found[service] = Lack(said=said, passing=bool(others))
        return found

    async def _emptied(self, tools: Tools, flagged: frozenset[str]) -> None:
        watch, said = self.watch, ""
        try:
            async with asyncio.timeout(self.timeout_s):
                while True:
                    told = await _ask(tools, (*watch, self.node), own=self.node)
                    sending, open_at = self._left(told, flagged)
                    left = _words(sending, max(sum(open_at.values()), _at_work(told.get(self.node), flagged)))
                    if not left:
                        return
                    if left != said:
                        tools.say(self.node, f"draining {', '.join(sorted(flagged))}: {left}")
                    said = left
                    # Who has nothing there any more gets nothing new for it.
                    watch = tuple(name for name in watch if name in sending or open_at.get(name))
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            tools.say(self.node, f"not drained within {self.timeout_s:g} s ({said or 'no answer'}): going on")

    def _left(self, told: dict[str, Traffic], flagged: frozenset[str]) -> tuple[list[str], dict[str, int]]:
        """Who still sends, and how many sessions each has open here."""
        mine = {
            name: [s for s in traffic.sent if s.node == self.node and s.service in flagged]
            for name, traffic in told.items()
        }
        sending = [name for name, sent in mine.items() if any(one.taking for one in sent)]
        return sending, {name: sum(one.sessions for one in sent) for name, sent in mine.items()}


class Drain(_Draining, tag="drain"):
    """Visitors are kept away from services of a node while it changes."""

    def sentence(self) -> str:
        return f"drain {', '.join(self.services)}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        services = await self._served_by_others(tools, firm=False)
        flagged = await _flag(tools, self.node, services, lasts_s=self.lasts_s)
        for service in services:
            if service not in flagged:
                tools.say(self.node, f"{service} can't be drained yet: its Caddyfile looks at no flag")
        if flagged:
            await self._emptied(tools, frozenset(flagged))
        return ()


class DrainNode(_Draining, tag="drain_node"):
    """Somebody asked for it: visitors are kept away from all that `node` serves, until further notice. One
    flag stands for all services, so it is there or it is not, whoever dies meanwhile."""

    def sentence(self) -> str:
        return "drain the whole node"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await self._served_by_others(tools, firm=True)
        if not await _flag(tools, self.node, (WHOLE_NODE,), lasts_s=self.lasts_s):
            raise ApplyFailed(
                f"{self.node} can't be drained yet: its Caddyfile looks at no flag; nothing was disturbed",
                hint="`dynia apply` brings one that does; a template of your own needs what "
                "templates/caddy/Caddyfile.mustache has for it",
            )
        await self._emptied(tools, frozenset(self.services))
        return ()


class UndrainNode(Action, tag="undrain_node"):
    """Visitors come again to all that the node serves."""

    node: str

    def sentence(self) -> str:
        return "end the drain of the whole node"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await _flag(tools, self.node, (WHOLE_NODE,))
        return ()


class Undrain(Action, tag="undrain"):
    """Visitors are let in again."""

    node: str
    services: tuple[str, ...]

    def sentence(self) -> str:
        return f"end the drain of {', '.join(self.services)}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await _flag(tools, self.node, self.services)
        tools.away.difference_update((self.node, service) for service in self.services)
        return ()


async def _flag(
    tools: Tools, node: str, services: tuple[str, ...], *, lasts_s: float = 0.0
) -> tuple[str, ...]:
    connection = await tools.connection(node)
    try:
        return await connection.drain(DrainRequest(services=services, lasts_s=lasts_s, fence=tools.fence))
    except (Locked, NotObservedError):
        raise
    except DyniaError as error:
        what = "the whole node" if services == (WHOLE_NODE,) else ", ".join(services)
        said = f"{node} · drain of {what} · {error.message}"
        raise ApplyFailed(said, hint=error.hint) from error


def _at_work(traffic: Traffic | None, services: frozenset[str]) -> int:
    """What the node's own Caddy has open: also from a HAProxy that nobody can ask."""
    return sum(traffic.at_work.get(service, 0) for service in services) if traffic else 0


def _words(sending: list[str], sessions: int) -> str:
    parts = [f"HAProxy on {', '.join(sending)} still sends"] if sending else []
    if sessions:
        parts.append(f"{sessions} {'session' if sessions == 1 else 'sessions'} left")
    return ", ".join(parts)


async def _ask(tools: Tools, names: Iterable[str], own: str = "") -> dict[str, Traffic]:
    """What those who answer tell."""
    asked = tuple(dict.fromkeys(names))
    told = await asyncio.gather(*(_ask_one(tools, name, own=name == own) for name in asked))
    return {name: traffic for name, traffic in zip(asked, told, strict=True) if traffic is not None}


async def _ask_one(tools: Tools, name: str, *, own: bool) -> Traffic | None:
    try:
        async with asyncio.timeout(ANSWER_S):
            connection = await tools.connection(name)
            return await connection.traffic(TrafficRequest(own=own))
    except Locked:
        raise
    except (TimeoutError, DyniaError):
        # Whom nobody reaches is not waited for: its own checks hear of the flag too.
        return None
