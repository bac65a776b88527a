"""A certificate by ACME from the file to the visitor: a real Pebble, a real BIND, real nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.bind import KEY, Bind
from tests.e2e.scratch import Scratch
from tests.e2e.test_tls import get, served
from tests.integration.tls.pebble import Pebble

ZONE, NAME, SECOND = "example.test", "www.example.test", "api.example.test"
CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: docker}}
    nodes: {{count: 2}}
    ssh: {{connect_timeout: 60s}}
    dns: {{kind: rfc2136, zone: {zone}, server: {server}, port: {port}, key: {key}, secret: {{env: ZONE_SECRET}}}}
    tls: {{kind: acme-dns01, directory: "{directory}", ca: "{ca}"}}
    services:
      hello:
        compose: ./compose.yaml
        domains: [{domains}]
        health: {{path: /healthz}}
"""


@pytest.fixture
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    made = Bind(tmp_path_factory.mktemp("bind"), ZONE)
    yield made
    made.stop()


@pytest.fixture
def pebble(bind: Bind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    made = Pebble(tmp_path_factory.mktemp("pebble"), f"{bind.address}:{bind.port}")
    yield made
    made.stop()


@pytest.mark.lab
@pytest.mark.slow
def test_got_once_served_everywhere_and_another_one_for_another_name(
    cluster: Scratch, bind: Bind, pebble: Pebble
) -> None:
    def write(*domains: str) -> None:
        text = CLUSTERS.format(
            name=cluster.name,
            zone=ZONE,
            server=bind.address,
            port=bind.port,
            key=KEY,
            directory=pebble.directory,
            ca=pebble.ca,
            domains=", ".join(domains),
        )
        cluster.write("clusters.yaml", text)

    cluster.variables["ZONE_SECRET"] = bind.secret
    write(NAME)
    plan = cluster.dynia("plan").stdout
    assert "+ certificate" in plan and f"names  {NAME}" in plan
    cluster.apply()
    first = served(cluster)
    assert len(first) == 2 and len(set(first.values())) == 1
    root = pebble.root()
    for node in cluster.nodes():
        assert get(root, cluster.address(node), NAME)[0] == 200
    assert not [line for line in bind.zone(ZONE) if "_acme-challenge" in line]
    assert bind.dig(NAME, "A") == [cluster.entry()]
    made = pebble.log.read_text().count("accounts in memory")

    write(NAME, SECOND)
    assert f"because it is not for {SECOND}" in cluster.dynia("plan").stdout
    cluster.apply()
    second = served(cluster)
    assert len(set(second.values())) == 1 and set(second.values()) != set(first.values())
    for node in cluster.nodes():
        assert get(root, cluster.address(node), SECOND)[0] == 200
    # the account is the same, and its key lies where only root reads it
    assert pebble.log.read_text().count("accounts in memory") == made
    for node in cluster.nodes():
        listed = cluster.sh(node, "stat -c '%a %U:%G' /var/lib/dynia/accounts/*").split("\n")
        assert listed == ["600 root:root", ""]
