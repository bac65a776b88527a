"""How a component that the file no longer names is taken off a node."""

from __future__ import annotations

from dynia.interfaces.observed import ContainerSeen, NodeFacts
from dynia.interfaces.shape import Shape
from dynia.services.planning.components import (
    caddy,
    failover,
    firewall,
    haproxy,
    keepalived,
    node,
    reader,
    tls,
)
from dynia.services.planning.components.rendered import ROOT
from dynia.services.planning.components.scripts import compose_down, stopped
from dynia.services.planning.components.service import deactivate_service, folder

_CADDY = "caddy"
DROP_INS = (failover.UNIT_FILE, firewall.UNIT_FILE, haproxy.DROP_IN, keepalived.DROP_IN)
# All that Dynia ever writes outside of Docker; its bookkeeping of pushes last.
EVERYTHING = (*DROP_INS, ROOT, "/var/lib/dynia")


class Removal(Shape):
    """`deactivate` runs first (sh), then `paths` are deleted."""

    paths: tuple[str, ...] = ()
    deactivate: str = ""


def removal(component: str) -> Removal:
    """By the component's name, since what it was made from may be gone."""
    kind, _, service = component.partition("/")
    match kind:
        case "node":
            return Removal(paths=(node.ENV,))
        case reader.NAME:
            return Removal(paths=(reader.FOLDER,))
        case "registry":
            return Removal(paths=(f"{ROOT}/registry",))
        case "firewall":
            return Removal(
                paths=(f"{ROOT}/firewall", firewall.UNIT_FILE),
                deactivate=firewall.SLEEP + _forgotten(firewall.UNIT_FILE),
            )
        case "failover":
            return Removal(
                paths=(failover.FOLDER, failover.UNIT_FILE),
                deactivate=failover.SLEEP + _forgotten(failover.UNIT_FILE),
            )
        case "service":
            return Removal(paths=(folder(service),), deactivate=deactivate_service(service, volumes=True))
        case "caddy":
            return Removal(paths=(caddy.FOLDER,), deactivate=compose_down(caddy.PROJECT))
        case tls.NAME:
            return Removal(paths=(tls.FOLDER,))
        case "haproxy":
            return Removal(
                paths=(f"{ROOT}/haproxy", haproxy.DROP_IN),
                deactivate=stopped("haproxy.service") + _forgotten(haproxy.DROP_IN),
            )
        case "keepalived":
            return Removal(
                paths=(keepalived.FOLDER, keepalived.DROP_IN),
                deactivate=stopped("keepalived.service") + _forgotten(keepalived.DROP_IN),
            )
        case _:
            return Removal()


def seen_on(facts: NodeFacts) -> frozenset[str]:
    """Components that a node itself shows: containers that Dynia made, and what systemd was told about us.

    Of a push whose answer was lost there is no other trace, once the file has changed its mind."""
    names = {c.project.removeprefix("dynia-") for c in facts.containers if _made_by_us(c)}
    found = {_CADDY if name == _CADDY else f"service/{name}" for name in names}
    paths = {f.path for f in facts.files}
    return frozenset({*found, *(name for path, name in _BY_DROP_IN.items() if path in paths)})


def _made_by_us(container: ContainerSeen) -> bool:
    return bool(container.config) and container.project.startswith("dynia-")


_BY_DROP_IN = {
    failover.UNIT_FILE: failover.FAILOVER,
    firewall.UNIT_FILE: "firewall",
    haproxy.DROP_IN: "haproxy",
    keepalived.DROP_IN: "keepalived",
}


def _forgotten(unit_file: str) -> str:
    """systemd goes by its own files again, as if ours had never been there."""
    folder = unit_file.rpartition("/")[0]
    gone = f"rmdir --ignore-fail-on-non-empty {folder} 2>/dev/null || :\n" if folder.endswith(".d") else ""
    return f"rm -f {unit_file}\n{gone}systemctl daemon-reload\n"
