"""The lab itself: nodes are real machines, hosts are plain ones, and going away takes only what is its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dynia.providers.nodes.docker.images import bare_image, caddy_image, hello_image, node_image
from dynia.providers.nodes.docker.lab import Lab
from tests.conftest import ROOT
from tests.e2e.hosts import Hosts
from tests.e2e.scratch import DYNIA

pytestmark = pytest.mark.lab

NEEDED = ("systemd", "active", "active", "active")


def dynia_lab(*argv: str, root: Path) -> str:
    environment = {**os.environ, "DYNIA_LAB": str(root), "NO_COLOR": "1"}
    done = subprocess.run(
        [str(DYNIA), "lab", *argv],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout


def docker(*argv: str) -> str:
    return subprocess.run(["docker", *argv], capture_output=True, text=True, timeout=60, check=True).stdout


def test_a_node_is_a_real_machine(hosts: Hosts) -> None:
    node = hosts.make("real")
    said = node.sh("cat /proc/1/comm; systemctl is-active ssh docker haproxy")
    assert tuple(said.split()) == NEEDED
    major, minor = node.sh("docker compose version --short").strip().lstrip("v").split(".")[:2]
    assert (int(major), int(minor.split("-")[0])) >= (2, 24)
    assert "Keepalived v2" in node.sh("keepalived --version 2>&1")


def test_a_node_runs_containers_of_its_own_inside_the_range_for_tests(hosts: Hosts) -> None:
    node = hosts.make("nested")
    archive = subprocess.run(["docker", "save", "dynia-lab/hello:1"], capture_output=True, check=True).stdout
    subprocess.run(["docker", "exec", "-i", node.container, "docker", "load"], input=archive, check=True)
    node.sh("docker run --detach --name web --publish 9000:8000 dynia-lab/hello:1")
    assert "version 1" in node.sh("curl -s --retry 10 --retry-connrefused http://127.0.0.1:9000/")
    nested = node.sh("docker inspect web --format '{{.NetworkSettings.IPAddress}}'")
    assert nested.startswith("198.19.")
    assert node.address.startswith("198.18.")


def test_a_node_takes_a_firewall_table_of_its_own(hosts: Hosts) -> None:
    node = hosts.make("walled")
    node.sh("nft add table inet own && nft 'add chain inet own in { type filter hook input priority -150; }'")
    node.sh("nft add rule inet own in ip protocol 112 counter accept")
    assert "vrrp" in node.sh("nft list table inet own")
    assert "DOCKER" in node.sh("iptables -S")


def test_a_bare_host_has_no_docker_and_its_user_gets_by_with_sudo(hosts: Hosts) -> None:
    host = hosts.make("plain", bare=True, user="ops")
    argv = ("ssh", "-i", host.key, "-o", f"UserKnownHostsFile={host.key}.known", "-o", "BatchMode=yes")
    Path(f"{host.key}.known").write_text(f"{host.address} {host.host_key}\n")
    script = "sudo -n id -u; command -v docker haproxy keepalived || echo none"
    said = subprocess.run([*argv, f"ops@{host.address}", script], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["0", "none"]
    refused = subprocess.run([*argv, f"root@{host.address}", "true"], capture_output=True, check=False)
    assert refused.returncode == 255


def test_lab_up_again_changes_nothing(lab: Lab) -> None:
    tags = (node_image(), bare_image(), caddy_image(), hello_image("1"), hello_image("2"))

    def now() -> str:
        images = docker("image", "inspect", "--format", "{{.Id}} {{.Metadata.LastTagTime}}", *tags)
        return images + docker("network", "inspect", "--format", "{{.Id}} {{.IPAM.Config}}", lab.name)

    before = now()
    dynia_lab("up", root=ROOT)
    assert now() == before


def test_two_checkouts_have_labs_of_their_own_and_down_takes_one(lab: Lab, tmp_path: Path) -> None:
    dynia_lab("up", root=tmp_path)
    status = dynia_lab("status", root=tmp_path)
    networks = docker("network", "ls", "--filter", "label=dev.dynia.lab", "--format", "{{.Name}}").split()
    (theirs,) = (name for name in networks if name.removeprefix("dynia-") in status)
    assert theirs != lab.name
    subnets = [docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", n) for n in networks]
    assert len(set(subnets)) == len(subnets)
    foreign = f"foreign-{theirs}"
    docker("volume", "create", foreign)
    try:
        dynia_lab("down", "--images", root=tmp_path)  # the images are ours too: they stay
        left = docker("network", "ls", "--format", "{{.Name}}").split()
        assert theirs not in left
        assert lab.name in left
        assert docker("image", "inspect", "--format", "{{.Id}}", node_image()).strip()
        assert foreign in docker("volume", "ls", "--quiet").split()
    finally:
        docker("volume", "rm", foreign)
