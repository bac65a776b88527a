"""Every request over SSH on a real node: systemd, Docker, sudo, a machine that is frozen, killed or bare."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest

from dynia.interfaces.errors import ApplyFailed, NotObservedError
from dynia.interfaces.node_requests import (
    BootstrapRequest,
    ExecRequest,
    GateAnswer,
    GateRequest,
    ImageRequest,
    ObserveRequest,
    PushRequest,
)
from dynia.interfaces.release import ReleaseFile
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.protocols import NodeConnection
from dynia.providers.ssh.connect import SshTarget, connect
from dynia.providers.ssh.keys import load_operator_key
from tests.e2e.hosts import Host, Hosts

pytestmark = pytest.mark.lab

Answer = TypeVar("Answer")
LINEAGE = "5f0c6a52"
IMAGE = "dynia-lab/hello:1"
OBSERVE = ObserveRequest(
    roots=("/opt/dynia",),
    paths=("/etc/hostname",),
    units=("docker.service", "haproxy.service", "nothing.service"),
    packages=("haproxy", "nothing-like-this"),
)


@pytest.fixture(scope="module")
def host(lab: Lab) -> Iterator[Host]:
    made = Hosts(lab)
    try:
        node = made.make("fox")
        on(node, lambda c: c.bootstrap(BootstrapRequest(lineage=LINEAGE, packages=("docker.io",))))
        yield node
    finally:
        made.remove()


def docker(*argv: str) -> str:
    """The docker command of this machine."""
    return subprocess.run(["docker", *argv], check=True, capture_output=True, text=True).stdout.strip()


def target(host: Host) -> SshTarget:
    return SshTarget(
        node=host.name, host=host.address, user=host.user, host_keys=(host.host_key,), connect_timeout=5
    )


def on(host: Host, deed: Callable[[NodeConnection], Awaitable[Answer]], timeout: float = 300) -> Answer:
    """One request over a connection of its own."""

    async def run() -> Answer:
        connection = await connect(target(host), load_operator_key(host.key))
        try:
            async with asyncio.timeout(timeout):
                return await deed(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


def push(path: str, content: str, activate: str = "", probe: str = "") -> PushRequest:
    return PushRequest(
        component="service/demo",
        lineage=LINEAGE,
        files=(ReleaseFile(path=path, mode=0o644, content=content.encode()),),
        activate=activate,
        probe=probe,
        probe_s=1.0,
    )


def test_a_node_tells_its_units_packages_addresses_and_docker(host: Host) -> None:
    facts = on(host, lambda c: c.observe(OBSERVE))
    assert {u.name: (u.active, u.enabled) for u in facts.units} == {
        "docker.service": ("active", "enabled"),
        "haproxy.service": (facts.units[1].active, facts.units[1].enabled),
        "nothing.service": ("inactive", ""),
    }
    assert facts.units[0].since > 1_700_000_000
    assert list(facts.packages) == ["haproxy"]
    assert host.address in facts.addresses
    assert facts.docker.startswith("2")
    assert tuple(int(part) for part in facts.compose.split(".")[:2]) >= (2, 24)
    assert (facts.os, facts.arch, facts.lineage) == ("debian-13", "amd64", LINEAGE)
    assert (facts.truncated, facts.unfinished, facts.busy_since, facts.vrrp) == ((), (), 0, "")
    assert "/etc/hostname" in {f.path for f in facts.files}
    assert abs(facts.clock_skew_ms) < 1000


def test_an_image_is_streamed_once_and_is_the_same(host: Host) -> None:
    image_id = docker("image", "inspect", "--format", "{{.Id}}", IMAGE)
    host.sh(f"docker image rm -f {IMAGE} {image_id}", check=False)
    request = ImageRequest(reference=IMAGE, image_id=image_id, tag=IMAGE)
    assert on(host, lambda c: c.provide_image(request)) == image_id
    assert on(host, lambda c: c.provide_image(request)) == image_id
    seen = {image.id: image.tags for image in on(host, lambda c: c.observe(OBSERVE)).images}
    assert seen[image_id] == (IMAGE,)


def test_an_image_that_is_nowhere_says_so(host: Host) -> None:
    missing = ImageRequest(reference="x", image_id="sha256:" + "0" * 64, tag="x:1")
    with pytest.raises(ApplyFailed, match="docker save"):
        on(host, lambda c: c.provide_image(missing))
    with pytest.raises(ApplyFailed, match="image nowhere"):
        pull = f"198.18.0.1:1/nowhere@sha256:{'0' * 64}"
        on(host, lambda c: c.provide_image(ImageRequest(reference="nowhere", pull=pull)))


COMPOSE = """
services:
  web:
    image: dynia-lab/hello:1
    restart: {restart}
    {command}
    labels: {{dev.dynia.config: "{config}"}}
    networks: [default, edge-demo]
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/{path}"]
      interval: 1s
      timeout: 1s
      retries: 2
