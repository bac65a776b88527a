"""What the nodes are made of, seen past dynia: two looks, and everything that differs between them."""

from __future__ import annotations

from tests.e2e.scratch import Scratch

# One line a thing: what it is, a tab, and what would change if somebody touched it. The times of a folder are left
# out, since they belong to what is in it; a file's change time too, since a hard link made and removed changes it;
# and the links of System V's init, which systemctl makes beside its own.
SCRIPT = r"""
set -eu
find /opt /etc /usr/local /root -xdev -type d -printf 'folder %p\t%i %m %u:%g\n'
find /opt /etc /usr/local /root -xdev ! -type d ! -path '/etc/rc?.d/*' -printf 'file %p\t%y %i %m %u:%g %s %T@ %l\n'
for id in $(docker ps --all --quiet --no-trunc); do
  docker inspect --format \
    'container {{.Name}}{{"\t"}}{{.Id}} {{.State.StartedAt}} {{.State.Status}} {{.RestartCount}}' "$id"
done
docker network ls --no-trunc --format 'network {{.Name}}{{"\t"}}{{.ID}}'
docker volume ls --format 'volume {{.Name}}'
for unit in docker containerd ssh haproxy keepalived dynia-firewall; do
  printf 'unit %s\t%s\n' "$unit" "$(systemctl show "$unit" --property \
    ActiveEnterTimestampMonotonic,InvocationID,MainPID,NRestarts,ActiveState,UnitFileState | tr '\n' ' ')"
  printf 'reload %s\t%s\n' "$unit" "$(systemctl show "$unit" --property ExecReload | tr '\n' ' ')"
done
printf 'firewall\t%s\n' "$(nft -s -a list table inet dynia | sha256sum)"
"""
# Who has the reserved IP is left out as well: keepalived may move it at any time, and needs nobody for that.
# The lock's file and the like: dynia's own bookkeeping lies in /var/lib/dynia and /run, where nothing is looked at.


def look(cluster: Scratch) -> dict[str, str]:
    """``node thing`` -> how it is, on every node."""
    found = {}
    for node in cluster.nodes():
        for line in cluster.sh(node, SCRIPT).splitlines():
            thing, _, how = line.partition("\t")
            found[f"{node} {thing}"] = how
    return found


def touched(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Things that came, went or are not what they were. A unit that began anew knows of no reload before."""
    found = {thing for thing in {*before, *after} if before.get(thing) != after.get(thing)}
    anew = {thing.replace(" unit ", " reload ") for thing in found if " unit " in thing}
    return found - anew


def on(node: str, *things: str) -> set[str]:
    """Those things of one node, as `look` names them."""
    return {f"{node} {thing}" for thing in things}
