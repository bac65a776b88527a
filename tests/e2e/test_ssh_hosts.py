"""Hosts that exist, one without Docker, one with an unprivileged user: served, and left as they were."""

from __future__ import annotations

import shutil
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynia.interfaces.shape import Shape
from dynia.providers.nodes.docker.images import caddy_image
from dynia.providers.nodes.docker.lab import Lab
from tests.e2e.hosts import Host, Hosts
from tests.e2e.look import look, touched
from tests.e2e.scratch import Scratch
from tests.e2e.terminal import Terminal
from tests.e2e.test_tampering import some_node

pytestmark = pytest.mark.lab

CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: ssh, known_hosts: ./known_hosts}}
    ssh: {{key: {key}}}
    nodes:
      - {pinned}
      - {known}
      - {bare}
    entry: {{kind: vip, address: {address}}}
    caddy: {{image: "{caddy}"}}
    services:
      hello:
        compose: ./compose.yaml
        default: true
        health: {{path: /healthz}}
"""


class Estate(Shape):
    """Three hosts and the cluster on them. `before` is the inventory of each before Dynia saw it."""

    cluster: Scratch
    pinned: Host
    known: Host
    bare: Host
    address: str
    before: dict[str, set[str]]

    @property
    def hosts(self) -> tuple[Host, ...]:
        return (self.pinned, self.known, self.bare)


@pytest.fixture(scope="module")
def estate(lab: Lab) -> Iterator[Estate]:
    """Applied; the last test destroys it."""
    cluster = Scratch(lab, f"h-{uuid.uuid4().hex[:6]}")
    hosts = Hosts(lab, cluster.name)
    try:
        pinned, known, bare = hosts.make("fox"), hosts.make("owl", user="ada"), hosts.make("wren", bare=True)
        address = hosts.free_address()
        cluster.write("known_hosts", f"{known.address} {known.host_key}\n")
        text = CLUSTERS.format(
            name=cluster.name,
            key=pinned.key,
            pinned=pinned.yaml(),
            known=known.yaml(pinned=False),
            bare=bare.yaml(),
            address=address,
            caddy=caddy_image(),
        )
        cluster.write("clusters.yaml", text)
        before = {host.name: inventory(host) for host in (pinned, known, bare)}
        cluster.apply()
        yield Estate(cluster=cluster, pinned=pinned, known=known, bare=bare, address=address, before=before)
    except AssertionError:
        cluster.collect(lab.folder / "failures" / cluster.name)
        raise
    finally:
        cluster.remove()


# What a host has, one line a thing. Left out: what Docker keeps of images, and what systemd and keepalived
# write for themselves.
INVENTORY = r"""
set -eu
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /run -o -path /var/tmp \
  -o -path /var/log -o -path /var/lib/docker -o -path /var/lib/containerd -o -path /etc/iproute2 \
  -o -path '/etc/rc?.d' \) -prune -o -printf 'path %p %y %m %u:%g\n'
