"""What goes wrong in a world, and what people do in it: each a deed with a name, at a time that the story draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import msgspec

from dynia.interfaces.node_requests import WHOLE_NODE
from tests.simulation.awaken import DROP_INS, UNITS
from tests.simulation.loop import Process
from tests.simulation.machine import LINEAGE_FILE, ROOT, File, Node, Unit
from tests.simulation.runner import Harddisk, Run
from tests.simulation.vendors import boot
from tests.simulation.wire import broken
from tests.simulation.world import World

Deed = Callable[[World, Harddisk, list[Run]], None]


def _some(world: World, *, on: bool = True) -> Node | None:
    found = sorted((n for n in world.nodes.values() if n.on == on), key=lambda n: n.provider_id)
    return world.fate.choice(found) if found else None


def _stop_scripts(world: World, node: Node) -> None:
    """The node's scripts end in the middle; whoever waits for them hears nothing."""
    node.process.dead = True
    node.process = Process(node.name)
    node.locked_by = ""
    broken(world, node)


# machines and network


def power_off(world: World, home: Harddisk, runs: list[Run]) -> None:
    if node := _some(world):
        world.fault("node off", node.name)
        _stop_scripts(world, node)
        world.gone(node, "fault")


def reboot(world: World, home: Harddisk, runs: list[Run]) -> None:
    if node := _some(world):
        world.fault("reboot", node.name)
        _stop_scripts(world, node)
        world.gone(node, "fault")
        world.loop.later(world.fate.uniform(3.0, 15.0), lambda: _back(world, node))


def _back(world: World, node: Node) -> None:
    if not node.on and node.provider_id in world.nodes:
        boot(world, node)


def torn(world: World, home: Harddisk, runs: list[Run]) -> None:
    """Power lost: of what was written since the disk was last synced, files are old, gone, empty or halves."""
    node = _some(world)
    if node is None:
        return
    world.fault("torn files", node.name)
    _stop_scripts(world, node)
    for path, before in list(node.unsynced.items()):
        how = world.fate.choice(("kept", "kept", "old", "empty", "half"))
        now = node.files.get(path)
        if how == "old" and before is not None:
            node.files[path] = before
        elif how == "old":
            node.files.pop(path, None)
        elif now is not None and how in ("empty", "half"):
            # A line of 33 bytes is in one block: whole or not there.
            half = len(now.content) // 2 if how == "half" and path != LINEAGE_FILE else 0
            node.files[path] = File(now.content[:half], now.mode)
    node.unsynced.clear()
    world.gone(node, "fault")
    world.loop.later(world.fate.uniform(3.0, 15.0), lambda: _back(world, node))


def old_disk(world: World, home: Harddisk, runs: list[Run]) -> None:
    """Somebody restores an older image of the disk."""
    node = _some(world)
    if node is None or not node.unsynced:
        return
    world.fault("old disk", node.name)
    _stop_scripts(world, node)
    for path, before in node.unsynced.items():
        if before is None:
            node.files.pop(path, None)
        else:
            node.files[path] = before
    node.unsynced.clear()
    world.gone(node, "fault")
    world.loop.later(world.fate.uniform(3.0, 15.0), lambda: _back(world, node))


def machine_gone(world: World, home: Harddisk, runs: list[Run]) -> None:
    if node := _some(world):
        world.fault("machine gone", node.name)
        node.process.dead = True
        world.machines.pop(node.provider_id, None)
        world.nodes.pop(node.provider_id, None)
        for address in world.addresses.values():
            if address.owner == node.provider_id:
                address.owner = ""
        world.gone(node, "fault")
        broken(world, node)


def cut_off(world: World, home: Harddisk, runs: list[Run]) -> None:
    if node := _some(world):
        if node.cut:
            return
        world.fault("cut off", node.name)
        node.cut = True
        world.noticed(node, "fault")
        broken(world, node)
        world.loop.later(world.fate.uniform(1.0, 60.0), lambda: _reachable(world, node))


def _reachable(world: World, node: Node) -> None:
    node.cut = False
    world.noticed(node, "world")


def failover(world: World, home: Harddisk, runs: list[Run]) -> None:
    node = next((n for n in world.nodes.values() if n.vrrp == "MASTER" and n.on), None)
    if node is None or sum(n.vrrp != "" for n in world.nodes.values()) < 2:
        return
    world.fault("failover", node.name)
    node.vrrp, node.holds = "", ""
    world.noticed(node, "fault")
    world.loop.later(1.0, lambda: _speaks(world, node))


def _speaks(world: World, node: Node) -> None:
    if node.running("keepalived.service"):
        node.vrrp = node.vrrp or "BACKUP"
        world.noticed(node, "world")


# runners


def kill(world: World, home: Harddisk, runs: list[Run]) -> None:
    for run in runs:
        if run.code < 0 and not run.process.dead:
            world.fault("killed", run.name)
            run.process.dead = True
            run.disk.free()
            return


def kill_in_write(world: World, home: Harddisk, runs: list[Run]) -> None:
    for run in runs:
        if run.code < 0 and not run.process.dead:
            run.disk.kill_at = world.fate.randint(1, 25)
            return


def power_cut(world: World, home: Harddisk, runs: list[Run]) -> None:
    """The operator's machine: every run on it, and what was not synced."""
    alive = [run for run in runs if run.code < 0 and not run.process.dead]
    if not alive:
        return
    world.fault("power cut")
    for run in alive:
        run.process.dead = True
        run.disk.free()
    home.power_cut(world)


def freeze(world: World, home: Harddisk, runs: list[Run]) -> None:
    freeze_for(world, runs, world.fate.uniform(2.0, 240.0))


