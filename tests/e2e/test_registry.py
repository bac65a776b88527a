"""Images from a registry that wants a login: by digest onto the nodes, and the password nowhere but in its file."""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dynia.interfaces.shape import Shape
from dynia.providers.nodes.docker.images import caddy_image
from dynia.providers.nodes.docker.lab import Lab
from tests.e2e.hosts import Host, Hosts
from tests.e2e.registry import USER, Registry
from tests.e2e.scratch import COMPOSE, Scratch

pytestmark = pytest.mark.lab

# Made for this run, so that finding it anywhere means that it was written there now.
PASSWORD = f"pass-{uuid.uuid4().hex}"
TOKEN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
LOGINS = "/opt/dynia/registry/config.json"

CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: ssh}}
    ssh: {{key: {key}}}
    nodes:
      - {one}
      - {two}
    caddy: {{image: "{caddy}"}}
    registries:
      - {{host: "{registry}", user: {user}, password: {{env: TEAM_REGISTRY}}}}
    services:
      hello:
        compose: ./compose.yaml
        default: true
        health: {{path: /healthz}}
"""


class Estate(Shape):
    """Two hosts, a registry with the image ``team/hello:live`` of the returned digest, nothing applied yet."""

    cluster: Scratch
    hosts: tuple[Host, ...]
    registry: Registry
    digest: str

    @property
    def image(self) -> str:
        return f"{self.registry.address}/team/hello"


@pytest.fixture(scope="module")
def estate(lab: Lab) -> Iterator[Estate]:
    cluster = Scratch(lab, f"r-{uuid.uuid4().hex[:6]}")
    hosts = Hosts(lab, cluster.name)
    try:
        one, two, store = hosts.make("fox"), hosts.make("owl"), hosts.make("store")
        registry = Registry(store, PASSWORD)
        digest = registry.push("dynia-lab/hello:1", "team/hello:live")
        registry.write_certificate(cluster.folder / "registry.crt")
        cluster.variables["SSL_CERT_FILE"] = str(cluster.folder / "registry.crt")
        image = f"{registry.address}/team/hello:live"
        cluster.write("compose.yaml", COMPOSE.replace("dynia-lab/hello:1", image))
        text = CLUSTERS.format(
            name=cluster.name,
            key=one.key,
            one=one.yaml(),
            two=two.yaml(),
            caddy=caddy_image(),
            registry=registry.address,
            user=USER,
        )
        cluster.write("clusters.yaml", text)
        yield Estate(cluster=cluster, hosts=(one, two), registry=registry, digest=digest)
    finally:
        cluster.remove()


def test_a_wrong_password_is_told_before_anything_is_touched(estate: Estate) -> None:
    cluster = estate.cluster
    cluster.variables["TEAM_REGISTRY"] = "not-the-password"
    said = cluster.apply(exits=1)
    words = " ".join((said.stdout + said.stderr).split())
    assert f"{estate.image}:live: {estate.registry.address} refuses team/hello (HTTP 401" in words, str(said)
    assert "not-the-password" not in words
    assert not (cluster.folder / "state.json").exists() or not cluster.state()["clusters"]
    for host in estate.hosts:
        assert host.sh("ls -d /opt/dynia /var/lib/dynia 2>/dev/null", check=False) == ""
        assert "Accepted publickey" not in host.sh("journalctl --no-pager -t sshd -t sshd-session")


def test_a_host_that_cannot_pull_is_told_why_and_what_runs_beside_it_is_let_end(estate: Estate) -> None:
    """The hosts do not trust the registry's certificate yet, and are made ready while they pull."""
    cluster = estate.cluster
    cluster.variables["TEAM_REGISTRY"] = PASSWORD
    said = cluster.apply(exits=7)
    failed = {line.split(" · ")[1].split(":")[0] for line in said.stdout.splitlines() if line.startswith("✘")}
    assert failed == {f"image {estate.registry.address.split(':')[0]}"}, str(said)
    assert "x509: certificate signed by unknown authority" in " ".join(said.stdout.split())


@contextmanager
def watched_processes() -> Iterator[set[str]]:
    """Every command line of this machine while it lasts; the nodes' processes are among them."""
    seen: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def runs(host: Host) -> tuple[str, str]:
    """The image of the service's container: as it was asked for, and its registry digest."""
    asked = host.sh("docker inspect -f '{{.Config.Image}}' dynia-hello-web-1").strip()
    image = host.sh("docker inspect -f '{{.Image}}' dynia-hello-web-1").strip()
    return asked, host.sh(f"docker image inspect -f '{{{{index .RepoDigests 0}}}}' {image}").strip()


def test_the_tag_is_pulled_by_its_digest_with_the_login_and_the_password_is_nowhere_else(
    estate: Estate,
) -> None:
    cluster = estate.cluster
    cluster.variables["TEAM_REGISTRY"] = PASSWORD
    for host in estate.hosts:
        estate.registry.trust_on(host)
    with watched_processes() as processes:
        for detail in ("--full", "--json"):
            cluster.dynia("plan", detail)
        cluster.apply("--progress", "json")
    assert any("docker" in one and " pull " in one for one in processes), "the watch saw nothing"
    pinned = f"{estate.image}@{estate.digest}"
    for host in estate.hosts:
        assert runs(host) == (pinned, pinned)
        assert host.sh(f"stat -c '%a %U:%G' {LOGINS}") == "600 root:root\n"
        assert TOKEN in host.sh(f"cat {LOGINS}")
        holding = host.sh(
            f"grep -rlE '{PASSWORD}|{TOKEN}' /opt /etc /var/lib/dynia /run /root /tmp /var/log || :"
        )
        assert holding.split() == [LOGINS]
        assert PASSWORD not in host.sh("journalctl --no-pager")
        assert "version 1" in cluster.get(host.address)
    cluster.dynia("plan", "--detailed-exitcode")

    said = [str(run) for run in cluster.runs]
    kept = [file.read_text(errors="replace") for file in cluster.folder.rglob("*") if file.is_file()]
    for secret in (PASSWORD, TOKEN):
        assert not [text for text in (*said, *kept, *processes) if secret in text]


@pytest.mark.slow
def test_a_tag_that_moved_is_a_change_and_each_node_gets_the_new_digest(estate: Estate) -> None:
    cluster = estate.cluster
    moved = estate.registry.push("dynia-lab/hello:2", "team/hello:live")
    assert moved != estate.digest
    plan = cluster.dynia("plan", "--detailed-exitcode", exits=2)
    assert f"{estate.digest.removeprefix('sha256:')[:4]}" in plan.stdout, str(plan)
    assert f"{moved.removeprefix('sha256:')[:4]}" in plan.stdout, str(plan)
    cluster.apply()
    for host in estate.hosts:
        assert runs(host)[0] == f"{estate.image}@{moved}"
    assert "version 2" in cluster.get(estate.hosts[0].address)
    cluster.dynia("plan", "--detailed-exitcode")


@pytest.mark.slow
def test_the_former_digest_comes_back_without_the_registry_and_the_password(estate: Estate) -> None:
    cluster = estate.cluster
    estate.registry.stop()
    del cluster.variables["TEAM_REGISTRY"]
    cluster.dynia("rollback", "--yes", "--cluster", cluster.name)
    for host in estate.hosts:
        assert runs(host)[0] == f"{estate.image}@{estate.digest}"
        assert TOKEN in host.sh(f"cat {LOGINS}"), "the login is today's"
    assert "version 1" in cluster.get(estate.hosts[0].address)
