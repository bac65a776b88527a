"""The laws, judged from a world's own record and its end: never from what the engine says of itself."""

from __future__ import annotations

from collections.abc import Sequence

from dynia.interfaces.desired import ClusterSpec, NoDns, NoEntry
from dynia.services.planning.components.service_secrets import paths_of
from dynia.state.model import State
from tests.plans import worlds
from tests.simulation import history
from tests.simulation.machine import LINEAGE_FILE, ROOT
from tests.simulation.runner import LINEAGE, Run
from tests.simulation.world import CLUSTER, FOREIGN_RECORD, World


def broken(world: World, runs: Sequence[Run]) -> list[str]:
    """What a record shows to be broken, each once."""
    found: list[str] = []
    for run in runs:
        if run.code == 99:
            found.append(f"the engine raised {run.error!r} in {run.name}")
    found += history.broken(world.record.entries, runs)
    return list(dict.fromkeys(found))


def wrong_end(world: World, spec: ClusterSpec | None, state: State) -> list[str]:
    """What is not as the file wants it, once everything settled."""
    found: list[str] = []
    ours = [m for m in world.machines.values() if (m.lineage, m.cluster) == (LINEAGE, CLUSTER)]
    recorded = {n.provider_id for n in state.nodes_of(CLUSTER)}
    for machine in ours:
        if machine.provider_id not in recorded:
            found.append(f"law 3: machine {machine.provider_id} is an orphan")
    if recorded - {m.provider_id for m in ours}:
        found.append(f"law 3: the state knows machines that are not there: {recorded}")
    ordinals = [m.ordinal for m in ours]
    if len(set(ordinals)) != len(ordinals):
        found.append(f"law 3: twins among the ordinals {ordinals}")
    wanted = spec.nodes if spec else 0
    if len(ours) != wanted:
        found.append(f"law 3: {len(ours)} machines, {wanted} wanted")
    if state.intents:
        found.append(f"law 3: intents are left: {[i.step for i in state.intents]}")
    found += _addresses(world, spec)
    found += _names(world, spec)
    found += _foreign(world)
    if spec is not None:
        found += _nodes(world, spec)
    return found


def _addresses(world: World, spec: ClusterSpec | None) -> list[str]:
    mine = [a for a in world.addresses.values() if a.lineage == LINEAGE]
    wanted = 0 if spec is None or isinstance(spec.entry, NoEntry) else 1
    if len(mine) != wanted:
        return [f"law 3: {len(mine)} addresses, {wanted} wanted"]
    if wanted:
        masters = [n.name for n in world.nodes.values() if n.vrrp == "MASTER"]
        if len(masters) != 1:
            return [f"law 3: masters {masters}"]
        (one,) = mine
        # By the cloud's word or a kernel's: whoever could get a packet for it.
        have = [n.name for n in world.nodes.values() if one.owner == n.provider_id or n.holds == one.address]
        if have != masters:
            return [f"law 3: {one.address} is on {have}, {masters[0]} is MASTER"]
    return []


def _names(world: World, spec: ClusterSpec | None) -> list[str]:
    asked = spec is not None and not isinstance(spec.dns, NoDns)
    domains = sorted(d for s in spec.services for d in s.domains) if spec is not None and asked else []
    ours = sorted(r.name for r in world.names.records.values() if r.ours)
    if ours != domains:
        return [f"law 3: names {ours}, wanted {domains}"]
    return []


def _foreign(world: World) -> list[str]:
    found = []
    if "theirs" not in world.machines or "theirs" not in world.addresses:
        found.append("law 10: somebody else's machine or address is gone")
    if world.names.records.get("theirs") != FOREIGN_RECORD:
        found.append("law 10: somebody else's record was changed")
    for node in world.nodes.values():
        theirs = node.files.get("/etc/theirs.conf")
        if theirs is None or theirs.content != b"somebody else's\n":
            found.append(f"law 10: {node.name}: a file that is not ours was changed")
        if not node.project("theirs") or "theirs.service" not in node.units:
            found.append(f"law 10: {node.name}: a container or unit that is not ours was changed")
    return found


def _nodes(world: World, spec: ClusterSpec) -> list[str]:
    found = []
    addresses = sorted(n.address for n in world.nodes.values())
    http = any(s.kind == "http" for s in spec.services)
    secrets = worlds.known_secrets(spec)
    for node in world.nodes.values():
        if not node.on:
            found.append(f"law 3: {node.name} is off")
            continue
        if node.shut:
            found.append(f"law 8: {node.name}: {sorted(node.shut)} lets nobody in")
        if node.transactions:
            found.append(f"law 8: {node.name}: {sorted(node.transactions)} is half done")
        for service in spec.services:
            if not node.takes(service.name, world.now, http=service.kind == "http"):
                found.append(f"law 3: {node.name} does not serve {service.name}")
            home = f"{ROOT}/services/{service.name}"
            wanted: dict[str, bytes | None] = {
                f"{home}/.env": service.dotenv,
                f"{home}/docker-compose.yml": service.compose,
            }
            wanted |= {f"{home}/{f.path}": f.content for f in service.files}
            # What went back left the secrets of the day where they are.
            wanted |= {path: secrets.get(path) for path in paths_of(service)}
            for path, content in wanted.items():
                there = node.files.get(path)
                if there is None or content not in (None, there.content):
                    found.append(f"law 3: {node.name}: {path} is not what the file wants")
            extra = [p for p in node.below(home) if p not in (*wanted, f"{home}/override.yaml")]
            if extra:
                found.append(f"law 3: {node.name}: {extra} is left over")
        names = {s.name for s in spec.services}
        left = {p.split("/")[4] for p in node.below(f"{ROOT}/services")} - names
        running = {
            c.project.removeprefix("dynia-") for c in node.containers if c.project.startswith("dynia-")
        }
        left |= running - {*names, "caddy"}
        if left:
            found.append(f"law 3: {node.name}: services {sorted(left)} are left over")
        for kind, path in (("haproxy", "haproxy/haproxy.cfg"), ("caddy", "caddy/Caddyfile")):
            there = node.files.get(f"{ROOT}/{path}")
            if there is None or node.loaded.get(kind) != there.content:
                found.append(f"law 3: {node.name}: {kind} does not run what lies there")
            elif http and any(address not in there.content.decode() for address in addresses):
                found.append(f"law 7: {node.name}: {path} does not name every node")
        if node.lineage() != LINEAGE:
            found.append(f"law 3: {node.name}: {LINEAGE_FILE} is not ours")
    return found
