"""Names at a real BIND, and at Cloudflare's twin in front of one: bound to the reserved IP, somebody else's left alone, unbound, and put back."""

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
from tests.contract.bind import KEY
from tests.contract.cloudflare_world import CloudflareWorld
from tests.contract.dns_world import BindWorld
from tests.e2e.scratch import Scratch
from tests.twin.judged_cloudflare import TOKEN

pytestmark = pytest.mark.lab

ZONE, THEIRS = "contract.example", "203.0.113.7"
FILE = """\
clusters:
  {name}:
    provider: {{kind: docker}}
    nodes: {{count: 2}}
    entry: {{kind: vip}}
    dns:
{dns}
    services:
      hello:
        compose: ./compose.yaml
        domains: [{domains}]
        health: {{path: /healthz}}
"""
ALL = ("api.contract.example", "www.contract.example", "taken.contract.example")


RFC2136 = """\
      kind: rfc2136
      zone: contract.example
      server: {server}
      port: {port}
      key: {key}
      secret: {{env: DNS_KEY_SECRET}}"""
CLOUDFLARE = """\
      kind: cloudflare"""  # its zone is found


class Named:
    """A cluster, and what its zone is at."""

    def __init__(self, cluster: Scratch, world: BindWorld | CloudflareWorld) -> None:
        self.cluster, self.world, self.bind = cluster, world, world.bind
        if isinstance(world, BindWorld):
            self.secret, self.name_of_secret = world.bind.secret, "DNS_KEY_SECRET"
            self.dns = RFC2136.format(server=self.bind.address, port=self.bind.port, key=KEY)
            self.outside: tuple[str, ...] = ("api.else.example",)
        else:
            self.secret, self.name_of_secret = TOKEN, "CLOUDFLARE_API_TOKEN"
            self.dns = CLOUDFLARE
            cluster.variables["DYNIA_CLOUDFLARE_URL"] = world.twin.url
            self.outside = ()
        self.foreign = world.now()
        cluster.variables[self.name_of_secret] = self.secret
        self.wants(*ALL, *self.outside)

    def wants(self, *domains: str) -> None:
        text = FILE.format(name=self.cluster.name, dns=self.dns, domains=", ".join(domains))
        self.cluster.write("clusters.yaml", text)

    def dig(self, name: str, kind: str = "A") -> list[str]:
        """As anybody on the network would ask."""
        server = (f"@{self.bind.address}", "-p", str(self.bind.port))
        done = subprocess.run(
            ["dig", "+short", *server, name, kind], capture_output=True, text=True, timeout=20, check=True
        )
        return sorted(done.stdout.split())


@pytest.fixture(params=[pytest.param(BindWorld, marks=pytest.mark.slow), CloudflareWorld])
def named(
    request: pytest.FixtureRequest, lab: Lab, cluster: Scratch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Named]:
    """The server is at this machine's own address in the lab, and has records of somebody else."""
    here = str(gateway(asyncio.run(network(lab))))
    world: BindWorld | CloudflareWorld = request.param(Path(tmp_path_factory.mktemp("zone")), here)
    world.put(f"taken.{ZONE}", "A", THEIRS)
    world.put(f"mail.{ZONE}", "A", THEIRS)
    world.put(f"text.{ZONE}", "TXT", '"v=spf1 -all"')
    yield Named(cluster, world)
    world.stop()


@pytest.mark.slow
def test_a_cluster_s_names_from_the_first_apply_to_the_last_destroy(named: Named) -> None:
    cluster, bind, world = named.cluster, named.bind, named.world
    api, www, taken = ALL

    first = cluster.apply(exits=7)
    nodes = {cluster.address(node) for node in cluster.nodes()}
    assert named.dig(api) == named.dig(www) == [cluster.entry()]
    assert cluster.entry() not in nodes
    assert named.dig(taken) == [THEIRS]
    assert named.foreign < world.now()
    assert not nodes & {line.split()[-1] for line in bind.zone(ZONE)}
    said = " ".join(first.stdout.split())
    assert f"Exit 7: not done: dns {taken} (A {THEIRS} is in the way and is not ours" in said
    plan = cluster.dynia("plan", "--detailed-exitcode")
    assert "is in the way" in " ".join(plan.stdout.split())
    assert all(f"dns {domain}" in plan.stdout for domain in named.outside)

    # somebody's hands; sync leaves names alone, apply puts back what is ours
    world.edit(api, "A", cluster.entry(), "203.0.113.99")
    touched = world.now()
    drift = cluster.dynia("drift", exits=3)
    assert f"A {cluster.entry()} → A 203.0.113.99" in drift.stdout
    cluster.dynia("sync", "--yes")
    assert world.now() == touched
    cluster.apply(exits=7)
    assert named.dig(api) == [cluster.entry()]

    # a domain that left the file
    named.wants(api, taken)
    cluster.apply(exits=7)
    assert named.dig(www) == []
    assert not [line for line in world.now() if www in line]
    assert cluster.dynia("plan", "--detailed-exitcode").exit == 0

    # what is in the way is taken over only where the file says so
    named.dns += "\n      adopt: true"
    named.wants(api, taken)
    plan = cluster.dynia("plan", "--detailed-exitcode", exits=2)
    assert f"was A {THEIRS}" in plan.stdout
    cluster.apply()
    assert named.dig(taken) == [cluster.entry()]
    assert "dns" not in cluster.dynia("plan", "--detailed-exitcode").stdout

    check_no_secret(named)
    cluster.dynia("cluster", "destroy", cluster.name, "--yes-destroy", cluster.name)
    left = {line for line in named.foreign if not line.startswith((f"{taken}. ", f"{taken} "))}
    assert world.now() == left
    assert cluster.nodes() == {}


def check_no_secret(named: Named) -> None:
    """Neither in what was said nor in any file of the folder, in any shape."""
    secret = named.secret
    shapes = (secret, base64.b64encode(secret.encode()).decode(), secret.replace("+", "%2B"))
    said = "".join(str(run) for run in named.cluster.runs)
    files = b"".join(f.read_bytes() for f in named.cluster.folder.rglob("*") if f.is_file())
    assert f"kind: {named.world.kind}".encode() in files, "the search looks at the files"
    for shape in shapes:
        assert shape not in said
        assert shape.encode() not in files


@pytest.mark.parametrize("secret", ["", base64.b64encode(uuid.uuid4().bytes).decode()], ids=["none", "wrong"])
def test_a_wrong_secret_is_one_clear_message_before_anything_is_made(named: Named, secret: str) -> None:
    cluster = named.cluster
    cluster.variables[named.name_of_secret] = secret
    known = (
        "the secret of key dynia-key is another one there" if named.world.kind == "rfc2136" else "Cloudflare"
    )
    words = known if secret else f"{named.name_of_secret} is not set"
    for run in (cluster.apply(exits=1), cluster.dynia("plan", exits=1)):
        assert words in " ".join(run.stderr.split())
        assert "Traceback" not in run.stderr
        assert len(run.stderr.strip().splitlines()) <= 6
    assert cluster.nodes() == {}
    assert named.world.now() == named.foreign