def freeze_for(world: World, runs: list[Run], seconds: float) -> None:
    """Stopped, or its laptop closed; then it goes on as if nothing had been."""
    for run in runs:
        if run.code < 0 and not run.process.dead and not run.process.frozen:
            world.fault("frozen", run.name)
            world.loop.freeze(run.process)
            world.loop.later(seconds, partial(world.loop.thaw, run.process))
            return


def interrupt(world: World, home: Harddisk, runs: list[Run]) -> None:
    for run in runs:
        if run.code < 0 and not run.process.dead and run.stop is not None:
            world.fault("ctrl-c", run.name)
            run.stop.set()
            return


def disk_full(world: World, home: Harddisk, runs: list[Run]) -> None:
    for run in runs:
        run.disk.full_until = world.now + 5.0


# people


def _edited(world: World, node: Node, path: str) -> None:
    world.edits[(node.name, path)] = world.now
    world.note("person", "edit", node.name, path)


def edit(world: World, home: Harddisk, runs: list[Run]) -> None:
    node = _some(world)
    paths = sorted(p for p in node.files if p.startswith(ROOT + "/") and p.count("/") > 3) if node else []
    if node is None or not paths:
        return
    path = world.fate.choice(paths)
    how = world.fate.choice(("edit", "edit", "mode", "delete"))
    world.fired[f"person: {how}"] += 1
    old = node.files[path]
    if how == "delete":
        node.drop(path)
    else:
        content = old.content + b"# by hand\n" if how == "edit" else old.content
        node.files[path] = File(
            content, 0o600 if how == "mode" and old.mode != 0o600 else 0o640 if how == "mode" else old.mode
        )
    _edited(world, node, path)


def edit_entrance(world: World, home: Harddisk, runs: list[Run]) -> None:
    """On some nodes, or on all, a person edits what HAProxy or keepalived is started by."""
    nodes = sorted((n for n in world.nodes.values() if n.on), key=lambda n: n.provider_id)
    for node in world.fate.sample(nodes, world.fate.randint(min(1, len(nodes)), len(nodes))):
        path = DROP_INS[world.fate.choice(sorted(DROP_INS))]
        if path in node.files:
            world.fired["person: drop-in"] += 1
            node.files[path] = File(node.files[path].content + b"# by hand\n")
            _edited(world, node, path)


def stray(world: World, home: Harddisk, runs: list[Run]) -> None:
    node = _some(world)
    if node is None or not node.lineage():
        return
    world.fired["person: stray file"] += 1
    folders = sorted({p.rpartition("/")[0] for p in node.files if p.startswith(ROOT + "/")})
    path = f"{world.fate.choice(folders)}/notes-{world.fate.randint(1, 9)}.txt"
    node.files[path] = File(b"remember\n")
    _edited(world, node, path)


def stop_container(world: World, home: Harddisk, runs: list[Run]) -> None:
    node = _some(world)
    ours = [c for c in node.containers if c.project.startswith("dynia-")] if node else []
    if node is None or not ours:
        return
    world.fired["person: container"] += 1
    one = world.fate.choice(ours)
    if world.fate.random() < 0.5:
        node.containers.remove(one)
    else:
        one.state, one.exit_code = "exited", 137
    world.note("person", "stops", node.name, f"{one.project}-{one.service}")
    world.noticed(node, "person")


def stop_unit(world: World, home: Harddisk, runs: list[Run]) -> None:
    node = _some(world)
    kinds = sorted(k for k in UNITS if node is not None and node.running(UNITS[k][0]))
    if node is None or not kinds:
        return
    world.fired["person: unit"] += 1
    kind = world.fate.choice(kinds)
    node.units[UNITS[kind][0]] = Unit("inactive", "enabled")
    if kind == "keepalived":
        node.vrrp, node.holds = "", ""
    elif kind == "firewall":
        node.firewall = "gone"
    world.note("person", "stops", node.name, kind)
    world.noticed(node, "person")


def edit_name(world: World, home: Harddisk, runs: list[Run]) -> None:
    ours = sorted(r.record_id for r in world.names.records.values() if r.ours)
    if not ours:
        return
    world.fired["person: name"] += 1
    key = world.fate.choice(ours)
    if world.fate.random() < 0.5:
        del world.names.records[key]
    else:
        was = world.names.records[key]
        world.names.records[key] = msgspec.structs.replace(was, type="A", value="203.0.113.9")
    world.note("person", "edit name", key)


def drain(world: World, home: Harddisk, runs: list[Run]) -> None:
    """A person's drain: it stays until a person ends it."""
    if node := _some(world):
        world.fired["person: drain"] += 1
        node.flags[WHOLE_NODE] = math.inf
        world.note("person", "drains", node.name, node.provider_id)
        world.noticed(node, "person")


def undrain(world: World) -> list[str]:
    """Ends every one; those that a run has ended."""
    kept = [e.detail for e in world.record.entries if e.what == "drains"]
    ended = []
    for node in world.nodes.values():
        if node.flags.pop(WHOLE_NODE, None) is not None:
            world.note("person", "undrains", node.name)
            world.noticed(node, "person")
        elif node.provider_id in kept:
            ended.append(node.name)
    return ended


NODES: tuple[Deed, ...] = (power_off, reboot, torn, old_disk, machine_gone, cut_off, failover)
RUNNERS: tuple[Deed, ...] = (
    kill,
    kill,
    kill_in_write,
    kill_in_write,
    power_cut,
    freeze,
    interrupt,
    disk_full,
)
PEOPLE: tuple[Deed, ...] = (edit, edit, edit, stray, stop_container, stop_unit, edit_name)
