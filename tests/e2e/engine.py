"""Another Docker engine on offer: Debian's own package under a later version, in a repository on the node itself."""

from __future__ import annotations

from tests.e2e.scratch import Scratch

LATER = "+later"
OFFER = rf"""
set -e
rm -rf /srv/later && mkdir -p /srv/later && cd /srv/later
apt-get update -qq && apt-get download -qq docker.io
dpkg-deb -R docker.io_*.deb new && rm docker.io_*.deb
sed -i 's/^Version: .*/&{LATER}/' new/DEBIAN/control
dpkg-deb -Znone --root-owner-group -b new docker.io.deb >/dev/null && rm -r new
{{
  dpkg-deb -f docker.io.deb
  echo "Filename: ./docker.io.deb"
  echo "Size: $(stat -c %s docker.io.deb)"
  echo "SHA256: $(sha256sum docker.io.deb | cut -d' ' -f1)"
}} >Packages
echo 'deb [trusted=yes] file:/srv/later ./' >/etc/apt/sources.list.d/later.list
"""


def offer(cluster: Scratch) -> None:
    """To every node: `apt-get dist-upgrade` will install it, with all that the package does then."""
    for node in cluster.nodes():
        cluster.sh(node, OFFER, timeout=180)


def versions(cluster: Scratch) -> dict[str, str]:
    """The installed one by node, as dpkg says."""
    return {node: cluster.sh(node, "dpkg-query -W -f '${Version}' docker.io") for node in cluster.nodes()}
