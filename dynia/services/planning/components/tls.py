"""The cluster's certificate and its key: one file that HAProxy reads as root; named by its chain."""

from __future__ import annotations

from dynia.interfaces.desired import ClusterSpec, FilesTls, NoTls
from dynia.interfaces.release import Release, ReleaseFile
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Topology, TopologyNode
from dynia.services.planning.components.basic import Basic
from dynia.services.planning.components.rendered import ROOT
from dynia.services.planning.components.scripts import staged

NAME = "tls"
FOLDER = f"{ROOT}/tls"
PEM = f"{FOLDER}/cluster.pem"
_HAPROXY = f"{ROOT}/haproxy/haproxy.cfg"

# HAProxy itself says whether it can serve this file, before it is put where HAProxy finds it.
CHECK = (
    staged(PEM, "pem")
    + """work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
  printf 'defaults\\n  mode http\\n  timeout connect 1s\\n  timeout client 1s\\n  timeout server 1s\\n'
  printf 'frontend check\\n  bind 127.0.0.1:443 ssl crt %s\\n' "$pem"
} >"$work/check.cfg"
haproxy -c -q -f "$work/check.cfg"
"""
)
_READS_IT = f"systemctl is-active -q haproxy.service && grep -qF ' crt {PEM} ' {_HAPROXY} 2>/dev/null"
ACTIVATE = f"""if [ -e {PEM} ] && {_READS_IT}; then
  systemctl reload haproxy.service
fi
"""
# What a client is shown must be what lies there.
SERVED = f"""if [ -e {PEM} ] && {_READS_IT}; then
  wanted=$(openssl x509 -in {PEM} -noout -fingerprint -sha256)
  told=$(timeout 3 openssl s_client -connect 127.0.0.1:443 2>/dev/null </dev/null |
    openssl x509 -noout -fingerprint -sha256 2>/dev/null) || :
  [ "$told" = "$wanted" ] || {{ echo 'haproxy does not serve the certificate that lies there'; exit 1; }}
fi
"""


class Tls(Basic):
    """Only there if the cluster has something to certify. Without its source the content is empty: it is then
    taken from the node that `topology.keeper` names."""

    name: str = NAME
    packages: tuple[str, ...] = ("haproxy", "openssl")
    roots: tuple[str, ...] = (FOLDER,)

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        content = topology.secrets.get(PEM, b"")
        named = topology.certificate.chain if topology.certificate else ""
        file = ReleaseFile(path=PEM, mode=0o600, content=content, secret=True, identity=named)
        return Recipe(
            release=Release(component=self.name, files=(file,)),
            check=CHECK,
            activate=ACTIVATE,
            probe=SERVED,
            keeper="" if content else topology.keeper,
        )


def certified(spec: ClusterSpec) -> bool:
    """Whether the cluster ends TLS: it was asked for, and there is a name to ask a certificate for."""
    if isinstance(spec.tls, NoTls):
        return False
    return isinstance(spec.tls, FilesTls) or any(service.domains for service in spec.services)
