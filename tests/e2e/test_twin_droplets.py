"""The twin's droplets are machines: cloud-init, metadata, addresses that move, firewalls that cut VRRP."""

from __future__ import annotations

import asyncio
import subprocess
import urllib.error
import urllib.request

import pytest

from dynia.lab.process import running
from dynia.providers.nodes.docker.lab import Lab
from tests.conftest import ROOT
from tests.e2e.scratch import DYNIA
from tests.e2e.twin_cloud import Droplet, TwinCloud, until

pytestmark = pytest.mark.lab

SERVE = """python3 - <<'P'
from http.server import BaseHTTPRequestHandler, HTTPServer
import socket
class Say(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        at = self.connection.getsockname()[0]
        self.wfile.write(f"{socket.gethostname()} {at}".encode())
    def log_message(self, *said): pass
HTTPServer(("0.0.0.0", 80), Say).serve_forever()
P"""
HEAR = (
    "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112);"
    " s.settimeout(5); s.recv(99); print('heard')"
)
SAY = "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 112).sendto(b'hello', ('{}', 0))"


@pytest.fixture(scope="module")
def two(cloud: TwinCloud) -> tuple[Droplet, Droplet]:
    """Two droplets that serve their name at port 80 of every address."""
    found = cloud.droplet("web-1"), cloud.droplet("web-2", tags=["walled"])
    for one in found:
        one.booted()
        one.begin(SERVE)
        until(lambda at=one.public: asked(at))
    return found


def asked(address: str) -> str:
    """What answers there; empty: nothing does."""
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=1) as answer:
            return str(answer.read().decode())
    except (OSError, urllib.error.URLError):
        return ""


def test_a_droplet_boots_its_user_data_and_answers_ssh_with_the_pinned_key(
    two: tuple[Droplet, Droplet],
) -> None:
    said = asyncio.run(two[0].ssh("hostname; cat /proc/1/comm; cloud-init status"))
    assert said.splitlines() == ["web-1", "systemd", "status: done"]
    keys = two[0].sh("ls /etc/ssh/ssh_host_*_key")
    assert keys == "/etc/ssh/ssh_host_ed25519_key"
    assert two[0].private in two[0].sh("ip -4 -o address show dev eth1")
    assert two[0].public != two[0].private


def test_the_metadata_service_answers_on_the_droplet_and_for_it(two: tuple[Droplet, Droplet]) -> None:
    for one in two:
        at = "curl -sf http://169.254.169.254/metadata/v1"
        assert one.sh(f"{at}/id") == str(one.id)
        assert one.sh(f"{at}/interfaces/public/0/ipv4/address") == one.public
        assert one.sh(f"{at}/interfaces/private/0/ipv4/address") == one.private
        anchor = one.sh(f"{at}/interfaces/public/0/anchor_ipv4/address")
        assert f" {anchor}/" in one.sh("ip -4 -o address show dev eth0")


def test_nothing_for_a_metadata_service_ever_leaves_a_droplet(
    cloud: TwinCloud, two: tuple[Droplet, Droplet]
) -> None:
    node = two[1]
    assert node.sh("ip route get 169.254.169.254").startswith("local 169.254.169.254 dev lo")
    assert "No route to host" in node.sh("ip route get 169.254.169.253 2>&1", check=False)
    node.sh("systemctl stop lab-metadata.socket lab-metadata.service")
    try:
        assert node.sh("curl -s -m 3 http://169.254.169.254/; echo $?") == "7"  # refused, not timed out
    finally:
        node.sh("systemctl start lab-metadata.socket")
    node.sh("ping -c 1 -W 1 169.254.0.1", check=False)
    guard = subprocess.run(
        ["nft", "list", "chain", "ip", cloud.lab.name, "guard"], capture_output=True, text=True, check=True
    )
    assert "counter packets 0 bytes 0 drop" in guard.stdout