networks:
  edge-demo: {{name: edge-demo}}
"""


def deploy(
    host: Host, *, config: str, path: str = "healthz", command: str = "", restart: str = "always"
) -> None:
    folder = "/opt/dynia/services/demo"
    compose = COMPOSE.format(config=config, path=path, command=command, restart=restart)
    up = f"docker compose -p demo -f {folder}/compose.yaml"
    request = push(f"{folder}/compose.yaml", compose, activate=f"{up} up -d --remove-orphans")
    answer = on(host, lambda c: c.push(request))
    assert answer.phase == "done", answer.output


def gate(host: Host, config: str, timeout_s: float = 20.0) -> GateAnswer:
    request = GateRequest(service="demo", project="demo", containers={"web": config}, timeout_s=timeout_s)
    return on(host, lambda c: c.gate(request))


def test_a_service_passes_the_gate_and_its_container_is_observed(host: Host) -> None:
    test_an_image_is_streamed_once_and_is_the_same(host)
    deploy(host, config="c1")
    assert gate(host, "c1").healthy
    facts = on(host, lambda c: c.observe(OBSERVE))
    (container,) = (c for c in facts.containers if c.project == "demo")
    assert (container.name, container.service, container.config) == ("demo-web-1", "web", "c1")
    assert (container.state, container.health, container.restarts) == ("running", "healthy", 0)
    assert container.networks == ("demo_default", "edge-demo")
    assert facts.networks == ("edge-demo",)


def test_containers_without_a_check_or_any_label_are_observed_too(host: Host) -> None:
    test_an_image_is_streamed_once_and_is_the_same(host)
    host.sh(f"docker rm -f plain; docker run -d --name plain {IMAGE} sleep 600", check=False)
    facts = on(host, lambda c: c.observe(OBSERVE))
    (plain,) = (c for c in facts.containers if c.name == "plain")
    assert (plain.state, plain.health, plain.project, plain.config) == ("running", "none", "", "")
    assert facts.truncated == ()
    host.sh("docker rm -f plain")


def test_a_service_that_turns_unhealthy_fails_the_gate_early(host: Host) -> None:
    deploy(host, config="c2", path="nothing-here")
    answer = gate(host, "c2", timeout_s=60)
    assert (answer.healthy, answer.reason, answer.container) == (
        False,
        "demo-web-1 is unhealthy",
        "demo-web-1",
    )


def test_a_container_that_can_not_live_fails_the_gate_with_its_last_words(host: Host) -> None:
    deploy(host, config="c3", command="command: [sh, -c, 'sleep 0.5; echo panic: no column; exit 3']")
    answer = gate(host, "c3", timeout_s=60)
    assert answer.reason.startswith("demo-web-1 keeps ending (")
    assert answer.output.endswith("demo-web-1 | panic: no column")


def test_logs_are_followed(host: Host) -> None:
    deploy(host, config="c4", command="command: [sh, -c, 'echo one; echo two; sleep 600']")

    async def listen(connection: NodeConnection) -> list[str]:
        heard: list[str] = []
        async for line in connection.stream(("docker", "logs", "-f", "demo-web-1")):
            heard.append(line)
            if len(heard) == 2:
                break
        return heard

    assert on(host, listen, timeout=30) == ["one", "two"]


def test_a_node_that_is_killed_in_the_middle_of_a_push_is_repaired_by_the_next(host: Host) -> None:
    path, live = "/opt/dynia/demo/config", "/opt/dynia/demo/live"
    activate = f"cat {path} >{live}"
    assert on(host, lambda c: c.push(push(path, "old\n", activate))).phase == "done"
    slow = push(path, "new\n", activate=f"{activate}; touch /run/begun; sleep 600")

    async def run() -> None:
        connection = await connect(target(host), load_operator_key(host.key))
        pushing = asyncio.create_task(connection.push(slow))
        for _ in range(200):
            if host.sh("ls /run/begun", check=False):
                break
            await asyncio.sleep(0.1)
        docker("kill", host.container)
        with pytest.raises(NotObservedError):
            await pushing
        await connection.close()

    asyncio.run(run())
    docker("start", host.container)
    wait_for_ssh(host)
    assert host.sh(f"cat {path} {live}") == "new\nnew\n"
    assert on(host, lambda c: c.observe(OBSERVE)).unfinished == ("service/demo",)
    answer = on(host, lambda c: c.push(push(path, "third\n", activate, probe="false")))
    assert (answer.phase, answer.restored) == ("probe", True)
    assert host.sh(f"cat {path} {live}") == "old\nold\n"
    assert on(host, lambda c: c.observe(OBSERVE)).unfinished == ()


def wait_for_ssh(host: Host) -> None:
    """Asked again for at most about 30 s."""
    for _ in range(60):
        try:
            on(host, lambda c: c.exec(ExecRequest(argv=("true",))))
        except NotObservedError:
            asyncio.run(asyncio.sleep(0.5))
        else:
            return
    raise AssertionError("ssh did not come back")


def test_a_frozen_node_is_not_observed_within_its_time(host: Host) -> None:
    docker("pause", host.container)
    try:
        with pytest.raises(NotObservedError, match=r"no answer from .* within 5 s"):
            on(host, lambda c: c.observe(OBSERVE))
    finally:
        docker("unpause", host.container)
    assert on(host, lambda c: c.observe(OBSERVE)).hostname


def test_an_unprivileged_user_does_it_all_through_sudo(hosts: Hosts) -> None:
    host = hosts.make("owl", user="ada")
    on(host, lambda c: c.bootstrap(BootstrapRequest(lineage=LINEAGE, packages=("docker.io",))))
    answer = on(host, lambda c: c.push(push("/opt/dynia/demo/a", "x" * 3_000_000, activate="id -u")))
    assert (answer.phase, answer.output) == ("done", "")
    facts = on(host, lambda c: c.observe(OBSERVE))
    assert {f.path: (f.owner, f.size) for f in facts.files}["/opt/dynia/demo/a"] == ("root:root", 3_000_000)
    assert facts.docker
    assert on(host, lambda c: c.exec(ExecRequest(argv=("id", "-u")))).stdout == b"0\n"
    host.sh("rm /etc/sudoers.d/ada")
    with pytest.raises(NotObservedError) as caught:
        on(host, lambda c: c.observe(OBSERVE))
    assert "ada may not use sudo without a password" in caught.value.message
    assert "ada ALL=(root) NOPASSWD: ALL" in caught.value.hint


def test_a_push_through_sudo_survives_its_connection(hosts: Hosts) -> None:
    host = hosts.make("lynx", user="ada")
    activate = "touch /run/begun; sleep 3; echo up >/opt/dynia/demo/live"
    request = push("/opt/dynia/demo/a", "x\n", activate)

    async def run() -> None:
        connection = await connect(target(host), load_operator_key(host.key))
        pushing = asyncio.create_task(connection.push(request))
        for _ in range(100):
            if host.sh("ls /run/begun", check=False):
                break
            await asyncio.sleep(0.1)
        host.sh("pkill -KILL -u ada sshd-session; pkill -KILL -u ada sshd; true", check=False)
        with pytest.raises(NotObservedError):
            await pushing
        await connection.close()

    asyncio.run(run())
    for _ in range(40):
        if not on(host, lambda c: c.observe(OBSERVE)).busy_since:
            break
        asyncio.run(asyncio.sleep(0.5))
    assert host.sh("cat /opt/dynia/demo/a /opt/dynia/demo/live") == "x\nup\n"
    assert on(host, lambda c: c.observe(OBSERVE)).unfinished == ()


def test_a_bare_host_is_bootstrapped(hosts: Hosts) -> None:
    host = hosts.make("wren", bare=True)
    before = on(host, lambda c: c.observe(OBSERVE))
    assert (before.docker, before.lineage, before.truncated) == ("", "", ())
    packages = ("docker.io", "docker-cli", "docker-compose", "curl")
    answer = on(host, lambda c: c.bootstrap(BootstrapRequest(lineage=LINEAGE, packages=packages)))
    assert answer.missing == (), answer.output
    after = on(host, lambda c: c.observe(OBSERVE))
    assert after.docker
    assert after.compose
    assert after.lineage == LINEAGE
    assert {u.name: (u.active, u.enabled) for u in after.units}["docker.service"] == ("active", "enabled")
    nothing = on(host, lambda c: c.bootstrap(BootstrapRequest(lineage=LINEAGE, packages=("no-such-thing",))))
    assert nothing.missing == ("no-such-thing",)
    assert "no-such-thing" in nothing.output
