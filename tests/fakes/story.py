"""A story that a store lives through, step by step, and what its state must be after each step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import msgspec

from dynia.state.model import Change, DropCluster, State, change
from dynia.state.store import Store
from tests.fakes import states

Deed = Callable[[Store, ExitStack], object]
Effect = Callable[[State], State]


@dataclass(frozen=True)
class Turn:
    """One call of the store, and what it does to the state."""

    name: str
    deed: Deed
    effect: Effect


def story() -> tuple[Turn, ...]:
    """Two clusters, creates, failures, snapshots, and the current cluster, all that an apply does."""
    return (
        _current("prod"),
        Turn("lock prod", lambda s, held: held.enter_context(s.lock("prod", "test")), _nothing),
        _write("prod", states.recorded("prod")),
        _begin("prod", "node-1/provision", states.begun("prod", 1)),
        _end("prod", "node-1/provision", states.born("prod", 1)),
        _begin("prod", "node-1/caddy/push", ()),
        Turn("snapshot", lambda s, held: s.snapshot(), _nothing),
        _end("prod", "node-1/caddy/push", states.good("prod", 1, "caddy", "c1")),
        _current(None),
        _begin("prod", "node-1/api/push", ()),
        Turn(
            "fail",
            lambda s, held: s.fail("prod", "node-1/api/push", "no answer"),
            lambda state: _after(state, "prod", ()),
        ),
        _write("prod", (states.services("prod", "api", "mailer"),)),
        Turn("unlock", lambda s, held: held.close(), _nothing),
        Turn("lock staging", lambda s, held: held.enter_context(s.lock("staging", "test")), _nothing),
        _write("staging", states.recorded("staging")),
        _begin("staging", "node-1/provision", states.begun("staging", 1)),
        _current("staging"),
        _end("staging", "node-1/provision", states.born("staging", 1)),
        _write("staging", (DropCluster(name="staging"),)),
        _write("staging", states.recorded("staging")),
        _current("staging"),
        Turn("unlock", lambda s, held: held.close(), _nothing),
    )


def states_of(turns: tuple[Turn, ...], lineage: str) -> list[State]:
    """The state before the first turn, and after each."""
    found = [State(lineage=lineage)]
    serials: dict[str, int] = {}
    for turn in turns:
        found.append(_stamped(turn.effect(found[-1]), turn, serials))
    return found


def _stamped(state: State, turn: Turn, serials: dict[str, int]) -> State:
    if turn.name.startswith(("write ", "begin ", "end ")) or turn.name == "fail":
        cluster = turn.name.split()[1] if " " in turn.name else "prod"
        serials[cluster] = serials.get(cluster, 0) + 1
    clusters = tuple(msgspec.structs.replace(c, serial=serials.get(c.name, 0)) for c in state.clusters)
    return msgspec.structs.replace(state, clusters=clusters)


def _nothing(state: State) -> State:
    return state


def _after(state: State, cluster: str, changes: tuple[Change, ...]) -> State:
    for done in changes:
        state = change(state, done)
    return state


def _write(cluster: str, changes: tuple[Change, ...]) -> Turn:
    return Turn(
        f"write {cluster}",
        lambda s, held: s.write(cluster, changes, "because"),
        lambda state: _after(state, cluster, changes),
    )


def _begin(cluster: str, step: str, changes: tuple[Change, ...]) -> Turn:
    return Turn(
        f"begin {cluster} {step}",
        lambda s, held: s.begin(cluster, step, b'{"type":"deed"}', changes),
        lambda state: _after(state, cluster, changes),
    )


def _end(cluster: str, step: str, changes: tuple[Change, ...]) -> Turn:
    return Turn(
        f"end {cluster} {step}",
        lambda s, held: s.end(cluster, step, changes),
        lambda state: _after(state, cluster, changes),
    )


def _current(name: str | None) -> Turn:
    return Turn(
        f"current {name}",
        lambda s, held: s.write_current(name),
        lambda state: msgspec.structs.replace(state, current_cluster=name),
    )
