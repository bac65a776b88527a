"""keepalived: decides which node has the entry address. With ``entry: {kind: vip}`` it moves it too; with
``{kind: api}`` the claim unit does."""

from __future__ import annotations

from typing import ClassVar

from dynia.interfaces.desired import ApiEntry, VipEntry
from dynia.interfaces.release import Release, ReleaseFile
from dynia.interfaces.shape import Shape
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Topology, TopologyNode
from dynia.services.planning.components.basic import Basic
from dynia.services.planning.components.node import ENV
from dynia.services.planning.components.rendered import ROOT, TemplateData, rendered
from dynia.services.planning.components.scripts import awake, staged, stopped, without

FOLDER = f"{ROOT}/keepalived"
CONFIG = f"{FOLDER}/keepalived.conf"
DROP_IN = "/etc/systemd/system/keepalived.service.d/dynia.conf"
_UNIT = "keepalived.service"

# Its own check needs the scripts that the file names, where they will be: it is given the staged ones.
_CHECK = (
    staged(FOLDER, "folder")
    + f"""DYNIA_PRIVATE_IP=$(sed -n 's/^DYNIA_PRIVATE_IP=//p' {ENV})
DYNIA_CONFIG_ID=$(sed -n 's/^DYNIA_CONFIG_ID=//p' {ENV})
export DYNIA_PRIVATE_IP
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sh "$folder/interface.sh" "$work/interface.conf"
sed "s#{FOLDER}/#$folder/#g; s#/run/dynia-failover/#$work/#
s#/run/dynia/interface.conf#$work/interface.conf#" \\
  "$folder/keepalived.conf" >"$work/keepalived.conf"
keepalived -t -f "$work/keepalived.conf" -i "$DYNIA_CONFIG_ID"
if grep -q '^vrrp_script witness' "$folder/keepalived.conf" && ! sh "$folder/witness.sh"; then
  echo 'the witness does not answer a ping; name one that does with entry.witness'
  exit 1
fi
"""
)
_ACTIVATE = without(CONFIG, stopped(_UNIT)) + awake(_UNIT, f"--use-file={CONFIG}", DROP_IN)
_PROBE = f"""systemctl is-active -q {_UNIT} || {{ echo 'keepalived does not run'; exit 1; }}
role=$(cat /run/dynia/vrrp 2>/dev/null || :)
case $role in MASTER | BACKUP) ;; *) echo "keepalived's role is ${{role:-unknown}}"; exit 1 ;; esac
"""


class Speaker(Shape):
    """A node, as VRRP knows it."""

    config_id: str
    private_ip: str
    priority: int


class KeepalivedData(TemplateData):
    """Names of ``keepalived/keepalived.conf.mustache``. An empty `interface` is found on the node, where its
    private address is. `peered` with more than one node, since unicast needs a peer; `witnessed` with two.
    `claimed` where the provider moves the address: then no kernel has it."""

    OPTIONAL: ClassVar[frozenset[str]] = frozenset({"cluster", "interface", "claimed"})

    cluster: str
    nodes: tuple[Speaker, ...]
    address: str
    interface: str
    router_id: int
    peered: bool
    witnessed: bool
    claimed: bool


class DropInData(TemplateData):
    """Names of ``keepalived/dynia.conf.mustache``. `claimed`: what the claim unit is told has a place."""

    OPTIONAL: ClassVar[frozenset[str]] = frozenset({"cluster", "claimed"})

    cluster: str
    claimed: bool


class WitnessData(TemplateData):
    """Names of ``keepalived/witness.sh.mustache``. Empty: the default gateway."""

    witness: str


class Keepalived(Basic, kw_only=True):
    """`entry` is the file's."""

    entry: VipEntry | ApiEntry
    name: str = "keepalived"
    units: tuple[str, ...] = (_UNIT,)
    packages: tuple[str, ...] = ("keepalived", "curl", "iproute2", "iputils-ping")
    roots: tuple[str, ...] = (FOLDER,)

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        data = KeepalivedData(
            cluster=topology.cluster,
            nodes=tuple(
                Speaker(config_id=n.config_id, private_ip=n.private_ip, priority=n.priority)
                for n in topology.nodes
            ),
            address=topology.reserved_ip,
            interface=self.entry.interface if isinstance(self.entry, VipEntry) else "",
            router_id=topology.router_id,
            peered=len(topology.nodes) > 1,
            witnessed=len(topology.nodes) == 2,
            claimed=isinstance(self.entry, ApiEntry),
        )
        drop_in = DropInData(cluster=topology.cluster, claimed=data.claimed)
        scripts = f"{FOLDER}/"
        files = (
            rendered(topology, "keepalived/keepalived.conf", CONFIG, data),
            rendered(topology, "keepalived/interface.sh", scripts + "interface.sh", mode=0o755),
            *self._heard(topology),
            rendered(topology, "keepalived/notify.sh", scripts + "notify.sh", mode=0o755),
            rendered(
                topology,
                "keepalived/witness.sh",
                scripts + "witness.sh",
                WitnessData(witness=self.entry.witness),
                mode=0o755,
            ),
            rendered(topology, "keepalived/dynia.conf", DROP_IN, drop_in),
        )
        release = Release(component=self.name, files=files)
        return Recipe(
            release=release,
            check=_CHECK,
            activate=_ACTIVATE,
            deactivate=stopped(_UNIT),
            probe=_PROBE,
            confirmed=True,
        )

    def _heard(self, topology: Topology) -> tuple[ReleaseFile, ...]:
        if not isinstance(self.entry, ApiEntry):
            return ()
        return (rendered(topology, "keepalived/heard.sh", f"{FOLDER}/heard.sh", mode=0o755),)

    def disturbs(self, paths: tuple[str, ...], services: tuple[str, ...]) -> tuple[str, ...]:
        """A reload keeps role and address; another command line needs a restart, which moves the address."""
        return services if DROP_IN in paths else ()
