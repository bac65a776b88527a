"""The table of wrong clusters.yaml files."""

from __future__ import annotations

from tests.bad_input.cases import Case

GOOD = {
    "clusters.yaml": """\
requires: ">=2.0"
clusters:
  prod:
    provider: {kind: docker}
    nodes: {count: 3}
    ssh: {port: 22}
    entry: {kind: vip}
    rollout: {max_unavailable: 1}
    firewall: {ssh: any}
    registries: [{host: ghcr.io, user: acme, password: {env: TOKEN}}]
    services:
      api:
        compose: ./compose.yaml
        domains: [api.example.com]
        health: {path: /healthz}
        env: {LEVEL: info}
""",
    "compose.yaml": "services: {web: {image: acme/api:1, expose: ['8080']}}\n",
}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP6Zxu0sv5z3P0kEcSBh2y9xDBWTyhoQ0dVbBrp2hJpd"
HOSTS = f"""\
clusters:
  prod:
    provider: {{kind: ssh}}
    nodes:
      - {{name: a, host: 198.18.0.1, private_ip: 198.18.1.1, host_key: {KEY}}}
      - {{name: b, host: 198.18.0.2, private_ip: 198.18.1.2, host_key: {KEY}}}
    entry: {{kind: vip, address: 198.18.1.9}}
"""


DNS = """\
clusters:
  prod:
    provider: {kind: docker}
    nodes: {count: 3}
    entry: {kind: vip}
    dns: {kind: rfc2136, zone: example.com, server: ns.example.com, key: dynia, secret: {env: DNS_KEY}}
    services:
      api: {compose: ./compose.yaml, domains: [api.example.com]}
"""
LONG = ".".join(["a" * 60] * 3 + ["a" * 53] + ["example.com"])


def _dns(name: str, rule: str, key: str, old: str, new: str) -> Case:
    assert not old or DNS.count(old) == 1, old
    return Case(name, rule, key, files={"clusters.yaml": DNS.replace(old, new) if old else new})


def _file(name: str, rule: str, key: str, old: str, new: str, **more: object) -> Case:
    return Case(name, rule, key, {"clusters.yaml": (old, new)}, **more)  # type: ignore[arg-type]


def _hosts(name: str, rule: str, key: str, old: str, new: str) -> Case:
    assert HOSTS.count(old) == 1, old
    return _file(name, rule, key, "", HOSTS.replace(old, new))


def _secret(name: str, rule: str, key: str, text: str, **more: object) -> Case:
    """`text` is the list of secrets of the service, `key` is below it."""
    return _file(
        name, rule, f"{_API}.secrets{key}", "        env:", f"        secrets: {text}\n        env:", **more
    )


