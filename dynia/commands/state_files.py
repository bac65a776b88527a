"""Runs `dynia state show|pull|push`, `dynia forget`, `dynia unhold`: file and state alone, no node."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from msgspec.structs import replace

from dynia.commands.agreeing import agree
from dynia.commands.known import store_of
from dynia.commands.output import standard_output
from dynia.commands.screens.state import StateCluster, StateView, pushed_text, state_json, state_text
from dynia.interfaces.composition import this_run
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.read_whole import read_whole
from dynia.interfaces.requests import ForgetRequest, StatePushRequest, StateRequest, UnholdRequest
from dynia.interfaces.target import resolve_target
from dynia.state.model import DropNode, PutCluster
from dynia.state.pushed_copy import replacing
from dynia.state.snapshot import STATE_LIMIT, read_text, snapshot_of, state_of, write_text
from dynia.state.store import Store

_AFTERWARDS = {
    True: "the next apply takes it in again, unless it is taken out of the file",
    False: "with this cluster's tag on it: the next apply adopts it, or deletes it if the file wants fewer",
}


def show_state(request: StateRequest) -> int:
    """Show the state in words."""
    store, output = _store(request.target.file), standard_output()
    if request.as_json:
        output.data(state_json(_view(store)))
    else:
        output.show(state_text(_view(store), width=output.width, color=output.color))
    return 0


def pull_state(request: StateRequest) -> int:
    """Print the whole state; it can be pushed again."""
    store = _store(request.target.file)
    if not store.state.lineage:
        raise DyniaError("there is no state here yet", hint="lost? `dynia state rebuild` makes it again")
    standard_output().data(write_text(snapshot_of(store.state, {})))
    return 0


def push_state(request: StatePushRequest) -> int:
    """Put a copy in the place of the state, cluster by cluster, each under its lock."""
    output = standard_output()
    copy = state_of(read_text(Path(request.source), _read(request.source), "")[0])
    kept = _opened(request.target.file, make=False)
    replaced = replacing(kept.state, copy, force=request.force)
    if not replaced and kept.state.lineage:
        output.show("The copy says what the state says: nothing is changed.")
        return 0
    output.show(pushed_text(replaced, width=output.width))
    agree(
        output,
        "Replace the state by this copy?",
        yes=request.yes,
        refusal="the state is not replaced",
        again="dynia state push --yes",
    )
    store = _opened(request.target.file, make=True)
    store.take_lineage(copy.lineage)
    for one in replaced:
        with store.lock(one.cluster, this_run(os.environ)):
            home = store.state.cluster(one.cluster)
            if (home.serial if home else 0) != one.before:
                raise Refused(f"cluster {one.cluster} was written meanwhile", hint="look, then push again")
            store.write(one.cluster, one.changes, "a copy was pushed", above=one.serial)
    if copy.current_cluster != store.state.current_cluster:
        store.write_current(copy.current_cluster)
    output.show("The state is replaced. Next: `dynia plan`")
    return 0


def forget_node(request: ForgetRequest) -> int:
    """Drop a node from the state; whoever runs there goes on."""
    output = standard_output()
    kept = _opened(request.target.file, make=False)
    names = tuple(c.name for c in kept.state.clusters)
    cluster = resolve_target(request.target.cluster, os.environ, kept.state.current_cluster, names)
    node = kept.state.node(cluster, request.node)
    if node is None:
        known = ", ".join(n.name for n in kept.state.nodes_of(cluster)) or "none"
        raise DyniaError(f"cluster {cluster} has no node {request.node}", hint=f"its nodes: {known}")
    home = kept.state.cluster(cluster)
    output.show(
        f"{node.name} ({node.address}) leaves the state of {cluster}. Nothing is done to the machine: it "
        f"runs on, and {_AFTERWARDS[home is not None and home.provider == 'ssh']}."
    )
    agree(
        output,
        f"Forget {node.name}?",
        node.name,
        yes=request.yes,
        refusal=f"{node.name} is not forgotten",
        again=f"dynia forget {node.name} --yes --cluster {cluster}",
    )
    store = _opened(request.target.file, make=True)
    with store.lock(cluster, this_run(os.environ)):
        if store.state.node(cluster, node.name) != node:
            raise Refused(f"{node.name} was changed meanwhile", hint="look at the state again")
        store.write(cluster, (DropNode(cluster=cluster, name=node.name),), f"{node.name} is forgotten")
    output.show(f"{node.name} is forgotten. Next: `dynia plan --cluster {cluster}`")
    return 0


def unhold(request: UnholdRequest) -> int:
    """Take holds out of the state."""
    store, output = _opened(request.target.file, make=True), standard_output()
    names = tuple(c.name for c in store.state.clusters)
    cluster = resolve_target(request.target.cluster, os.environ, store.state.current_cluster, names)
    with store.lock(cluster, this_run(os.environ)):
        home = store.state.cluster(cluster)
        holds = home.holds if home is not None else ()
        freed = tuple(one for one in holds if request.service in ("", one.service))
        if home is None or not freed:
            known = ", ".join(f"{one.service} ({one.release})" for one in holds) or "nothing"
            what = f"no release of {request.service}" if request.service else "nothing"
            raise DyniaError(f"cluster {cluster}: {what} is on hold", hint=f"on hold: {known}")
        left = tuple(one for one in holds if one not in freed)
        # What may be applied again may be sent visitors again, too.
        out = tuple(one for one in home.kept_out if one.service in {hold.service for hold in left})
        changed = replace(home, holds=left, kept_out=out)
        store.write(cluster, (PutCluster(cluster=changed),), "holds are taken away")
    for one in freed:
        output.show(f"Release {one.release} of {one.service} may be applied again.")
    output.show(f"Next: `dynia plan --cluster {cluster}`")
    return 0


def _store(file: str | None) -> Store:
    store = _opened(file, make=False)
    for note in store.notes:
        standard_output().tell(f"Note: {note}")
    return store


def _view(store: Store) -> StateView:
    state = store.state
    clusters = tuple(
        StateCluster(
            name=home.name,
            provider=home.provider,
            generation=home.generation,
            serial=home.serial,
            fencing=store.fencing(home.name),
            nodes=tuple(n.name for n in state.nodes_of(home.name)),
            services=tuple(d.name for d in state.deployments if d.cluster == home.name),
            unfinished=tuple(begun.step for begun in store.unfinished(home.name)),
            intents=tuple(i.step for i in state.intents if i.cluster == home.name),
        )
        for home in state.clusters
    )
    return StateView(lineage=state.lineage, current_cluster=state.current_cluster, clusters=clusters)


def _opened(file: str | None, *, make: bool) -> Store:
    return store_of(file, os.environ, Path.cwd(), make=make)


def _read(source: str) -> bytes:
    if source != "-":
        return read_whole(Path(source), STATE_LIMIT, "state", missing="`dynia state pull` prints one")
    data = sys.stdin.buffer.read(STATE_LIMIT + 1)
    if len(data) > STATE_LIMIT:
        raise DyniaError(f"{source}: this is longer than any state")
    return data
