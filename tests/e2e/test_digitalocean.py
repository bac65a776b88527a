"""`provider: {kind: digitalocean}` through the program and the real SDK, against the lab's twin with machines behind it."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator

import pytest

from dynia.lab.bodies import container_name
from dynia.lab.twins import FAILOVER_TOKEN, TOKEN
from dynia.providers.nodes.docker.images import caddy_image
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.operator_key import operator_key
from tests.e2e.scratch import Scratch
from tests.e2e.twin_cloud import ORDER, TwinCloud, until

pytestmark = pytest.mark.lab

CREATE = "POST /v2/droplets"
CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: digitalocean, region: lon1}}
    nodes: {{count: {nodes}, size: s-1vcpu-2gb}}
    ssh: {{key: {key}}}
    entry: {{kind: none}}
    caddy: {{image: "{caddy}"}}
    services:
      hello:
        compose: ./compose.yaml
        default: true
        health: {{path: /healthz}}
"""


@pytest.fixture
def droplets(lab: Lab, cloud: TwinCloud) -> Iterator[Scratch]:
    """A cluster of droplets of the test's own; nothing is applied yet."""
    made = Scratch(lab, f"d-{uuid.uuid4().hex[:6]}")
    made.variables = cloud.environment
    write(made, 2)
    yield made
    faults(cloud)
    made.dynia("cluster", "destroy", made.name, "--yes-destroy", made.name, exits=None)
    made.remove()


def write(cluster: Scratch, nodes: int) -> None:
    text = CLUSTERS.format(name=cluster.name, nodes=nodes, key=operator_key(cluster.lab), caddy=caddy_image())
    cluster.write("clusters.yaml", text)


def faults(cloud: TwinCloud, *rules: dict[str, object]) -> None:
    cloud("PUT", "/twin/faults", {"rules": list(rules)})


def alive(cloud: TwinCloud, cluster: Scratch) -> list[int]:
    tag = f"dynia:{cluster.state()['lineage']}:{cluster.name}"
    return [
        one["id"]
        for one in cloud.rows(
            "SELECT id FROM droplets WHERE deleted IS NULL AND id IN (SELECT droplet FROM droplet_tags WHERE tag = ?)",
            tag,
        )
    ]


@pytest.mark.slow
def test_droplets_are_made_serve_and_are_destroyed_and_foreign_ones_stay(
    cloud: TwinCloud, droplets: Scratch
) -> None:
    """What must be seen, 6: a foreign droplet with a similar name, a foreign address, a foreign firewall."""
    foreign = cloud("POST", "/v2/droplets", {**ORDER, "name": "web-1", "tags": ["dynia"]})
    cloud.done(foreign["links"]["actions"][0]["id"])
    address = cloud("POST", "/v2/reserved_ips", {"region": "lon1"})["reserved_ip"]["ip"]
    shown = droplets.dynia("plan").stdout
    assert "+24 USD a month" in shown
    droplets.apply(timeout=600)
    assert (
        "nothing to do" in droplets.dynia("plan", "--summary").stdout.lower()
        or json.loads(droplets.dynia("plan", "--json").stdout)["empty"]
    )
    made = alive(cloud, droplets)
    assert len(made) == 2
    nodes = {one["name"]: one for one in droplets.state()["nodes"]}
    for name, node in nodes.items():
        with urllib.request.urlopen(f"http://{node['address']}/", timeout=5) as answer:
            assert "version 1" in answer.read().decode(), name
        said = droplets.docker(
            "exec", container_name(cloud.lab, int(node["providerId"])), "cloud-init", "status"
        )
        assert said.strip() == "status: done"

    wall = cloud(
        "POST",
        "/v2/firewalls",
        {
            "name": "walls",
            "outbound_rules": [{"protocol": "icmp", "destinations": {"addresses": ["0.0.0.0/0"]}}],
            "droplet_ids": [made[0]],
        },
    )["firewall"]
    refused = droplets.dynia("plan", exits=1)
    assert "cloud firewall walls is before" in refused.stderr + refused.stdout

    droplets.dynia("cluster", "destroy", droplets.name, "--yes-destroy", droplets.name)
    assert alive(cloud, droplets) == []
    assert cloud("GET", f"/v2/firewalls/{wall['id']}")["firewall"]["name"] == "walls"
    assert cloud("GET", f"/v2/droplets/{foreign['droplet']['id']}")["droplet"]["status"] == "active"
    assert cloud("GET", f"/v2/reserved_ips/{address}")["reserved_ip"]["droplet"] is None


def test_an_apply_that_is_killed_while_a_create_is_not_answered_is_gone_on_with(
    cloud: TwinCloud, droplets: Scratch
) -> None:
    """What must be seen, 5: the deed is done, the answer held back, the runner dead: the next one adopts."""
    write(droplets, 1)
    before = cloud.rows("SELECT max(id) AS id FROM droplets")[0]["id"] or 0
    faults(cloud, {"call": CREATE, "fault": {"kind": "delay", "when": "after", "seconds": 120}, "skip": 1})
    running = droplets.begin("apply", "--yes")
    made = "SELECT id FROM droplets WHERE id > ?"
    until(lambda: cloud.rows(made, before))
    droplets.kill(running)
    faults(cloud)
    (one,) = cloud.rows(made, before)
    droplets.apply(timeout=600)
    assert cloud.rows(made, before) == [one]
    (node,) = droplets.state()["nodes"]
    assert node["providerId"] == str(one["id"])


@pytest.mark.parametrize(
    ("change", "said"),
    (
        ({"size": ("s-1vcpu-2gb", "s-3vcpu-2gb")}, "size s-3vcpu-2gb is unknown"),
        ({"region": ("lon1", "lon9")}, "region lon9 is unknown"),
        ({"token": (TOKEN, "gone")}, "does not know the token in DIGITALOCEAN_ACCESS_TOKEN"),
        ({"token": (TOKEN, FAILOVER_TOKEN)}, "lacks the scope"),
        ({"count": ("count: 2", "count: 26")}, "more machines, and the account may have"),
    ),
    ids=("size", "region", "token", "scope", "quota"),
)
def test_what_the_vendor_would_refuse_is_one_clear_message_before_anything_is_made(
    cloud: TwinCloud, droplets: Scratch, change: dict[str, tuple[str, str]], said: str
) -> None:
    """What must be seen, 7."""
    for what, (old, new) in change.items():
        if what == "token":
            droplets.variables = {**droplets.variables, "DIGITALOCEAN_ACCESS_TOKEN": new}
        else:
            droplets.edit("clusters.yaml", old, new)
    tables = ("droplets", "keys", "tags", "reserved_ips", "actions")
    before = [cloud.rows(f"SELECT count(*) AS n FROM {one}") for one in tables]
    run = droplets.apply(exits=1)
    assert said in run.stderr + run.stdout
    assert [cloud.rows(f"SELECT count(*) AS n FROM {one}") for one in tables] == before
    droplets.variables = cloud.environment
    write(droplets, 2)