_LAB = "    provider: {kind: docker}\n    nodes: {count: 3}\n    ssh: {port: 22}\n    entry: {kind: vip}"
_API = "clusters.prod.services.api"
CASES = (
    # the text itself
    _file("empty file", "empty-file", "", "", "# nothing\n", at=("clusters.yaml", 1, 1)),
    _file("tab as indentation", "tab", "", "    nodes", "«\t»nodes"),
    _file("bracket not closed", "yaml-syntax", "", "{count: 3}", "{count: 3", at=("clusters.yaml", 6, 8)),
    _file("key twice", "duplicate-key", "clusters.prod.nodes", "    ssh: {port: 22}", "    «nodes»: {count: 4}"),
    _file("unknown alias", "unknown-alias", "clusters.prod.nodes", "{count: 3}", "«*gone»"),
    _file("a tag", "yaml-tag", "clusters.prod.nodes.count", "{count: 3}", "{count: «!!python/name 3»}"),
    _file("a tag on a mapping", "yaml-tag", "clusters.prod.nodes", "{count: 3}", "«!!set {»count: 3}"),
    _file("merging a word", "bad-merge", "clusters.prod.nodes.<<", "{count: 3}", "{count: 3, «<<»: all}"),
    _file("a second document", "one-document", "", "requires", "a: 1\n«---»\nrequires"),
    _file("a list as key", "bad-key", "clusters.prod.nodes", "{count: 3}", "{«[»a]: 3}"),
    Case(
        "not UTF-8", "not-utf8", "", files={"clusters.yaml": b"clusters:\n  # caf\xe9\n  a: 1\n"},
        at=("clusters.yaml", 2, 8),
    ),
    Case(
        "a control character", "bad-character", "", files={"clusters.yaml": b"clusters:\n  a\x1b[2J: 1\n"},
        at=("clusters.yaml", 2, 4),
    ),
    Case(
        "a billion laughs", "too-many-values", "e",
        files={
            "clusters.yaml": "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{k}: &{k} [{','.join(['*' + p] * 10)}]\n" for p, k in zip("abcdefghi", "bcdefghij", strict=True))
        },
        at=("clusters.yaml", 5, 4),
    ),
    Case(
        "deeper than anybody writes", "too-deep", "a" + "[0]" * 49,
        files={"clusters.yaml": "a: " + "[" * 60 + "]" * 60 + "\n"}, at=("clusters.yaml", 1, 53),
    ),
    Case(
        "larger than 1 MiB", "too-large", "", files={"clusters.yaml": "# " + "x" * 1024 * 1024 + "\n"},
        at=("clusters.yaml", 1, 1),
    ),
    # keys and types
    _file("misspelled key", "unknown-key", "clusters.prod.rolout", "rollout", "«rolout»"),
    _file("missing key", "missing-key", f"{_API}.compose", "        compose: ./compose.yaml\n", "", at=("clusters.yaml", 12, 7)),
    _file("no kind", "missing-key", "clusters.prod.provider", "    provider: {kind: docker}", "    «provider»: {}"),
    _file("unknown kind", "bad-choice", "clusters.prod.provider.kind", "docker", "«dockr»"),
    _file("a word for a number", "bad-count", "clusters.prod.nodes.count", "{count: 3}", "{count: «three»}"),
    _file("no node at all", "bad-count", "clusters.prod.nodes.count", "{count: 3}", "{count: «0»}"),
    _file("a mapping where a list is due", "bad-type", f"{_API}.domains", "[api.example.com]", "«{»a: b}"),
    _file("yes is a word in YAML 1.2", "bad-type", "clusters.prod.rollout.canary", "max_unavailable: 1", "canary: «yes»"),
    _file("port out of range", "bad-port", "clusters.prod.ssh.port", "{port: 22}", "{port: «70000»}"),
    _file("duration without unit", "bad-duration", f"{_API}.health.interval", "{path: /healthz}", "{interval: «5»}"),
    _file("duration that is none", "bad-duration", "clusters.prod.rollout.health_timeout", "max_unavailable: 1", "health_timeout: «soon»"),
    _file("health path without slash", "bad-health-path", f"{_API}.health.path", "/healthz", "«healthz»"),
    _file("variable name with a dash", "bad-variable-name", f"{_API}.env.LOG-LEVEL", "LEVEL", "«LOG-LEVEL»"),
    _file("a password in the file", "bad-type", "clusters.prod.registries[0].password", "{env: TOKEN}", "«hunter2»"),
    _file("a hook of two kinds", "bad-type", "clusters.prod.hooks.pre_plan", "    firewall", "    hooks: {pre_plan: «{»run: x}}\n    firewall"),
    _file("a hook without a word", "empty-command", "clusters.prod.hooks.on_failure", "    firewall", "    hooks: {on_failure: «[»]}\n    firewall"),
    _file("a hook with an empty word", "empty-text", "clusters.prod.hooks.post_apply[1]", "    firewall", "    hooks: {post_apply: [a, «''»]}\n    firewall"),
    _file("a hook that is none", "unknown-key", "clusters.prod.hooks.pre_deploy", "    firewall", "    hooks: {«pre_deploy»: x}\n    firewall"),
    _file("no time for hooks", "bad-duration", "clusters.prod.hooks.timeout", "    firewall", "    hooks: {timeout: «2h»}\n    firewall"),
    _file("a webhook without TLS", "bad-webhook", "clusters.prod.notify[0].url", "    firewall", "    notify: [{url: «'http://example.com/x'»}]\n    firewall"),
    _file("a webhook that is a number", "empty-text", "clusters.prod.notify[0].url", "    firewall", "    notify: [{url: «5»}]\n    firewall"),
    _file("a webhook of another event", "bad-choice", "clusters.prod.notify[0].events[0]", "    firewall", "    notify: [{url: 'https://a.example', events: [«plan»]}]\n    firewall"),
    _file("a webhook of no event", "no-event", "clusters.prod.notify[0].events", "    firewall", "    notify: [{url: 'https://a.example', events: «[»]}]\n    firewall"),
    _file(
        "too many webhooks", "too-many-webhooks", "clusters.prod.notify", "    firewall",
        "    notify: «[»" + ", ".join(["{url: 'https://a.example'}"] * 21) + "]\n    firewall",
    ),
    _file("a command as text", "bad-type", f"{_API}.pre_deploy", "        env:", "        pre_deploy: «./manage.py migrate»\n        env:"),
    _file("an empty word in a command", "empty-text", f"{_API}.pre_deploy[1]", "        env:", "        pre_deploy: [run, «''»]\n        env:"),
    _file("no time for a command", "bad-duration", f"{_API}.pre_deploy_timeout", "        env:", "        pre_deploy_timeout: «0s»\n        env:"),
    _file(
        "a command of a worker of two containers", "pre-deploy-unclear", f"{_API}.pre_deploy",
        "        domains: [api.example.com]\n        health: {path: /healthz}\n",
        "        kind: worker\n        «pre_deploy»: [migrate]\n",
        files={"compose.yaml": "services: {a: {image: a}, b: {image: b}, c: {image: c, restart: 'no'}}\n"},
    ),
    # not yet
    _file("key of a later version", "not-yet", f"{_API}.run", "        env:", "        «run»: one\n        env:"),
    _file("a pause after no canary", "pause-and-canary", "clusters.prod.rollout.pause_after_canary", "max_unavailable: 1", "canary: false, pause_after_canary: «true»"),
    _file("failures that nobody could make up for", "max-failures", "clusters.prod.rollout.max_failures", "max_unavailable: 1", "max_unavailable: 1, max_failures: «1»"),
    _file("fewer failures than none", "bad-max-failures", "clusters.prod.rollout.max_failures", "max_unavailable: 1", "max_failures: «-1»"),
    _file("neither back nor pause", "bad-choice", "clusters.prod.rollout.on_failure", "max_unavailable: 1", "on_failure: «retry»"),
    _file("wildcard domain", "not-yet", f"{_API}.domains[0]", "[api.example.com]", "[«'*.example.com'»]"),
    # meaning
    _file("droplets nowhere", "missing-key", "clusters.prod.provider.region", _LAB, "    «provider»: {kind: digitalocean}\n    nodes: {count: 3}"),
    _file("a day that there is not", "bad-date", "clusters.prod.drift.ignore[0].until", "    services:\n", "    drift: {ignore: [{item: a, until: «2026-02-30», because: b}]}\n    services:\n"),
    _file("a moment for a day", "bad-date", "clusters.prod.drift.ignore[0].until", "    services:\n", "    drift: {ignore: [{item: a, until: «7d», because: b}]}\n    services:\n"),
    _file("ignored without a reason", "missing-key", "clusters.prod.drift.ignore[0].because", "    services:\n", "    drift: {ignore: [«{»item: a, until: 2026-12-03}]}\n    services:\n"),
    _file("ignored twice", "duplicate-item", "clusters.prod.drift.ignore[1].item", "    services:\n", "    drift: {ignore: [{item: a, until: 2026-12-03, because: b}, {item: «a», until: 2026-12-04, because: b}]}\n    services:\n"),
    _file("a reader without a key", "bad-key", "clusters.prod.ssh.readers[0]", "ssh: {port: 22}", "ssh: {readers: [«ssh-ed25519»]}"),
    _file("a vpc by name", "bad-vpc", "clusters.prod.provider.vpc", _LAB, "    provider: {kind: digitalocean, region: lon1, vpc: «default»}\n    nodes: {count: 3}"),
    _file("VRRP between droplets", "entry-and-provider", "clusters.prod.entry.kind", _LAB, "    provider: {kind: digitalocean, region: lon1}\n    nodes: {count: 3}\n    entry: {kind: «vip»}"),
    _file("a size in the lab", "size-and-provider", "clusters.prod.nodes.size", "{count: 3}", "{count: 3, size: «s-1vcpu-1gb»}"),
    _file("a witness by name", "bad-address", "clusters.prod.entry.witness", _LAB, "    provider: {kind: digitalocean, region: lon1}\n    nodes: {count: 2}\n    entry: {kind: api, witness: «gateway»}"),
    _file("an API in the lab", "entry-and-provider", "clusters.prod.entry.kind", "{kind: vip}", "{kind: «api»}"),
    _file("an older Dynia", "requires", "requires", '">=2.0"', '«">=2.1"»'),
    _file("not a version", "bad-requires", "requires", '">=2.0"', '«"~2"»'),
    _file("no cluster", "no-cluster", "clusters", "", "«clusters»: {}\n"),
    _file("name with a space", "bad-name", "clusters.prod eu", "  prod:", "  «prod eu»:"),
    _file("name too long", "bad-name", f"clusters.prod.services.{'a' * 41}", "      api:", f"      «{'a' * 41}»:"),
    _file("a name of Dynia's own", "reserved-name", "clusters.prod.services.caddy", "      api:", "      «caddy»:"),
    _file(
        "service that differs in case", "differs-in-case", "clusters.prod.services.API", "        env: {LEVEL: info}\n",
        "        env: {LEVEL: info}\n      «API»: {compose: ./worker.yaml, kind: worker}\n",
        files={"worker.yaml": "services: {w: {image: a}}\n"},
    ),
    _file("protected by a word", "bad-type", "clusters.prod.protect", "    entry: {kind: vip}", "    entry: {kind: vip}\n    protect: «yes»"),
    _file("a part that is all", "bad-max-unavailable", "clusters.prod.rollout.max_unavailable", "{max_unavailable: 1}", "{max_unavailable: «100%»}"),
    _file("a part that is none", "bad-max-unavailable", "clusters.prod.rollout.max_unavailable", "{max_unavailable: 1}", "{max_unavailable: «0%»}"),
    _file("half a node", "bad-max-unavailable", "clusters.prod.rollout.max_unavailable", "{max_unavailable: 1}", "{max_unavailable: «0.5»}"),
    _file("as many failures as a part comes to", "max-failures", "clusters.prod.rollout.max_failures", "{max_unavailable: 1}", "{max_unavailable: 50%, max_failures: «1»}"),
    _file("none left serving", "max-unavailable", "clusters.prod.rollout.max_unavailable", "{max_unavailable: 1}", "{max_unavailable: «3»}"),
    _file("domain twice", "duplicate-domain", f"{_API}.domains[1]", "[api.example.com]", "[api.example.com, «api.example.com»]"),
    _file("domain with a scheme", "bad-domain", f"{_API}.domains[0]", "[api.example.com]", "[«'https://api.example.com/'»]"),
    _file("domain with umlauts", "bad-domain", f"{_API}.domains[0]", "api.example.com", "«bücher.example»"),
    _file("domain with an empty label", "bad-domain", f"{_API}.domains[0]", "api.example.com", "«api..example»"),
    _file("no way in", "no-domain", _API, "      api:\n        compose: ./compose.yaml\n        domains: [api.example.com]", "      «api»:\n        compose: ./compose.yaml"),
    _file(
        "two defaults", "two-defaults", f"{_API}.default", "    services:\n      api:",
        "    services:\n      a: {compose: ./compose.yaml, default: true}\n      api:\n        default: «true»",
    ),
    _file("a worker with domains", "worker-with-http", f"{_API}.domains", "        domains: [api.example.com]\n        health: {path: /healthz}", "        kind: worker\n        «domains»: [a.example]"),
    _file("timeout longer than interval", "times-contradict", f"{_API}.health.timeout", "{path: /healthz}", "{interval: 1s, timeout: «2s»}"),
    _file("interval longer than the rollout waits", "times-contradict", f"{_API}.health.interval", "{path: /healthz}", "{interval: «90s»}"),
    _file("variable of Compose's own", "reserved-variable", f"{_API}.env.COMPOSE_FILE", "{LEVEL: info}", "{«COMPOSE_FILE»: x}"),
    _file("host bits in a network", "bad-network", "clusters.prod.firewall.ssh[0]", "{ssh: any}", "{ssh: [«203.0.113.5/24»]}"),
    _file("nobody let in", "empty-reach", "clusters.prod.firewall.ssh", "{ssh: any}", "{ssh: «[»]}"),
    _file("registry twice", "duplicate-registry", "clusters.prod.registries[1].host", "[{host: ghcr.io, user: acme, password: {env: TOKEN}}]", "[{host: ghcr.io, user: a, password: {env: T}}, {host: «ghcr.io», user: b, password: {env: T}}]"),
    _file("hosts for the lab", "nodes-and-provider", "clusters.prod.nodes", "{count: 3}", "«[»{name: a, host: b, private_ip: 198.18.0.1}]"),
    _file("image with a space", "bad-image", "clusters.prod.caddy.image", "    services:\n", "    caddy: {image: «caddy 2»}\n    services:\n"),
    _file("interface with a space", "bad-interface", "clusters.prod.entry.interface", "{kind: vip}", "{kind: vip, interface: «eth 0»}"),
    _hosts("host twice", "duplicate-host", "clusters.prod.nodes[1].host", "host: 198.18.0.2", "host: «198.18.0.1»"),
    _hosts("private address twice", "duplicate-host", "clusters.prod.nodes[1].private_ip", "198.18.1.2", "«198.18.1.1»"),
    _hosts("not an address", "bad-address", "clusters.prod.nodes[0].private_ip", "198.18.1.1,", "«198.18.1.256»,"),
    _hosts("address of a node as entry", "vip-address", "clusters.prod.entry.address", "198.18.1.9", "«198.18.1.2»"),
    _hosts("entry without address", "vip-address", "clusters.prod.entry.address", "    entry: {kind: vip, address: 198.18.1.9}", "    «entry»: {kind: vip}"),
    _hosts("witness in the cluster", "vip-witness", "clusters.prod.entry.witness", "{kind: vip, address: 198.18.1.9}", "{kind: vip, address: 198.18.1.9, witness: «198.18.1.1»}"),
    _hosts("host key that is none", "bad-host-key", "clusters.prod.nodes[0].host_key", f"198.18.1.1, host_key: {KEY}", "198.18.1.1, host_key: «ssh-ed25519 AAAA»"),
    _hosts("no host key", "host-key-missing", "clusters.prod.nodes[0]", f"- {{name: a, host: 198.18.0.1, private_ip: 198.18.1.1, host_key: {KEY}}}", "- «{»name: a, host: 198.18.0.1, private_ip: 198.18.1.1}"),
    _hosts("a jump that is none", "bad-jump", "clusters.prod.ssh.jump", "    entry: {", "    ssh: {jump: «a b»}\n    entry: {"),
    _hosts("user with a space", "bad-user", "clusters.prod.ssh.user", "    entry: {", "    ssh: {user: «a b»}\n    entry: {"),
    _hosts("user of one host with a space", "bad-user", "clusters.prod.nodes[0].user", "name: a, host", "name: a, user: «a b», host"),
    _file("domain with a path", "bad-domain", f"{_API}.domains[0]", "api.example.com", "«api.example.com/x»"),
    # what a config, a resolver or a terminal would make something else of
    _file("half a character", "bad-character", f"{_API}.env.LEVEL", "{LEVEL: info}", '{LEVEL: «"\\ud800"»}'),
    _file("health path with a line end", "bad-health-path", f"{_API}.health.path", "/healthz", '«"/h\\n"»'),
    _file("health path that begins a comment", "bad-health-path", f"{_API}.health.path", "/healthz", '«"/h#x"»'),
    _file("health path with a quote", "bad-health-path", f"{_API}.health.path", "/healthz", "«/h'x»"),
    _file("region with a line end", "bad-slug", "clusters.prod.provider.region", _LAB, '    provider: {kind: digitalocean, region: «"lon1\\n"»}\n    nodes: {count: 3}'),
    _file("variable with a line end", "bad-variable-name", f'{_API}.env.A\n', "LEVEL", '«"A\\n"»'),
    # the term of a lease: the bounds are those that a waiter puts on it too
    _file("a lease that is shorter than a hiccup", "bad-duration", "state.lease", "clusters:\n", "state: {kind: file, lease: «4.999s»}\nclusters:\n"),
    _file("a lease that nobody waits for", "bad-duration", "state.lease", "clusters:\n", "state: {kind: file, lease: «1h1ms»}\nclusters:\n"),
    _file("a lease of nothing", "bad-duration", "state.lease", "clusters:\n", "state: {kind: file, lease: «0s»}\nclusters:\n"),
    _file("a lease without unit", "bad-duration", "state.lease", "clusters:\n", "state: {kind: file, lease: «30»}\nclusters:\n"),
    _file("a lease that goes backwards", "bad-duration", "state.lease", "clusters:\n", "state: {kind: file, lease: «-30s»}\nclusters:\n"),
    _file("a lease of a state in git that is too short", "bad-duration", "state.lease", "clusters:\n", "state: {kind: git, lease: «1s»}\nclusters:\n"),
    _file("duration with a line end", "bad-duration", "clusters.prod.rollout.health_timeout", "max_unavailable: 1", 'health_timeout: «"30s\\n"»'),
    _file("registry with an empty label", "bad-registry", "clusters.prod.registries[0].host", "ghcr.io", "«a..b»"),
    _file("registry with a port that is none", "bad-registry", "clusters.prod.registries[0].host", "ghcr.io", "«'ghcr.io:70000'»"),
    _hosts("host with an empty label", "bad-address", "clusters.prod.nodes[0].host", "host: 198.18.0.1,", "host: «a..b»,"),
    _hosts("host with a label that is too long", "bad-address", "clusters.prod.nodes[0].host", "host: 198.18.0.1,", f"host: «{'a' * 64}.b»,"),
    _hosts("a jump with a port that is none", "bad-jump", "clusters.prod.ssh.jump", "    entry: {", "    ssh: {jump: «'me@a:70000'»}\n    entry: {"),
    _dns("name server with an empty label", "bad-address", "clusters.prod.dns.server", "server: ns.example.com", "server: «ns..example.com»"),
    _dns("key with an empty label", "bad-key-name", "clusters.prod.dns.key", "key: dynia", "key: «my..key»"),
    _dns("key with a label that is too long", "bad-key-name", "clusters.prod.dns.key", "key: dynia", f"key: «{'k' * 64}»"),
    # dns
    _dns("zone with a scheme", "bad-domain", "clusters.prod.dns.zone", "zone: example.com", "zone: «'https://example.com'»"),
    _dns("zone in upper case", "bad-domain", "clusters.prod.dns.zone", "zone: example.com", "zone: «Example.com»"),
    _dns("zone with umlauts", "bad-domain", "clusters.prod.dns.zone", "zone: example.com", "zone: «bücher.example»"),
    _dns("zone that is an address", "bad-domain", "clusters.prod.dns.zone", "zone: example.com", "zone: «198.18.0.1»"),
    _dns("no zone", "missing-key", "clusters.prod.dns.zone", "    dns: {kind: rfc2136, zone: example.com, ", "    «dns»: {kind: rfc2136, "),
    _dns("no secret", "missing-key", "clusters.prod.dns.secret", "    dns: {kind: rfc2136, zone: example.com, server: ns.example.com, key: dynia, secret: {env: DNS_KEY}}", "    «dns»: {kind: rfc2136, zone: example.com, server: ns.example.com, key: dynia}"),
    _dns("the secret itself in the file", "bad-type", "clusters.prod.dns.secret", "{env: DNS_KEY}", "«c2VjcmV0»"),
    _dns("a secret from a file", "not-yet", "clusters.prod.dns.secret.file", "{env: DNS_KEY}", "{env: DNS_KEY, «file»: ./key}"),
    _dns("name server with a space", "bad-address", "clusters.prod.dns.server", "server: ns.example.com", "server: «ns example»"),
    _dns("name server's port as text", "bad-port", "clusters.prod.dns.port", "key: dynia", "port: «domain», key: dynia"),
    _dns("key with a space", "bad-key-name", "clusters.prod.dns.key", "key: dynia", "key: «my key»"),
    _dns("algorithm that is broken", "bad-choice", "clusters.prod.dns.algorithm", "key: dynia", "key: dynia, algorithm: «hmac-md5»"),
    _dns("key of the other kind", "unknown-key", "clusters.prod.dns.proxied", "key: dynia", "key: dynia, «proxied»: true"),
    _dns("names without an address", "dns-without-entry", "clusters.prod.dns", "    entry: {kind: vip}\n    dns: {kind", "    entry: {kind: none}\n    dns: «{»kind"),
    _dns("the zone itself as a CNAME", "apex-cname", f"{_API}.domains[1]", "key: dynia, secret: {env: DNS_KEY}}\n    services:\n      api: {compose: ./compose.yaml, domains: [api.example.com]}", "key: dynia, secret: {env: DNS_KEY}, cname: true}\n    services:\n      api: {compose: ./compose.yaml, domains: [api.example.com, «example.com»]}"),
    _dns("a name of Dynia's own marks", "bad-domain", f"{_API}.domains[0]", "[api.example.com]", "[«_dynia.example.com»]"),
    _dns("a name that leaves none for its mark", "bad-domain", f"{_API}.domains[0]", "[api.example.com]", f"[«{LONG}»]"),
    _dns(
        "one name for two clusters", "name-in-two-clusters", "clusters.two.services.api.domains[0]", "",
        DNS + DNS.replace("clusters:\n", "").replace("  prod:", "  two:").replace("[api.example.com]", "[«api.example.com»]"),
    ),
    _file("dns that nobody knows", "bad-choice", "clusters.prod.dns.kind", "    entry: {kind: vip}", "    entry: {kind: vip}\n    dns: {kind: «cloudflair», zone: example.com}"),
    _file("a zone of Cloudflare's with a scheme", "bad-domain", "clusters.prod.dns.zone", "    entry: {kind: vip}", "    entry: {kind: vip}\n    dns: {kind: cloudflare, zone: «'https://example.com'»}"),
    _file("a token in the file", "unknown-key", "clusters.prod.dns.token", "    entry: {kind: vip}", "    entry: {kind: vip}\n    dns: {kind: cloudflare, «token»: abc}"),
    _file("proxied as a word", "bad-type", "clusters.prod.dns.proxied", "    entry: {kind: vip}", "    entry: {kind: vip}\n    dns: {kind: cloudflare, proxied: «yes»}"),
    # files
    # secrets
    _secret("a secret without a source", "no-source", "[0]", "[«{»name: A}]"),
    _secret("a secret with two sources", "two-sources", "[0].file", "[{name: A, env: B, «file»: ./c}]"),
    _secret("a secret twice", "duplicate-secret", "[1].name", "[{name: A, env: B}, {name: «A», env: C}]"),
    _secret("a secret's name with a dash", "bad-variable-name", "[0].name", "[{name: «A-B», env: B}]"),
    _secret("a secret that Compose reads itself", "reserved-variable", "[0].name", "[{name: «DOCKER_HOST», env: B}]"),
    _secret("a value in place of a source", "unknown-key", "[0].value", "[{name: A, env: B, «value»: hunter2}]"),
    _secret("a secret of nobody's", "unknown-container", "[0].containers[0]", "[{name: A, env: B, containers: [«wep»]}]"),
    _secret("a container named twice", "duplicate-container", "[0].containers[1]", "[{name: A, env: B, containers: [web, «web»]}]"),
    _secret("a mount that is no path", "bad-mount-path", "[0].mount", "[{name: A, env: B, mount: «run/secrets/A»}]"),
    _secret("a mount that leads upwards", "bad-mount-path", "[0].mount", "[{name: A, env: B, mount: «/run/../A»}]"),
    _secret("two secrets at one place", "mount-taken", "[1].mount", "[{name: A, env: B, mount: /run/A}, {name: C, env: D, mount: «/run//A»}]"),
    _secret("a mode without a mount", "mode-without-mount", "[0].mode", "[{name: A, env: B, «mode»: '0444'}]"),
    _secret("a mode for everybody", "bad-choice", "[0].mode", "[{name: A, env: B, mount: /run/A, mode: «'0666'»}]"),
    _secret("an empty command", "empty-command", "[0].command", "[{name: A, command: «[»]}]"),
    _secret("a command with a zero byte", "bad-character", "[0].command", '[{name: A, command: «"a\\0"»}]'),
    _secret("a path with a zero byte", "bad-character", "[0].file", '[{name: A, file: «"a\\0"»}]'),
    _secret("an age file that is not there", "missing-file", "[0].age", "[{name: A, age: «./a.age»}]"),
    _secret("an age file that is a folder", "unreadable-file", "[0].age", "[{name: A, age: «./sub»}]", files={"sub/a": ""}),
    _secret(
        "a secret that the compose file sets too", "secret-overridden", "[0].name", "[{name: «A», env: B}]",
        files={"compose.yaml": "services: {web: {image: acme/api:1, expose: ['8080'], environment: {A: b}}}\n"},
    ),
    _file("compose file that is not there", "missing-file", f"{_API}.compose", "./compose.yaml", "«./gone.yaml»"),
    _file("compose file that is a folder", "missing-file", f"{_API}.compose", "./compose.yaml", "«./sub»", files={"sub/compose.yaml": "services: {}\n"}),
    _file("compose file that links to itself", "symlink-loop", f"{_API}.compose", "./compose.yaml", "«./loop.yaml»", links={"loop.yaml": "loop.yaml"}),
    _file("template that replaces nothing", "unknown-template", "clusters.prod.templates", "    services:\n", "    templates: «./mine»\n    services:\n", files={"mine/haproxy/haproxy.conf.mustache": "x"}),
    _file("templates that are not there", "missing-file", "clusters.prod.templates", "    services:\n", "    templates: «./mine»\n    services:\n"),
)  # fmt: skip
