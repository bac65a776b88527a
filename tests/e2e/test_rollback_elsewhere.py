"""Back to what was good from a folder with the state alone: no file, no image, no registry, and the hosts cut off.

The operator's Docker refuses, the hosts begin no connection but to each other, and one of them came too late to have
the image that is wanted again.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dynia.interfaces.shape import Shape
from dynia.providers.nodes.docker.images import caddy_image
from dynia.providers.nodes.docker.lab import Lab
from tests.e2e.hosts import Host, Hosts
from tests.e2e.scratch import COMPOSE, Scratch
from tests.e2e.test_state_rebuild import words

pytestmark = [pytest.mark.lab, pytest.mark.slow]

FIRST, SECOND = "dynia-lab/hello:1", "dynia-lab/hello:2"
CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: ssh}}
    ssh: {{key: {key}}}
    nodes: [{nodes}]
    caddy: {{image: "{caddy}"}}
    services:
      hello:
        compose: ./compose.yaml
        default: true
        health: {{path: /healthz}}
"""
CUT = """nft -f - <<'END'
table inet cut {{
  chain out {{
    type filter hook output priority 0; policy accept;
    oifname eth0 ct state new ip daddr != {{ {hosts} }} drop
  }}
}}
END
"""
HEAL = "nft delete table inet cut"
HAS = f"docker image inspect --format '{{{{.Id}}}}' {FIRST} 2>/dev/null || echo none"


class Estate(Shape):
    """Generation 1 is of `FIRST` on two hosts, generation 2 of `SECOND`; then `late` came."""

    cluster: Scratch
    hosts: tuple[Host, ...]

    @property
    def late(self) -> Host:
        return self.hosts[-1]


def write(cluster: Scratch, hosts: tuple[Host, ...], image: str) -> None:
    nodes = ", ".join(host.yaml() for host in hosts)
    key, caddy = hosts[0].key, caddy_image()
    cluster.write("clusters.yaml", CLUSTERS.format(name=cluster.name, key=key, nodes=nodes, caddy=caddy))
    cluster.write("compose.yaml", COMPOSE.replace(FIRST, image))


@pytest.fixture
def estate(lab: Lab) -> Iterator[Estate]:
    cluster = Scratch(lab, f"b-{uuid.uuid4().hex[:6]}")
    made = Hosts(lab, cluster.name)
    try:
        hosts = tuple(made.make(name) for name in ("fox", "owl", "wren"))
        for image, of in ((FIRST, hosts[:2]), (SECOND, hosts[:2]), (SECOND, hosts)):
            write(cluster, of, image)
            cluster.apply()
        yield Estate(cluster=cluster, hosts=hosts)
    finally:
        cluster.remove()


@contextmanager
def elsewhere(estate: Estate, folder: Path) -> Iterator[None]:
    """Somebody else's machine: the state and the SSH key are there, and a Docker without these images."""
    cluster = estate.cluster
    home, tools, here = folder / "home", folder / "tools", cluster.folder
    (home / ".ssh").mkdir(parents=True)
    shutil.copy(estate.hosts[0].key, home / ".ssh" / "id_ed25519")
    tools.mkdir()
    (tools / "docker").write_text('#!/bin/sh\necho "$@" >>"$(dirname "$0")/asked"\nexit 1\n')
    (tools / "docker").chmod(0o755)
    (folder / "team").mkdir()
    shutil.copy(here / "state.json", folder / "team" / "state.json")
    shutil.copytree(here / ".dynia", folder / "team" / ".dynia")
    path = cluster.environment()["PATH"]
    cluster.variables |= {"HOME": str(home), "SSH_AUTH_SOCK": "", "PATH": f"{tools}:{path}"}
    cluster.folder = folder / "team"
    try:
        yield
    finally:
        cluster.folder = here
        for name in ("HOME", "SSH_AUTH_SOCK", "PATH"):
            del cluster.variables[name]


@contextmanager
def cut_off(hosts: tuple[Host, ...]) -> Iterator[None]:
    """No registry, no mirror, no name server, not even this machine: they answer, and ask nobody."""
    for host in hosts:
        host.sh(CUT.format(hosts=", ".join(one.address for one in hosts)))
    try:
        yield
    finally:
        for host in hosts:
            host.sh(HEAL)


def test_the_state_and_a_key_are_enough(estate: Estate, tmp_path: Path) -> None:
    cluster, hosts = estate.cluster, estate.hosts
    assert all("version 2" in cluster.get(host.address) for host in hosts)
    assert estate.late.sh(HAS).split() == ["none"]
    with elsewhere(estate, tmp_path), cut_off(hosts):
        listed = words(cluster.dynia("rollback", "--list"))
        assert listed.count("service hello") == 1, listed
        done = words(cluster.dynia("rollback", "--yes", "--full", "--cluster", cluster.name))
    assert f"copy image {FIRST} from" in done, done
    assert not (tmp_path / "tools" / "asked").exists(), "the operator's Docker was asked"
    assert len({host.sh(HAS) for host in hosts}) == 1
    assert all("version 1" in cluster.get(host.address) for host in hosts)
