"""A node that a run asks to boot again: what it tells of its boot and units, and how it goes down and comes back."""

from __future__ import annotations

from dynia.interfaces.errors import Locked, fenced
from dynia.interfaces.node_requests import ExecRequest, Executed
from dynia.services.actions.reboot_node import BOOT, REBOOT, UPDATES, running
from tests.simulation.machine import Node
from tests.simulation.scripts import Script
from tests.simulation.vendors import boot
from tests.simulation.wire import broken
from tests.simulation.world import World


def asked(request: ExecRequest) -> str:
    """Which of these questions it is, or none."""
    if request.argv[:2] == running(())[:2]:
        return "read units"
    return {BOOT: "read boot", UPDATES: "update", REBOOT: "reboot"}.get(request.argv, "")


async def answer(world: World, node: Node, who: str, request: ExecRequest) -> Executed:
    match asked(request):
        case "read boot":
            return _said(f"boot-{node.boots}")
        case "read units":
            return _said(
                "\n".join(node.units[u].active if u in node.units else "inactive" for u in request.argv[2:])
            )
    script = Script(world, node, who, "deed")
    if not await script._lock(20.0):
        raise Locked(f"the node is busy: {node.locked_by}")
    try:
        if seen := node.fenced(request.fence):
            raise fenced("", str(seen))
        await script.pause()
        if request.argv == REBOOT:
            world.loop.later(world.pace.uniform(0.0, 1.0), lambda: _goes_down(world, node, who))
        return _said("")
    finally:
        node.locked_by = ""


def _goes_down(world: World, node: Node, who: str) -> None:
    if not node.on or node.provider_id not in world.nodes:
        return
    world.fired["reboot by hand"] += 1
    # What does not run can't be interrupted, here as where a unit starts again.
    if node.vrrp == "MASTER" and node.running("haproxy.service"):
        world.note(who, "cuts", node.name, "the node")
    node.process.dead = True
    node.unsynced.clear()
    world.gone(node, who)
    broken(world, node)
    # Now and then it stays off, as a container does whose first process has ended.
    if world.pace.random() < 0.8:
        boots = node.boots
        world.loop.later(world.pace.uniform(3.0, 15.0), lambda: _comes_back(world, node, who, boots))


def _comes_back(world: World, node: Node, who: str, boots: int) -> None:
    if not node.on and node.boots == boots and node.provider_id in world.nodes:
        boot(world, node)


def _said(text: str) -> Executed:
    return Executed(exit_code=0, stdout=text.encode(), stderr=b"")
