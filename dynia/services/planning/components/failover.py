"""The claim unit: on the node that becomes MASTER it asks the provider's API for the entry address.

There with ``entry: {kind: api}`` only. Its token is a secret of its own: compared by HMAC, in no other file.
"""

from __future__ import annotations

from dynia.interfaces.desired import ApiEntry, ClusterSpec
from dynia.interfaces.release import Release, ReleaseFile
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Topology, TopologyNode
from dynia.services.planning.components.basic import Basic
from dynia.services.planning.components.rendered import ROOT, TemplateData, rendered
from dynia.services.planning.components.scripts import staged, stopped, without

FAILOVER = "failover"
FOLDER = f"{ROOT}/failover"
TOKEN = f"{FOLDER}/token.conf"
TOKEN_VARIABLE = "DYNIA_FAILOVER_TOKEN"  # noqa: S105 (its name)
UNIT = "dynia-failover.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
_SCRIPT = f"{FOLDER}/claim.sh"

_CHECK = staged(_SCRIPT, "script") + 'sh -n "$script"\n'
SLEEP = stopped(UNIT)
# It begins anew with what was pushed; what it has dealt with it finds in its folder below /run.
_ACTIVATE = (
    without(_SCRIPT, SLEEP)
    + f"""systemctl daemon-reload
systemctl is-enabled -q {UNIT} 2>/dev/null || systemctl enable -q {UNIT}
systemctl restart {UNIT}
"""
)
_PROBE = f"""systemctl is-active -q {UNIT} || {{ echo '{UNIT} does not run'; exit 1; }}
[ -p /run/dynia-failover/events ] || {{ echo 'keepalived has no pipe to write to'; exit 1; }}
"""


class FailoverData(TemplateData):
    """Names of ``failover/failover.env.mustache``. `api` is where the provider is asked."""

    cluster: str
    address: str
    api: str


class Failover(Basic, kw_only=True):
    """`entry` is the file's. Without its source the token is empty, and never pushed."""

    entry: ApiEntry
    name: str = FAILOVER
    units: tuple[str, ...] = (UNIT,)
    packages: tuple[str, ...] = ("curl",)
    roots: tuple[str, ...] = (FOLDER,)

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        data = FailoverData(cluster=topology.cluster, address=topology.reserved_ip, api=self.entry.api)
        content = topology.secrets.get(TOKEN, b"")
        files = (
            rendered(topology, "failover/claim.sh", _SCRIPT, mode=0o755),
            rendered(topology, "failover/failover.env", f"{FOLDER}/failover.env", data),
            rendered(topology, "failover/dynia-failover.service", UNIT_FILE),
            ReleaseFile(path=TOKEN, mode=0o600, content=content, secret=True),
        )
        release = Release(component=self.name, files=files)
        return Recipe(release=release, check=_CHECK, activate=_ACTIVATE, deactivate=SLEEP, probe=_PROBE)


def token_file(spec: ClusterSpec, token: str) -> bytes | None:
    """A file of options for curl, so that the token is in no command line; None where it is not needed or
    not there."""
    if not isinstance(spec.entry, ApiEntry) or not token:
        return None
    return f'header = "Authorization: Bearer {token}"\n'.encode()
