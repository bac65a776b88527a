"""A cluster whose service can bear a load, and each kind of change as a hand in its files."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable

from tests.availability.row import Row
from tests.availability.service_image import service_image
from tests.availability.wire import Target
from tests.conftest import ROOT
from tests.e2e.scratch import Scratch
from tests.fakes.certificates import authority

NAME = "www.example.test"
SERVICE, CADDY = "dynia-answer-web-1", "dynia-caddy"
# No health check of Docker's: HAProxy's own are enough, and each one of Docker's costs the machine a process.
COMPOSE = """\
services:
  web:
    image: {image}
    restart: unless-stopped
    expose: ["8000"]
    environment: {{RELEASE: "1"}}
    volumes: ["/etc/hostname:/etc/node-name:ro"]
"""
CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: docker}}
    nodes: {{count: {nodes}}}
    entry: {{kind: vip}}
    tls: {{kind: files, certificate: ./tls/chain.pem, key: ./tls/key.pem}}
    firewall: {{http: any}}
    templates: ./own
    services:
      answer:
        compose: ./compose.yaml
        target: web:8000
        domains: [{domain}]
        default: true
        health: {{path: /healthz}}
"""
# What a further line of comment may be added to.
TEMPLATES = {
    "caddy": "caddy/Caddyfile.mustache",
    "haproxy": "haproxy/haproxy.cfg.mustache",
    "keepalived": "keepalived/keepalived.conf.mustache",
}
CADDY_COMPOSE = "caddy/compose.yaml.mustache"

# Every row of this run, in the order in which they ended: the table of `make availability`.
ROWS: list[Row] = []


def write_loaded(cluster: Scratch, *, nodes: int = 3) -> None:
    """The files of the cluster; nothing is applied."""
    cluster.write("clusters.yaml", CLUSTERS.format(name=cluster.name, nodes=nodes, domain=NAME))
    cluster.write("compose.yaml", COMPOSE.format(image=service_image()))
    for path in (*TEMPLATES.values(), CADDY_COMPOSE):
        cluster.write(f"own/{path}", (ROOT / "templates" / path).read_text())
    certificate(cluster)


def target(cluster: Scratch) -> Target:
    """The reserved IP over HTTP, under a name that nothing leads away from."""
    return Target(address=cluster.entry())


def secure_target(cluster: Scratch) -> Target:
    """The reserved IP over HTTPS; chain and name are verified."""
    trusted = ssl.create_default_context(cadata=authority().pem)
    return Target(address=cluster.entry(), port=443, host=NAME, tls=trusted)


def release(cluster: Scratch) -> str:
    """That of compose.yaml."""
    (found,) = re.findall(r'RELEASE: "(\d+)"', (cluster.folder / "compose.yaml").read_text())
    return str(found)


def count(cluster: Scratch) -> int:
    """How many nodes clusters.yaml wants."""
    (found,) = re.findall(r"count: (\d+)", (cluster.folder / "clusters.yaml").read_text())
    return int(found)


def scale(cluster: Scratch, nodes: int) -> None:
    cluster.edit("clusters.yaml", f"count: {count(cluster)}", f"count: {nodes}")


def new_release(cluster: Scratch) -> None:
    now = release(cluster)
    cluster.edit("compose.yaml", f'RELEASE: "{now}"', f'RELEASE: "{int(now) + 1}"')


def certificate(cluster: Scratch) -> None:
    """Another pair of the tests' own authority."""
    pair = authority().sign(NAME)
    cluster.write("tls/chain.pem", pair.chain)
    cluster.write("tls/key.pem", pair.key)


def firewall(cluster: Scratch) -> None:
    """Who may ask: from everybody to those who do."""
    before, after = "http: any", "http: [198.18.0.0/15]"
    text = (cluster.folder / "clusters.yaml").read_text()
    cluster.edit("clusters.yaml", *((before, after) if before in text else (after, before)))


def template(component: str) -> Callable[[Scratch], None]:
    """The component's configuration gets a line that means nothing: it is reloaded as for any other."""

    def change(cluster: Scratch) -> None:
        path = cluster.folder / "own" / TEMPLATES[component]
        sign = "!" if component == "keepalived" else "#"
        path.write_text(f"{path.read_text()}{sign} Another line.\n")

    return change


def caddy_container(cluster: Scratch) -> None:
    """What Caddy is started with: its container is made again, as for a new image."""
    path = cluster.folder / "own" / CADDY_COMPOSE
    text = path.read_text()
    turn = text.count("dev.dynia.turn")
    path.write_text(text.replace("    labels:\n", f'    labels:\n      dev.dynia.turn{turn}: "{turn}"\n', 1))
