"""The serving matrix on real nodes: every domain, through every node and through the reserved IP, over TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.e2e.scratch import Scratch, applied

pytestmark = pytest.mark.lab

NAMES = ("api.example.test", "www.example.test")
CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: docker}}
    nodes: {{count: 3}}
    entry: {{kind: vip}}
    tls: {{kind: self-signed}}
    services:
      named:
        compose: ./compose.yaml
        domains: [{domains}]
        health: {{path: /healthz}}
      other:
        compose: ./other.yaml
        default: true
        health: {{path: /healthz}}
"""
# Without a check of its own: what it answers, only whoever asks knows.
COMPOSE = """\
services:
  web:
    image: dynia-lab/hello:{version}
    expose: ["8000"]
"""
LABEL = """docker inspect -f '{{index .Config.Labels "dev.dynia.config"}}' dynia-%s-web-1"""
MOVE = "docker exec dynia-named-web-1 /bin/busybox mv /www/%s /www/%s"


def write(cluster: Scratch, *, version: int = 1) -> None:
    cluster.write("clusters.yaml", CLUSTERS.format(name=cluster.name, domains=", ".join(NAMES)))
    cluster.write("compose.yaml", COMPOSE.format(version=version))
    cluster.write("other.yaml", COMPOSE.format(version=1))


@pytest.fixture(scope="module")
def served(lab: Lab) -> Iterator[Scratch]:
    with applied(lab, "x", write) as made:
        yield made


def matrix(cluster: Scratch) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """Service -> domain -> where -> what answered there."""
    told: dict[str, Any] = json.loads(cluster.dynia("status", "--json").stdout)
    return {
        service["name"]: {
            row["domain"]: {**row["through"], "reserved IP": row["reservedIp"]} for row in service["serving"]
        }
        for service in told["services"]
    }


def running(cluster: Scratch, service: str) -> set[str]:
    return {cluster.sh(node, LABEL % service).strip() for node in cluster.nodes()}


def check_everything_shows_what_runs(cluster: Scratch) -> None:
    found = matrix(cluster)
    assert {name: set(rows) for name, rows in found.items()} == {"named": set(NAMES), "other": {""}}
    for service, rows in found.items():
        (release,) = running(cluster, service)
        well = {"state": "ok", "release": release}
        for row in rows.values():
            assert row == dict.fromkeys((*cluster.nodes(), "reserved IP"), well)
        shown = " ".join(cluster.dynia("status").stdout.split())
        assert f"ok {release[:8]} on all 3 nodes and through the reserved IP" in shown


@pytest.mark.slow
def test_every_cell_shows_the_release_that_runs_also_after_a_change(served: Scratch) -> None:
    check_everything_shows_what_runs(served)
    before = running(served, "named")
    write(served, version=2)
    served.apply()
    assert running(served, "named") != before
    check_everything_shows_what_runs(served)


@pytest.mark.slow
def test_a_node_that_answers_something_else_fails_the_apply_and_is_named(served: Scratch) -> None:
    node = next(name for name in served.nodes() if name != served.holder())
    before = served.state()["clusters"][0]["generation"]
    served.sh(node, MOVE % ("healthz", "away"))
    try:
        run = served.apply(exits=7)
        said = " ".join(run.stdout.split())
        assert f"Exit 7: not done: {NAMES[0]} (HTTP 404 through {node}, where release " in said
        assert f"`dynia logs named --node {node}`" in said
        assert matrix(served)["named"][NAMES[0]][node]["state"] == "HTTP 404"
        # The other name is not HAProxy's to check: its release answers there, whatever it says.
        assert matrix(served)["named"][NAMES[1]][node]["state"] == "ok"
        assert served.state()["clusters"][0]["generation"] == before
    finally:
        served.sh(node, MOVE % ("away", "healthz"))
    served.apply()
    check_everything_shows_what_runs(served)


@pytest.mark.slow
def test_another_certificate_in_front_is_told(served: Scratch) -> None:
    """On the holder lies another pair than the one that its HAProxy read: a visitor is shown what nobody wants."""
    pem = "/opt/dynia/tls/cluster.pem"
    holder = served.holder()
    made = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -addext subjectAltName=DNS:x -days 2"
    served.sh(holder, f"cp -p {pem} /root/kept && {made} -keyout /root/k -out /root/c 2>/dev/null")
    served.sh(holder, f"cat /root/c /root/k >{pem}")
    try:
        states = {row["reserved IP"]["state"] for row in matrix(served)["named"].values()}
        assert len(states) == 1 and states.pop().startswith("TLS: ")
        assert matrix(served)["other"][""]["reserved IP"]["state"] == "ok", "asked without TLS"
    finally:
        served.sh(holder, f"cat /root/kept >{pem} && rm /root/kept /root/k /root/c")
    check_everything_shows_what_runs(served)
