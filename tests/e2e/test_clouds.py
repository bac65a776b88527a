"""The spec's own two commands against the twins: droplets, a reserved IP, a name, and HTTPS that a client verifies."""

from __future__ import annotations

import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import dns.message
import dns.query
import pytest

from dynia.lab.places import NAMES_PORT
from dynia.providers.nodes.docker.images import caddy_image
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.operator_key import operator_key
from tests.e2e.scratch import Scratch
from tests.e2e.twin_cloud import Droplet, TwinCloud
from tests.twin.judged import rows

pytestmark = pytest.mark.lab

DOMAIN = "api.example.com"
DEFAULT_CADDY = "caddy:2.10"


@pytest.fixture
def cloud(lab: Lab, twin_lab: dict[str, str]) -> Iterator[TwinCloud]:
    made = TwinCloud(lab, twin_lab)
    yield made
    made.clean()


@pytest.fixture
def beginner(lab: Lab, cloud: TwinCloud) -> Iterator[Scratch]:
    """Somebody with a compose file, an ssh key and three tokens, and nothing else."""
    made = Scratch(lab, "mycluster")
    (made.folder / "clusters.yaml").unlink()
    (made.folder / "compose.yaml").rename(made.folder / "myapp.yml")
    keys = made.folder / "home" / ".ssh"
    keys.mkdir(parents=True)
    shutil.copy(operator_key(lab), keys / "id_ed25519")
    made.variables = {**cloud.environment, "HOME": str(keys.parent), "SSH_AUTH_SOCK": ""}
    # No registry is reached here: the operator's Docker has the default image instead.
    had = made.docker("image", "ls", "--quiet", DEFAULT_CADDY).strip()
    if not had:
        made.docker("tag", caddy_image(), DEFAULT_CADDY)
    yield made
    made.dynia("cluster", "destroy", made.name, "--yes-destroy", made.name, exits=None)
    if not had:
        made.docker("rmi", DEFAULT_CADDY)
    made.remove()


def answers(environment: dict[str, str], name: str) -> list[str]:
    """As the zone's own server tells anybody."""
    host = urlsplit(environment["DYNIA_CLOUDFLARE_URL"]).hostname or ""
    got = dns.query.tcp(dns.message.make_query(name, "A"), host, port=NAMES_PORT, timeout=10)
    return sorted(rdata.to_text() for rrset in got.answer for rdata in rrset)


def curl(cluster: Scratch, address: str) -> tuple[str, str]:
    """Headers and body over HTTPS, chain and name verified against the twin's own authority."""
    argv = ["curl", "-s", "-S", "-m", "10", "-D", "-", "--cacert", str(cluster.folder / "ca.pem")]
    argv += ["--resolve", f"{DOMAIN}:443:{address}", f"https://{DOMAIN}/"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    head, _, body = done.stdout.replace("\r", "").partition("\n\n")
    return head.lower(), body


def test_from_nothing_to_https_on_two_droplets(lab: Lab, cloud: TwinCloud, beginner: Scratch) -> None:
    """What must be seen, 1."""
    size = ("--nodes", "2", "--size", "s-1vcpu-1gb", "--region", "lon1")
    beginner.dynia("cluster", "create", "mycluster", *size, "--yes", timeout=900)
    state = beginner.state()
    assert state["currentCluster"] == "mycluster"
    droplets = {
        node["name"]: Droplet(cloud, int(node["providerId"]), node["hostKey"]) for node in state["nodes"]
    }
    assert len(droplets) == 2
    address = beginner.entry()
    held = cloud("GET", f"/v2/reserved_ips/{address}")["reserved_ip"]["droplet"]["name"]
    roles = {name: node.sh("cat /run/dynia/vrrp") for name, node in droplets.items()}
    assert [name for name, role in roles.items() if role == "MASTER"] == [held]

    deployed = beginner.dynia(
        "deploy", "--name", "myapp", "--compose", "./myapp.yml", "--domain", DOMAIN, "--yes", timeout=900
    )
    print(deployed)
    assert answers(cloud.environment, DOMAIN) == [address]
    assert address not in {ip for node in droplets.values() for ip in (node.public, node.private)}
    records = rows(lab.folder / "twin" / "cloudflare.db", "SELECT * FROM records")
    assert [(one["name"], one["content"], bool(one["proxied"])) for one in records] == [
        (DOMAIN, address, True)
    ]

    with urllib.request.urlopen(f"{cloud.environment['DYNIA_CLOUDFLARE_URL']}/twin/origin-ca.pem") as told:
        (beginner.folder / "ca.pem").write_bytes(told.read())
    seen = [curl(beginner, address) for _ in range(8)]
    assert all("version 1" in body for _, body in seen)
    assert all(re.search(r"^x-dynia-release: [0-9a-f]{8,}$", head, re.M) for head, _ in seen), seen[0][0]
    assert {name for name in droplets for _, body in seen if name in body} == set(droplets), (
        "one answers alone"
    )
    assert "nothing to do" in beginner.dynia("plan", "--detailed-exitcode").stdout

    beginner.dynia("undeploy", "myapp", "--yes", timeout=600)
    assert answers(cloud.environment, DOMAIN) == []
