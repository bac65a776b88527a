"""The host's firewall: one nftables table of ours, loaded by a unit of ours."""

from __future__ import annotations

from dynia.interfaces.desired import ApiEntry, ClusterSpec
from dynia.interfaces.observed import NodeFacts
from dynia.interfaces.release import Release
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Fault, Topology, TopologyNode
from dynia.services.planning.components.basic import Basic, unit_faults
from dynia.services.planning.components.rendered import ROOT, TemplateData, rendered
from dynia.services.planning.components.scripts import staged, stopped, without

RULES = f"{ROOT}/firewall/dynia.nft"
_TABLE = "table inet dynia"
UNIT_FILE = "/etc/systemd/system/dynia-firewall.service"
_UNIT = "dynia-firewall.service"

# A list that leaves out the address that asks would be the last thing it ever heard of this node: the rules
# are loaded in a network namespace of their own, and asked there.
_CHECK = (
    staged(RULES, "rules")
    + """nft -c -f "$rules"
client=${SSH_CONNECTION:-}
client=${client%% *}
if [ -n "$client" ] && unshare -n nft -c -f "$rules" 2>/dev/null; then
  unshare -n sh -c 'nft -f "$1" || exit 0
    for set in nodes ssh_v4 ssh_v6; do nft get element inet dynia "$set" "{ $2 }" && exit 0; done
    exit 1' sh "$rules" "$client" >/dev/null 2>&1 ||
    { echo "firewall.ssh leaves out $client, where this run comes from"; exit 1; }
fi
"""
)
SLEEP = stopped(_UNIT) + "nft delete table inet dynia 2>/dev/null || :\n"
_ACTIVATE = (
    without(RULES, SLEEP)
    + f"""[ "$(systemctl show -p NeedDaemonReload --value {_UNIT})" = no ] || systemctl daemon-reload
systemctl is-enabled -q {_UNIT} 2>/dev/null || systemctl enable -q {_UNIT}
systemctl reload-or-restart {_UNIT}
"""
)
_PROBE = "nft list table inet dynia >/dev/null\n"


class FirewallData(TemplateData):
    """Names of ``firewall/dynia.nft.mustache``. Addresses and networks; what may come from anywhere is a
    network of everything."""

    cluster: str
    nodes: tuple[str, ...]
    ssh_ports: tuple[str, ...]
    ssh_v4: tuple[str, ...]
    ssh_v6: tuple[str, ...]
    http_v4: tuple[str, ...]
    http_v6: tuple[str, ...]


class Firewall(Basic):
    name: str = "firewall"
    units: tuple[str, ...] = (_UNIT,)
    packages: tuple[str, ...] = ("nftables",)
    roots: tuple[str, ...] = (f"{ROOT}/firewall",)

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        spec = topology.spec
        data = FirewallData(
            cluster=topology.cluster,
            nodes=tuple(n.private_ip for n in topology.nodes),
            ssh_ports=tuple(str(port) for port in _ssh_ports(spec)),
            ssh_v4=_networks(spec.firewall.ssh, 4),
            ssh_v6=_networks(spec.firewall.ssh, 6),
            http_v4=_http(topology),
            http_v6=_networks(spec.firewall.http, 6),
        )
        files = (
            rendered(topology, "firewall/dynia.nft", RULES, data),
            rendered(topology, "firewall/loaded.sh", f"{ROOT}/firewall/loaded.sh", mode=0o755),
            rendered(topology, "firewall/dynia-firewall.service", UNIT_FILE),
        )
        release = Release(component=self.name, files=files)
        return Recipe(
            release=release,
            check=_CHECK,
            activate=_ACTIVATE,
            deactivate=SLEEP,
            probe=_PROBE,
            confirmed=True,
        )

    def faults(
        self, topology: Topology, node: TopologyNode, recipe: Recipe, seen: NodeFacts
    ) -> tuple[Fault, ...]:
        """A unit of one shot stays active whatever becomes of what it loaded, so the table is asked too."""
        asleep = unit_faults(self.units, seen)
        if asleep or seen.firewall not in ("gone", "changed"):
            return asleep
        detail = "is gone" if seen.firewall == "gone" else "was edited"
        return (Fault(kind="firewall", subject=_TABLE, detail=detail),)


def _networks(listed: tuple[str, ...], version: int) -> tuple[str, ...]:
    """Those of one IP version, or everything where nothing is listed."""
    if not listed:
        return ("0.0.0.0/0",) if version == 4 else ("::/0",)
    return tuple(sorted(one for one in listed if (":" in one) == (version == 6)))


def _http(topology: Topology) -> tuple[str, ...]:
    """A claim unit asks through the entry address who answers, from its node's address outside."""
    listed = topology.spec.firewall.http
    nodes = topology.nodes if listed and isinstance(topology.spec.entry, ApiEntry) else ()
    return _networks((*listed, *(f"{n.address}/32" for n in nodes if n.address)), 4)


def _ssh_ports(spec: ClusterSpec) -> tuple[int, ...]:
    return tuple(sorted({spec.ssh.port, *(host.port for host in spec.hosts)}))
