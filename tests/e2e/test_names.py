"""Names on a real BIND: bound to the reserved IP, somebody else's left alone, unbound, and put back."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.network import gateway, network
from tests.contract.bind import KEY, Bind
from tests.e2e.scratch import Scratch

pytestmark = pytest.mark.lab

ZONE, THEIRS = "names.example", "203.0.113.7"
FILE = """\
clusters:
  {name}:
    provider: {{kind: docker}}
    nodes: {{count: 2}}
    entry: {{kind: vip}}
    dns:
      kind: rfc2136
      zone: names.example
      server: {server}
      port: {port}
      key: {key}
      secret: {{env: DNS_KEY_SECRET}}
    services:
      hello:
        compose: ./compose.yaml
        domains: [{domains}]
        health: {{path: /healthz}}
"""
ALL = ("api.names.example", "www.names.example", "taken.names.example", "api.else.example")


class Named:
    """A cluster, and the server of its zone."""

    def __init__(self, cluster: Scratch, bind: Bind) -> None:
        self.cluster, self.bind = cluster, bind
        self.foreign = bind.zone(ZONE)
        cluster.variables["DNS_KEY_SECRET"] = bind.secret
        self.wants(*ALL)

    def wants(self, *domains: str) -> None:
        text = FILE.format(
            name=self.cluster.name,
            server=self.bind.address,
            port=self.bind.port,
            key=KEY,
            domains=", ".join(domains),
        )
        self.cluster.write("clusters.yaml", text)

    def dig(self, name: str, kind: str = "A") -> list[str]:
        """As anybody on the network would ask."""
        server = (f"@{self.bind.address}", "-p", str(self.bind.port))
        done = subprocess.run(
            ["dig", "+short", *server, name, kind], capture_output=True, text=True, timeout=20, check=True
        )
        return sorted(done.stdout.split())


@pytest.fixture
def bind(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    """At this machine's own address in the lab, with records of somebody else."""
    here = str(gateway(asyncio.run(network(lab))))
    made = Bind(Path(tmp_path_factory.mktemp("bind")), ZONE, address=here)
    made.by_hand(
        ZONE,
        ("+", f"taken.{ZONE}", f"A {THEIRS}"),
        ("+", f"mail.{ZONE}", f"A {THEIRS}"),
        ("+", ZONE, f"MX 10 mail.{ZONE}."),
    )
    yield made
    made.stop()


@pytest.fixture
def named(cluster: Scratch, bind: Bind) -> Named:
    return Named(cluster, bind)


def test_a_cluster_s_names_from_the_first_apply_to_the_last_destroy(named: Named) -> None:
    cluster, bind = named.cluster, named.bind
    api, www, taken, outside = ALL

    first = cluster.apply()
    nodes = {cluster.address(node) for node in cluster.nodes()}
    assert named.dig(api) == named.dig(www) == [cluster.entry()]
    assert cluster.entry() not in nodes
    assert named.dig(taken) == [THEIRS]
    assert named.foreign < bind.zone(ZONE)
    assert not nodes & {line.split()[-1] for line in bind.zone(ZONE)}
    assert f"A {THEIRS} is in the way and is not ours" in " ".join(first.stdout.split())
    plan = cluster.dynia("plan", "--detailed-exitcode")
    assert "is in the way" in " ".join(plan.stdout.split())
    assert f"dns {outside}" in plan.stdout

    # somebody's hands; sync leaves names alone, apply puts back what is ours
    bind.by_hand(ZONE, ("-", api, f"A {cluster.entry()}"), ("+", api, "A 203.0.113.99"))
    touched = bind.zone(ZONE)
    drift = cluster.dynia("drift", exits=3)
    assert f"A {cluster.entry()} → A 203.0.113.99" in drift.stdout
    cluster.dynia("sync", "--yes")
    assert bind.zone(ZONE) == touched
    cluster.apply()
    assert named.dig(api) == [cluster.entry()]

    # a domain that left the file
    named.wants(api, taken)
    cluster.apply()
    assert named.dig(www) == []
    assert not [line for line in bind.zone(ZONE) if www in line]
    assert cluster.dynia("plan", "--detailed-exitcode").exit == 0

    # what is in the way is taken over only where the file says so
    cluster.edit("clusters.yaml", "kind: rfc2136\n", "kind: rfc2136\n      adopt: true\n")
    plan = cluster.dynia("plan", "--detailed-exitcode", exits=2)
    assert f"was A {THEIRS}" in plan.stdout
    cluster.apply()
    assert named.dig(taken) == [cluster.entry()]
    assert "dns" not in cluster.dynia("plan", "--detailed-exitcode").stdout

    check_no_secret(named)
    cluster.dynia("cluster", "destroy", cluster.name, "--yes-destroy", cluster.name)
    left = {line for line in named.foreign if not line.startswith(f"{taken}. ")}
    assert bind.zone(ZONE) == left
    assert cluster.nodes() == {}


def check_no_secret(named: Named) -> None:
    """Neither in what was said nor in any file of the folder, in any shape."""
    secret = named.bind.secret
    shapes = (secret, base64.b64encode(secret.encode()).decode(), secret.replace("+", "%2B"))
    said = "".join(str(run) for run in named.cluster.runs)
    files = b"".join(f.read_bytes() for f in named.cluster.folder.rglob("*") if f.is_file())
    assert b"DNS_KEY_SECRET" in files, "the search looks at the files that name it"
    for shape in shapes:
        assert shape not in said
        assert shape.encode() not in files


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (None, "DNS_KEY_SECRET is not set"),
        (base64.b64encode(uuid.uuid4().bytes).decode(), "the secret of key dynia-key is another one there"),
    ],
)
def test_a_wrong_secret_is_one_clear_message_before_anything_is_made(
    named: Named, secret: str | None, words: str
) -> None:
    cluster = named.cluster
    del cluster.variables["DNS_KEY_SECRET"]
    if secret is not None:
        cluster.variables["DNS_KEY_SECRET"] = secret
    for run in (cluster.apply(exits=1), cluster.dynia("plan", exits=1)):
        assert words in " ".join(run.stderr.split())
        assert "Traceback" not in run.stderr
        assert len(run.stderr.strip().splitlines()) <= 6
    assert cluster.nodes() == {}
    assert named.bind.zone(ZONE) == named.foreign