find /run /tmp -path '*dynia*' -printf 'path %p\n'
systemctl list-unit-files --no-legend --plain --state=enabled | awk '{ print "enabled", $1 }'
systemctl list-units --no-legend --plain --type=service --state=running | awk '{ print "runs", $1 }'
ip -4 -o addr | awk '{ print "address", $2, $4 }'
command -v docker >/dev/null || exit 0
docker ps --all --format 'container {{.Names}}'
docker network ls --format 'network {{.Name}}'
docker volume ls --format 'volume {{.Name}}'
nft list tables | sed 's/^/nft /'
"""
# A host's own HAProxy and keepalived are stopped and disabled by the end.
TAKEN_OVER = ("haproxy.service", "keepalived.service")


def inventory(host: Host) -> set[str]:
    return set(host.sh(INVENTORY).splitlines())


def test_hosts_answer_at_the_reserved_ip_and_there_is_nothing_left_to_do(estate: Estate) -> None:
    cluster = estate.cluster
    # A HAProxy that has just begun asks every node twice before it sends it anything.
    told: set[str] = set()
    until = time.monotonic() + 20
    while not all(any(host.name in answer for answer in told) for host in estate.hosts):
        assert time.monotonic() < until, told
        told |= {cluster.get(f"{host.address}") for host in estate.hosts}
    assert any(host.name in cluster.get(estate.address) for host in estate.hosts)
    assert some_node(cluster, "holder") in {host.name for host in estate.hosts}
    plan = cluster.dynia("plan", "--detailed-exitcode")
    assert plan.stdout == f"{cluster.name}: nothing to do (3 nodes observed, generation 1)\n"


def test_a_host_without_docker_was_given_it_and_a_user_went_through_sudo(estate: Estate) -> None:
    assert not any("/usr/sbin/dockerd " in line for line in estate.before["wren"])
    assert estate.bare.sh("dpkg-query -W -f '${Package} ' docker.io haproxy keepalived nftables").split() == [
        "docker.io",
        "haproxy",
        "keepalived",
        "nftables",
    ]
    assert estate.bare.sh("systemctl is-active docker haproxy keepalived").split() == ["active"] * 3
    logins = estate.known.sh("journalctl -t sshd-session -t sshd --no-pager --grep 'Accepted publickey'")
    assert "for ada from" in logins
    assert "for root from" not in logins
    assert set(estate.known.sh("find /opt/dynia -printf '%u:%g\\n'").split()) == {"root:root"}


def test_a_lost_state_is_given_back_by_the_hosts(estate: Estate) -> None:
    """Their keys are those of the file and of known_hosts; one is read as a user with sudo."""
    cluster = estate.cluster
    lost = cluster.state()["nodes"]
    (cluster.folder / "state.json").unlink()
    shutil.rmtree(cluster.folder / ".dynia")
    done = cluster.dynia("state", "rebuild", "--yes", "--cluster", cluster.name)
    assert "nothing to do" in done.stdout, str(done)
    assert cluster.state()["nodes"] == lost
    cluster.dynia("plan", "--detailed-exitcode")


def fingerprint(host: Host) -> str:
    return host.sh("ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub").split()[1]


def logins(host: Host) -> int:
    found = host.sh("journalctl --no-pager --grep 'Accepted publickey' || :")
    return found.count("Accepted publickey")


def test_a_host_that_shows_another_key_than_the_pinned_one_is_refused(estate: Estate) -> None:
    cluster, right = estate.cluster, estate.pinned.host_key
    before, came = look(cluster), logins(estate.pinned)
    wrong = estate.bare.host_key
    cluster.edit("clusters.yaml", estate.pinned.yaml(), estate.pinned.yaml().replace(right, wrong))
    said = cluster.apply(exits=4)
    words = " ".join((said.stdout + said.stderr).split())
    assert f"shows {fingerprint(estate.pinned)}, pinned is {fingerprint(estate.bare)}" in words, str(said)
    assert "because its pinned host key changed" in words
    cluster.dynia("plan", "--detailed-exitcode", exits=4)
    assert logins(estate.pinned) == came + 1, "apply saw it once, by its right key, and never again"
    cluster.edit("clusters.yaml", wrong + '"}\n      - {name: owl', right + '"}\n      - {name: owl')
    cluster.apply()
    cluster.dynia("plan", "--detailed-exitcode")
    assert touched(before, look(cluster)) == set()


@pytest.mark.slow
def test_a_host_with_a_new_key_is_refused_until_known_hosts_has_it(estate: Estate) -> None:
    cluster, host = estate.cluster, estate.known
    old = fingerprint(host)
    host.sh(
        "rm /etc/ssh/ssh_host_ed25519_key*;"
        "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key;"
        "systemctl restart ssh"
    )
    before = look(cluster)
    cluster.dynia("plan", "--detailed-exitcode", exits=4)
    said = cluster.dynia("drift", exits=4)
    words = " ".join(said.stdout.split())
    assert f"shows {fingerprint(host)}, pinned is {old}" in words, str(said)
    key = host.sh("cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub").strip()
    cluster.write("known_hosts", f"{host.address} {key}\n")
    cluster.apply()
    cluster.dynia("plan", "--detailed-exitcode")
    assert touched(before, look(cluster)) == set()


THEIRS = r"""
set -eu
printf 'beside /opt/dynia\n' >/opt/theirs.conf
mkdir -p /srv/theirs
head -c 100000 /dev/urandom >/srv/theirs/data
printf '[Service]\n# beside our drop-in\n' >/etc/systemd/system/haproxy.service.d/theirs.conf
nft add table inet theirs
nft add chain inet theirs mine
docker network create theirs >/dev/null
docker volume create theirs >/dev/null
docker run -d --name theirs --restart always --network theirs -v theirs:/data -p 8088:8000 \
  dynia-lab/hello:1 >/dev/null
