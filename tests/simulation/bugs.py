"""Engines with a bug planted in them: each is given a broken collaborator, as an argument.

Six are the obvious ones of such a tool; three more were chosen before the checks of the laws that find them were written:
a gate that is announced and was not asked; a machine deleted by its number, whoever's it is; every node of a rollout at
once. One came with drains, one with the way back, and one with a world in which it was so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from dynia.interfaces.errors import Locked
from dynia.interfaces.node_requests import (
    DrainRequest,
    ExpectedFile,
    GateAnswer,
    GateRequest,
    PushAnswer,
    PushRequest,
)
from dynia.interfaces.observed import ProviderNode
from dynia.services.executor import Outcome
from dynia.services.planning.plan import Plan
from dynia.services.reconcile import Reconciler
from dynia.state.model import Change, DropNode, SetComponent
from dynia.state.store import Store
from tests.simulation.connection import Connection
from tests.simulation.machine import Kept, Transaction
from tests.simulation.runner import Parts
from tests.simulation.scripts import Script
from tests.simulation.vendors import Provider
from tests.simulation.world import CLUSTER

replace = msgspec.structs.replace


class EndsFirst:
    """A store that writes what a step will have done before it is done."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._said: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def begin(self, cluster: str, step: str, action: bytes, changes: tuple[Change, ...] = ()) -> int:
        number = self._store.begin(cluster, step, action, changes)
        foreseen = self._foreseen(cluster, step, msgspec.json.decode(action))
        if foreseen:
            self._store.end(cluster, step, foreseen)
            self._said.add(step)
        return number

    def end(self, cluster: str, step: str, changes: tuple[Change, ...] = ()) -> None:
        if step not in self._said:
            self._store.end(cluster, step, changes)

    def fail(self, cluster: str, step: str, reason: str, changes: tuple[Change, ...] = ()) -> None:
        if step not in self._said:
            self._store.fail(cluster, step, reason, changes)

    def _foreseen(self, cluster: str, step: str, action: dict[str, Any]) -> tuple[Change, ...]:
        state = self._store.state
        if action["type"] == "delete_node" and action.get("recorded", True):
            return (DropNode(cluster=cluster, name=action["name"]),)
        if action["type"] == "wait_healthy":
            home = state.cluster(cluster)
            wanted = (action["component"], action["release"])
            known = next((r for r in home.releases if (r.component, r.id) == wanted), None) if home else None
            if known is not None:
                return (SetComponent(cluster=cluster, node=action["node"], release=known),)
        return ()


class Unfenced:
    """A run does not notice that its lease was taken over."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in ("check", "beat", "begin", "end", "fail", "write", "snapshot"):
            return found

        def deaf(*args: Any, **more: Any) -> Any:
            with suppress(Locked):
                return found(*args, **more)
            return 0

        return deaf


class NoTag(Provider):
    """Machines are not searched for by their tag, before one is made."""

    def tagged(self, lineage: str, cluster: str) -> tuple[ProviderNode, ...]:
        mine = super().tagged(lineage, cluster)
        recorded = {n.provider_id for n in self.wire.known()}
        return tuple(m for m in mine if m.provider_id in recorded)


class ByNumber(Provider):
    """A machine is deleted by its number, whoever's tag it carries."""

    def gone(self, provider_id: str) -> None:
        machine = self.world.machines.get(provider_id)
        same = [m for m in self.world.machines.values() if machine and m.ordinal == machine.ordinal]
        for one in same:
            super().gone(one.provider_id)


class CheckedBefore(Connection):
    """What the plan saw is compared by a call of its own, before the one that writes."""

    async def push(self, request: PushRequest) -> PushAnswer:
        node = self.node

        async def compare() -> tuple[str, ...]:
            script = Script(self.world, node, self.who, request.component)
            return script.differing(request.expected)

        changed = await self._run("compare", compare)
        if changed:
            return PushAnswer(phase="expected", changed=changed)
        return await super().push(replace(request, expected=tuple[ExpectedFile, ...]()))


class NotAsked(Connection):
    """A gate is announced and was not asked."""

    async def gate(self, request: GateRequest) -> GateAnswer:
        await asyncio.sleep(0.1)
        return GateAnswer(healthy=True)


