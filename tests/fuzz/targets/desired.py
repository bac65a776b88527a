"""clusters.yaml: mistakes with places, or a cluster whose every config can be rendered and sent."""

from __future__ import annotations

from collections.abc import Iterable

from tests.bad_input import desired_cases
from tests.fuzz.rendered import everything_of
from tests.fuzz.target import Target
from tests.fuzz.yaml_tree import yaml_tree
from tests.unit.files import test_any_text
from tests.unit.files.memory import loaded

FILES = {**test_any_text.FILES, "k.pub": "x"}
CLOUD = """\
x-common: &common {provider: {kind: digitalocean, region: lon1, image: debian-13-x64}, nodes: {count: 2, size: s-1vcpu-1gb}}
clusters:
  cloud:
    <<: *common
    entry: {kind: api, witness: 198.18.0.9}
    dns: {kind: cloudflare, zone: example.org, proxied: true, cname: true}
    tls: {kind: cloudflare-origin}
    firewall: {ssh: [203.0.113.0/24], http: any}
    caddy: {image: "caddy:2.10"}
    services:
      site: {compose: ./compose.yaml, target: web, volumes: per-node, domains: [example.org, www.example.org], env: {LEVEL: "1", NAME: "a\\nb"}, health: {path: "/h?x=1", interval: 500ms, timeout: 100ms}}
  hosts:
    provider: {kind: ssh, known_hosts: ./known}
    nodes:
      - {name: a, host: 198.18.0.1, private_ip: 198.18.1.1, port: 2222, user: deploy}
      - {name: b, host: b.example.net, private_ip: 198.18.1.2}
    ssh: {user: deploy, port: 22, key: ~/.ssh/id, jump: "me@jump.example.net:22", connect_timeout: 5s}
    entry: {kind: vip, address: 198.18.1.9, interface: eth1, witness: 198.18.1.254}
    dns: {kind: rfc2136, zone: example.net, server: ns.example.net, key: dynia.key, secret: {env: KEY}, port: 5353}
    tls: {kind: acme-dns01, email: a@example.net, directory: "https://acme.example.net/dir"}
    services:
      api: {compose: ./compose.yaml, target: web, volumes: per-node, default: true, domains: [api.example.net], env: {LEVEL: x}}
"""


class DesiredFile(Target):
    name = "desired"
    weight = 60
    examples = 60

    def good(self) -> list[bytes]:
        return [
            FILES["clusters.yaml"].encode(),
            CLOUD.encode(),
            desired_cases.HOSTS.encode(),
        ]

    def tree(self, raw: bytes) -> object:
        return yaml_tree(raw)

    def attempt(self, raw: bytes) -> Iterable[str]:
        desired = loaded({**FILES, "clusters.yaml": raw}, version="2.0")
        for cluster in desired.clusters:
            yield from everything_of(cluster)
