"""A service of two containers, each with a mounted folder of its own, and the cluster that runs it."""

from __future__ import annotations

import re

from tests.e2e.scratch import Scratch

COMPOSE = """\
services:
  web:
    image: dynia-lab/hello:1
    restart: unless-stopped
    expose: ["8000"]
    environment: {COLOUR: blue}
    volumes: ["/etc/hostname:/etc/node-name:ro", "./greeting:/etc/greeting:ro"]
    healthcheck: &answers
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/healthz"]
      interval: 1s
      timeout: 1s
      retries: 3
  side:
    image: dynia-lab/hello:1
    restart: unless-stopped
    volumes: ["./side/settings:/etc/settings:ro"]
    healthcheck: *answers
"""

CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: docker}}
    nodes: {{count: {nodes}}}
    entry: {{kind: {entry}}}
    services:
      pair:
        compose: ./compose.yaml
        default: true
        target: web:8000
        health: {{path: /healthz}}
"""

HOME = "/opt/dynia/services/pair"
WEB, SIDE = "container /dynia-pair-web-1", "container /dynia-pair-side-1"


def write_pair(cluster: Scratch, *, nodes: int = 3, entry: str = "vip") -> None:
    """The files of the cluster, as they were at the beginning."""
    cluster.write("clusters.yaml", CLUSTERS.format(name=cluster.name, nodes=nodes, entry=entry))
    cluster.write("compose.yaml", COMPOSE)
    cluster.write("greeting/text", "good morning\n")
    cluster.write("side/settings", "side = 1\n")


def paint(cluster: Scratch, colour: str) -> None:
    """Another release of the routed container."""
    text = (cluster.folder / "compose.yaml").read_text()
    cluster.write("compose.yaml", re.sub(r"\{COLOUR: \w+\}", f"{{COLOUR: {colour}}}", text))


def check_settled(cluster: Scratch) -> None:
    """Nothing to do is left; where something is, the next test shall not suffer from it."""
    left = cluster.dynia("plan", "--detailed-exitcode", exits=None)
    if left.exit:
        write_pair(cluster)
        cluster.apply(exits=None)
    assert left.exit == 0, str(left)