"""
THEIRS_NOW = r"""
set -eu
for file in /opt/theirs.conf /srv/theirs/data /etc/systemd/system/haproxy.service.d/theirs.conf; do
  sha256sum "$file"
  stat -c '%i %a %U:%G %y %z' "$file"
done
docker inspect -f '{{.Id}} {{.State.Status}} {{.State.StartedAt}} {{.State.Pid}} {{.RestartCount}}' theirs
docker network inspect -f '{{.Id}} {{range .Containers}}{{.Name}}{{end}}' theirs
docker volume inspect -f '{{.CreatedAt}} {{.Mountpoint}}' theirs
nft list table inet theirs
docker exec theirs wget -q -O - http://127.0.0.1:8000/healthz
"""


def machines(estate: Estate) -> str:
    names = [host.container for host in estate.hosts]
    return estate.cluster.docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}} {{.State.Pid}}", *names)


def records(folder: Path) -> dict[str, bytes]:
    """What Dynia has written down beside the file, but for who had the lease."""
    journal = folder / ".dynia" / "journal"
    return {
        str(file): file.read_bytes()
        for file in (folder / "state.json", *journal.rglob("*"))
        if file.is_file() and b'"kind":"lease"' not in file.read_bytes()
    }


def test_destroy_asks_for_the_name_takes_what_is_ours_and_leaves_what_is_not(estate: Estate) -> None:
    cluster, name = estate.cluster, estate.cluster.name
    for host in estate.hosts:
        host.sh(THEIRS)
    theirs = {host.name: host.sh(THEIRS_NOW) for host in estate.hosts}
    running, before, written = machines(estate), look(cluster), records(cluster.folder)

    with Terminal(cluster, "cluster", "destroy", name) as terminal:
        terminal.wait_for("to destroy it:")
        terminal.type("yes")
        assert terminal.end() == 1, terminal.shown
    assert "no terminal to ask on" in cluster.dynia("cluster", "destroy", name, exits=1).stderr
    cluster.dynia("cluster", "destroy", name, "--yes-destroy", f"{name}x", exits=1)
    assert touched(before, look(cluster)) == set()
    assert records(cluster.folder) == written
    assert cluster.get(estate.address)

    with Terminal(cluster, "cluster", "destroy", name) as terminal:
        terminal.wait_for("to destroy it:")
        terminal.type(name)
        assert terminal.end() == 0, terminal.shown
    for host in estate.hosts:
        check_as_it_was(estate, host)
        assert host.sh(THEIRS_NOW) == theirs[host.name]
        with urllib.request.urlopen(f"http://{host.address}:8088/healthz", timeout=5) as answer:
            assert answer.status == 200
    assert machines(estate) == running
    with pytest.raises(OSError):
        cluster.get(estate.address)
    state = cluster.state()
    assert [state[kind] for kind in ("clusters", "nodes", "deployments", "routes", "intents")] == [[]] * 5


def check_as_it_was(estate: Estate, host: Host) -> None:
    """Nothing has our names; and but for what apt installed, nothing is there or gone that was not before."""
    now = inventory(host)
    marks = ("dynia", "edge-", f" {estate.address}/")
    assert [line for line in sorted(now) if any(mark in line for mark in marks)] == []
    assert host.sh("systemctl is-active haproxy keepalived", check=False).split() == ["inactive"] * 2
    if host is estate.bare:
        return
    before = estate.before[host.name]
    came = {line for line in now - before if "theirs" not in line and not line.startswith("address br-")}
    assert came == {"path /etc/systemd/system/haproxy.service.d d 755 root:root"}
    gone = {line for line in before - now if not any(unit in line for unit in TAKEN_OVER)}
    assert gone == set()
