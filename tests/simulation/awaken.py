"""What a component's scripts do to a node: units and containers, as the files that lie there say.

The real scripts are sh; here each is known by its component's name and what it reads on the disk, so that a node that
was put back runs again what it ran before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container as Among

from tests.simulation.machine import ROOT, Container, Node, Unit

UNITS = {
    "haproxy": ("haproxy.service", f"{ROOT}/haproxy/haproxy.cfg"),
    "keepalived": ("keepalived.service", f"{ROOT}/keepalived/keepalived.conf"),
    "failover": ("dynia-failover.service", f"{ROOT}/failover/claim.sh"),
    "firewall": ("dynia-firewall.service", f"{ROOT}/firewall/dynia.nft"),
}
# What says how a unit is started: where it was touched, that unit starts again.
DROP_INS = {kind: f"/etc/systemd/system/{kind}.service.d/dynia.conf" for kind in ("haproxy", "keepalived")}
# What each program reads when it begins.
MAIN = {kind: path for kind, (_, path) in UNITS.items()} | {"caddy": f"{ROOT}/caddy/Caddyfile"}
SICK = b"sick"
# On the node of the ordinal that follows, and well on every other one.
SICK_ON = b"sick on "


def activate(node: Node, component: str, script: str) -> str:
    """Brings a component to life; why not, or nothing."""
    kind, _, service = component.partition("/")
    if not script:
        return ""
    if kind == "docker":
        node.units["docker.service"] = Unit()
        return ""
    if kind == "service":
        return _service(node, service)
    if kind == "caddy":
        return _caddy(node, script)
    if kind in UNITS:
        return _unit(node, kind)
    return ""


def starts_again(node: Node, component: str, touched: Among[str]) -> bool:
    """Whether a unit that runs is stopped for a moment when it is brought to life; who has a role loses it."""
    again = DROP_INS.get(component) in touched and node.running(UNITS[component][0])
    if again and component == "keepalived":
        node.vrrp, node.holds = node.vrrp and "BACKUP", ""
    return again


def _is_sick(node: Node, content: bytes) -> bool:
    if content.startswith(SICK_ON):
        return content.split()[-1] == str(node.ordinal).encode()
    return SICK in content


def deactivate(node: Node, component: str) -> None:
    kind, _, service = component.partition("/")
    if kind == "service":
        node.down(f"dynia-{service}")
        node.networks.discard(f"edge-{service}")
        for container in node.containers:
            container.networks.discard(f"edge-{service}")
    elif kind == "caddy":
        node.down("dynia-caddy")
        node.loaded.pop("caddy", None)
    elif kind in UNITS:
        _stop(node, kind)


def _unit(node: Node, kind: str) -> str:
    unit, main = UNITS[kind]
    if main not in node.files:
        _stop(node, kind)
        return ""
    node.units[unit] = Unit()
    node.loaded[kind] = node.files[main].content
    if kind == "keepalived":
        node.vrrp = node.vrrp or "BACKUP"
    elif kind == "firewall":
        node.firewall = "loaded"
    return ""


def _stop(node: Node, kind: str) -> None:
    unit, _ = UNITS[kind]
    if unit in node.units:
        node.units[unit] = Unit("inactive", "disabled")
    node.loaded.pop(kind, None)
    if kind == "keepalived":
        node.vrrp, node.holds = "", ""
    elif kind == "firewall":
        node.firewall = "gone"


def _service(node: Node, service: str) -> str:
    project, home = f"dynia-{service}", f"{ROOT}/services/{service}"
    if f"{home}/docker-compose.yml" not in node.files:
        node.down(project)
        return ""
    if not node.running("docker.service"):
        return "docker does not run"
    try:
        asked = json.loads(node.files[f"{home}/override.yaml"].content)
    except (KeyError, ValueError):
        return "override.yaml: not YAML"
    sick = any(_is_sick(node, node.files[p].content) for p in node.below(home))
    edge = f"edge-{service}"
    if "networks" in asked:
        node.networks.add(edge)
    there = {c.service: c for c in node.project(project)}
    node.down(project)
    for name, own in sorted(asked["services"].items()):
        config, image = own["labels"]["dev.dynia.config"], own["image"]
        if image not in node.images:
            return f"no such image: {image}"
        old = there.get(name)
        if old is not None and old.config == config and old.state == "running":
            old.networks |= {edge} if "networks" in own else set()
            node.containers.append(old)
            continue
        made = Container(project, name, config, image, keeps="restart" in own)
        made.health = "unhealthy" if sick else "none"
        made.networks = {edge} if "networks" in own else set()
        node.containers.append(made)
    for caddy in node.project("dynia-caddy"):
        caddy.networks |= {edge} & node.networks
    return ""


def _caddy(node: Node, script: str) -> str:
    compose, config = f"{ROOT}/caddy/compose.yaml", f"{ROOT}/caddy/Caddyfile"
    if compose not in node.files:
        node.down("dynia-caddy")
        node.loaded.pop("caddy", None)
        return ""
    if not node.running("docker.service"):
        return "docker does not run"
    said = dict(
        line.split(": ", 1)
        for line in node.files[compose].content.decode(errors="replace").splitlines()
        if ": " in line
    )
    label, image = said.get("label", ""), said.get("image", "")
    if image not in node.images:
        return f"no such image: {image}"
    old = next(iter(node.project("dynia-caddy")), None)
    if old is None or old.config != label or old.state != "running":
        node.down("dynia-caddy")
        old = Container("dynia-caddy", "caddy", label, image)
        node.containers.append(old)
    wanted = re.search(r"^wanted=' (.*) '$", script, re.MULTILINE)
    edges = set(wanted.group(1).split()) if wanted else set()
    node.networks |= edges
    old.networks |= edges
    if config not in node.files:
        return "no Caddyfile"
    node.loaded["caddy"] = node.files[config].content
    return ""
