"""`dynia import` at the twin: a droplet that somebody made by hand, and the reserved IP it has, become a cluster."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator

import pytest

from dynia.providers.nodes.docker.images import caddy_image
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.operator_key import operator_key
from tests.e2e.scratch import Scratch
from tests.e2e.twin_cloud import TwinCloud

pytestmark = [pytest.mark.lab, pytest.mark.slow]

CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: digitalocean, region: lon1}}
    nodes: {{count: 1, size: s-1vcpu-2gb}}
    ssh: {{key: {key}, connect_timeout: 60s}}
    entry: {{kind: api}}
    caddy: {{image: "{caddy}"}}
    services:
      hello:
        compose: ./compose.yaml
        default: true
        health: {{path: /healthz}}
"""


@pytest.fixture
def by_hand(lab: Lab, cloud: TwinCloud) -> Iterator[Scratch]:
    """A file that nothing was applied of."""
    made = Scratch(lab, f"i-{uuid.uuid4().hex[:6]}")
    made.variables = cloud.environment
    text = CLUSTERS.format(name=made.name, key=operator_key(lab), caddy=caddy_image())
    made.write("clusters.yaml", text)
    yield made
    made.dynia("cluster", "destroy", made.name, "--yes-destroy", made.name, exits=None)
    made.remove()


def test_a_droplet_and_its_address_are_taken_over_and_serve(cloud: TwinCloud, by_hand: Scratch) -> None:
    droplet = cloud.droplet("web-old")
    droplet.booted()
    address = cloud.reserved_ip(droplet)
    there = [one["id"] for one in cloud.rows("SELECT id FROM droplets WHERE deleted IS NULL")]
    wrong = cloud.droplet("web-wrong").host_key
    argv = ("import", "web-old", "--cluster", by_hand.name, "--yes", "--host-key")
    refused = by_hand.dynia(*argv, wrong, exits=4)
    assert "was not reached" in refused.stderr
    done = by_hand.dynia(*argv, droplet.host_key)
    assert "its size is s-1vcpu-1gb, the file says s-1vcpu-2gb: it stays as it is" in " ".join(
        done.stdout.split()
    )
    assert "is node 1 of" in done.stdout and "service hello" in done.stdout
    by_hand.dynia("import", "reserved-ip", address, "--cluster", by_hand.name, "--yes")
    by_hand.apply(timeout=600)
    [node] = by_hand.state()["nodes"]
    assert (node["name"], node["providerId"], node["ordinal"]) == ("web-old", str(droplet.id), 1)
    assert by_hand.entry() == address
    made = [one["id"] for one in cloud.rows("SELECT id FROM droplets WHERE deleted IS NULL")]
    assert [one for one in made if one in there] == there and len(made) == len(there) + 1, (
        "none but the wrong one"
    )
    with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
        assert "version 1" in answer.read().decode()
    assert json.loads(by_hand.dynia("plan", "--json").stdout)["empty"]
    again = by_hand.dynia("import", "web-old", "--cluster", by_hand.name, "--yes")
    assert "already: nothing was changed" in again.stdout