class NotDrained(Connection):
    """A drain is announced, and visitors come all the same."""

    async def drain(self, request: DrainRequest) -> tuple[str, ...]:
        await asyncio.sleep(0.1)
        return request.services


class ForgetsOne(Script):
    """A node that is put back forgets one file."""

    def to_put_back(self, kept: Transaction) -> list[Kept]:
        return super().to_put_back(kept)[:-1]


class TakesUnseen(Script):
    """A removal takes what came since it was planned."""

    def unseen(self, expected: tuple[ExpectedFile, ...], paths: tuple[str, ...]) -> tuple[str, ...]:
        return ()


class RemovesBlindly(Connection):
    script = TakesUnseen


class PutBackBadly(Connection):
    script = ForgetsOne


class HolderFirst(Reconciler):
    """The node that has the address is worked on before the others."""

    async def _execute(self, plan: Plan) -> Outcome:
        return await super()._execute(holder_first(plan))


class ForgetsANode(Reconciler):
    """Of the nodes that are to go back after a release failed, one is not thought of."""

    async def plan(self, *, sync: bool = False) -> Plan:
        plan = await super().plan(sync=sync)
        nodes = [step.node for step in plan.steps if step.node]
        if not self.within or not nodes:
            return plan
        first = self.forgotten = getattr(self, "forgotten", nodes[0])
        steps = tuple(s for s in plan.steps if s.node != first)
        return replace(plan, steps=steps, later=tuple(s for s in plan.later if s.node != first))


class AllAtOnce(Reconciler):
    """No node waits for another."""

    async def _execute(self, plan: Plan) -> Outcome:
        own = tuple(
            replace(s, after=tuple(a for a in s.after if not s.node or a.startswith(f"{s.node}/")))
            for s in plan.steps
        )
        return await super()._execute(replace(plan, steps=own))


def holder_first(plan: Plan) -> Plan:
    """Its steps wait for nobody else's, and everybody's first step waits for its last one."""
    mine = [s.id for s in plan.steps if s.node == plan.holder]
    if not mine:
        return plan
    started: set[str] = set()
    steps = []
    for step in (*(s for s in plan.steps if s.id in mine), *(s for s in plan.steps if s.id not in mine)):
        after = tuple(a for a in step.after if step.id not in mine or a in mine or not _of_a_node(a, plan))
        if step.id not in mine:
            after = tuple(a for a in after if a not in mine)
            if step.node and step.node not in started:
                after = (*after, mine[-1])
        started.add(step.node)
        steps.append(replace(step, after=after))
    return replace(plan, steps=tuple(steps))


def _of_a_node(step_id: str, plan: Plan) -> bool:
    return any(s.id == step_id and s.node for s in plan.steps)


def connected(kind: type[Connection]) -> Callable[[Connection], Connection]:
    return lambda honest: kind(honest.wire, honest.node)


BUGS: dict[str, Parts] = {
    "the end is written before the deed": Parts(store=EndsFirst),
    "the tag is not searched for": Parts(provider=NoTag),
    "checked before and not within the write": Parts(connection=connected(CheckedBefore)),
    "the lease is not fenced": Parts(store=Unfenced),
    "the holder goes first": Parts(reconciler=HolderFirst),
    "a removal takes what was not seen": Parts(connection=connected(RemovesBlindly)),
    "a node that is put back forgets a file": Parts(connection=connected(PutBackBadly)),
    "a rollback forgets a node": Parts(reconciler=ForgetsANode),
    "a gate is announced and was not asked": Parts(connection=connected(NotAsked)),
    "a drain is announced and keeps nobody away": Parts(connection=connected(NotDrained)),
    "a machine is deleted by its number": Parts(provider=ByNumber),
    "every node of a rollout at once": Parts(reconciler=AllAtOnce),
}


def worlds_until_found(parts: Parts, seed: str, most: int) -> tuple[int, str]:
    """How many worlds it took, and what broke; 0 where it was not found."""
    from tests.simulation.story import play

    for number in range(most):
        told = play(f"{seed}/{number}", parts)
        if told.violations:
            return number + 1, told.violations[0]
    return 0, ""


__all__ = ["BUGS", "CLUSTER", "worlds_until_found"]
