"""One look at a simulated node: what the real one's `observe` tells, all of the same instant."""

from __future__ import annotations

import re

from dynia.interfaces.node_requests import ObserveRequest
from dynia.interfaces.observed import ContainerSeen, FileSeen, ImageSeen, NodeFacts, ServerSeen, UnitSeen
from dynia.services.planning.places import inside
from dynia.state.manifest import PATH as MANIFEST_PATH
from tests.simulation.machine import ROOT, File, Node, keyed
from tests.simulation.world import SERVICES, World


def observe(world: World, node: Node, who: str, request: ObserveRequest) -> NodeFacts:
    words = (
        # A torn keepalived.conf may name an address that nobody comes to.
        "holder" if node.holds in {a.address for a in world.addresses.values()} else "",
        "misled" if node.misled(SERVICES) else "",
        "astray" if _astray(node) else "",
        *(f"apart:{name}" for name, routed in sorted(SERVICES.items()) if routed and world.apart(node, name)),
    )
    world.note(who, "look", node.name, " ".join(word for word in words if word))
    node.fenced(request.fence)
    secret = set(request.secret_paths)
    files = tuple(
        FileSeen(
            path=path,
            kind="file",
            mode=file.mode,
            owner=file.owner,
            digest=file.keyed if path in secret else file.digest,
        )
        for path, file in sorted(node.files.items())
        if path in request.paths or (inside(path, request.roots) and not inside(path, request.data))
    )
    files += tuple(
        FileSeen(path=folder, kind="dir", mode=0o755, owner="root:root", digest="")
        for folder in request.data
        if any(path.startswith(folder + "/") for path in node.files)
    )
    units = tuple(
        UnitSeen(name=name, active=unit.active, enabled=unit.enabled)
        for name, unit in sorted(node.units.items())
        if name in request.units
    )
    containers = tuple(
        ContainerSeen(
            id=f"{c.project}-{c.service}-{number}",
            name=f"{c.project}-{c.service}-1",
            image=c.image,
            state=c.state,
            health=c.health,
            exit_code=c.exit_code,
            restarts=c.restarts,
            project=c.project,
            service=c.service,
            config=c.config,
            networks=tuple(sorted(c.networks)),
        )
        for number, c in enumerate(sorted(node.containers, key=lambda c: (c.project, c.service)))
    )
    return NodeFacts(
        hostname=node.name,
        boot_id=f"boot-{node.boots}",
        os="Debian 13",
        arch="x86_64",
        lineage=node.lineage(),
        files=files,
        units=units,
        packages={name: "1.0" for name in sorted(node.packages) if name in request.packages},
        containers=containers,
        images=tuple(
            ImageSeen(id=run, tags=(reference,), digests=(run,))
            for run, (reference, _) in sorted(node.images.items())
        ),
        networks=tuple(sorted(node.networks)),
        addresses=(node.address, *((node.holds,) if node.holds else ())),
        vrrp=node.vrrp if node.running("keepalived.service") else "",
        firewall=node.firewall,  # type: ignore[arg-type]
        docker="26.1" if node.running("docker.service") else "",
        secrets={c.path: keyed(c.content) for c in request.candidates if node.lineage()},
        unfinished=tuple(sorted(node.transactions)),
        drained=tuple(sorted(name for name, until in node.flags.items() if until > world.now)),
        routes=_routes(node.files.get(f"{ROOT}/caddy/Caddyfile")),
        servers=_servers(node.files.get(f"{ROOT}/haproxy/haproxy.cfg")),
        manifest=_last_line(node.files.get(MANIFEST_PATH)),
    )


def _astray(node: Node) -> bool:
    """Whether the Caddyfile that lies there leads past a container. What Caddy itself read, a look does not tell."""
    file = node.files.get(f"{ROOT}/caddy/Caddyfile")
    routes = _routes(file)
    ours = {f"dynia-{name}": f"edge-{name}" for name, routed in SERVICES.items() if routed}
    led = (c.config for c in node.containers if ours.get(c.project) in c.networks)
    return (bool(routes) or file is None or not file.content) and any(config not in routes for config in led)


def _routes(file: File | None) -> tuple[str, ...]:
    words = file.content.decode(errors="replace").split() if file else []
    return tuple(sorted({word for word in words if re.fullmatch("[0-9a-f]{16}", word)}))


def _servers(file: File | None) -> tuple[ServerSeen, ...]:
    """By the templates of this world: below a line that begins with the service, its nodes and their addresses."""
    found, service = [], ""
    for line in file.content.decode(errors="replace").splitlines() if file else ():
        words = line.split()
        if not line.startswith("  "):
            service = words[0] if words else ""
        elif len(words) == 2:
            found.append(ServerSeen(service=service, node=words[0], address=words[1]))
    return tuple(found)


def _last_line(file: File | None) -> str:
    lines = file.content.decode(errors="replace").splitlines() if file else []
    return lines[-1] if lines else ""