@pytest.mark.slow
def test_a_reserved_ip_moves_with_the_action_arrives_at_the_anchor_and_falls_off(
    cloud: TwinCloud, two: tuple[Droplet, Droplet]
) -> None:
    first, second = two
    active = "curl -s http://169.254.169.254/metadata/v1/reserved_ip/ipv4/active"
    ip = cloud.reserved_ip(first)
    anchor = first.sh("curl -s http://169.254.169.254/metadata/v1/interfaces/public/0/anchor_ipv4/address")
    assert asked(ip) == f"web-1 {anchor}"
    for one in two:  # its holder too
        assert one.sh(f"curl -s -m 3 http://{ip}/") == f"web-1 {anchor}"
    assert (first.sh(active), second.sh(active)) == ("true", "false")

    begun = cloud("POST", f"/v2/reserved_ips/{ip}/actions", {"type": "assign", "droplet_id": second.id})
    assert asked(ip).startswith("web-1 ")  # 202 is not done
    cloud.done(begun["action"]["id"])
    assert asked(ip).startswith("web-2 ")
    assert (first.sh(active), second.sh(active)) == ("false", "true")

    third = cloud.droplet("web-3")
    cloud.act(f"/v2/reserved_ips/{ip}", type="assign", droplet_id=third.id)
    cloud("DELETE", f"/v2/droplets/{third.id}")
    assert cloud("GET", f"/v2/reserved_ips/{ip}")["reserved_ip"]["droplet"] is None
    until(lambda: ip not in nft_map(cloud.lab))
    assert not asked(ip)
    cloud.act(f"/v2/reserved_ips/{ip}", type="assign", droplet_id=first.id)
    assert asked(ip).startswith("web-1 ")


def nft_map(lab: Lab) -> str:
    return subprocess.run(
        ["nft", "list", "map", "ip", lab.name, "holders"], capture_output=True, text=True, check=True
    ).stdout


def test_a_cloud_firewall_cuts_protocol_112_between_droplets(
    cloud: TwinCloud, two: tuple[Droplet, Droplet]
) -> None:
    first, second = two

    def heard(at: str) -> bool:
        first.begin(f'rm -f /run/heard; python3 -c "{HEAR}" > /run/hears 2>&1; mv /run/hears /run/heard')
        until(lambda: int(first.sh("grep -c . /proc/net/raw")) > 1)
        second.sh(f'python3 -c "{SAY.format(at)}"')
        until(lambda: first.sh("cat /run/heard", check=False))
        return first.sh("tail -n 1 /run/heard") == "heard"

    assert heard(first.private)
    rules = {
        "outbound_rules": [{"protocol": "tcp", "ports": "0", "destinations": {"addresses": ["0.0.0.0/0"]}}]
    }
    made = cloud("POST", "/v2/firewalls", {"name": "walls", **rules, "tags": ["walled"]})
    wall = made["firewall"]["id"]
    until(lambda: second.private in guarded(cloud.lab))
    assert not heard(first.private)
    assert asked(second.public)
    cloud("DELETE", f"/v2/firewalls/{wall}")
    until(lambda: second.private not in guarded(cloud.lab))
    assert heard(first.private)


def guarded(lab: Lab) -> str:
    return subprocess.run(
        ["nft", "list", "set", "bridge", lab.name, "guarded"], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.slow
def test_power_off_and_on_by_the_api_and_a_restart_of_the_twin_in_between(
    cloud: TwinCloud, two: tuple[Droplet, Droplet]
) -> None:
    node = two[1]
    cloud.act(f"/v2/droplets/{node.id}", type="power_off")
    state = ["docker", "inspect", "--format", "{{.State.Status}}", node.container]
    assert subprocess.run(state, capture_output=True, text=True).stdout.strip() == "exited"
    process = running(cloud.lab)
    assert process
    subprocess.run(["kill", "-KILL", str(process)], check=True)
    until(lambda: running(cloud.lab) is None)
    said = subprocess.run(
        [str(DYNIA), "lab", "up", "--twin", "--delay", "0.5"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert said.returncode == 0, said.stderr
    assert f'export DYNIA_DIGITALOCEAN_URL="{cloud.environment["DYNIA_DIGITALOCEAN_URL"]}"' in said.stdout
    assert running(cloud.lab) not in (None, process)
    assert cloud("GET", f"/v2/droplets/{node.id}")["droplet"]["status"] == "off"
    cloud.act(f"/v2/droplets/{node.id}", type="power_on")
    node.booted()
    assert node.sh("curl -sf http://169.254.169.254/metadata/v1/id") == str(node.id)
    shown = subprocess.run(
        [str(DYNIA), "lab", "status"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "twin     process" in shown.stdout
    assert "droplets/web-2" in shown.stdout
