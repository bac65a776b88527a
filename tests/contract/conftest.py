"""The worlds that contract tests run in, one per kind of provider of nodes and of names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.contract.cloudflare_world import CloudflareWorld
from tests.contract.digitalocean_world import TwinWorld
from tests.contract.dns_world import BindWorld, DnsWorld
from tests.contract.docker_world import World as DockerWorld
from tests.contract.host_world import HostWorld
from tests.contract.world import World

TWIN = pytest.param("twin", marks=pytest.mark.slow)
KINDS = ("docker", "ssh", TWIN)
MAKERS = ("docker", TWIN)
UNMOVED = ("docker", "ssh")
DNS_KINDS = ("rfc2136", "cloudflare")


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest) -> World:
    """What every kind promises is asked here; only what makes machines begins with an empty one."""
    found: World = request.getfixturevalue(f"{request.param}_world")
    return found


@pytest.fixture(params=MAKERS)
def maker(request: pytest.FixtureRequest) -> World:
    """The kinds that make machines and give addresses."""
    found: World = request.getfixturevalue(f"{request.param}_world")
    return found


@pytest.fixture(params=UNMOVED)
def unmoved(request: pytest.FixtureRequest) -> World:
    """The kinds that have no API to move an address with."""
    found: World = request.getfixturevalue(f"{request.param}_world")
    return found


@pytest.fixture
def twin_world(lab: Lab, twin_lab: dict[str, str]) -> Iterator[TwinWorld]:
    """A cluster of its own at the twin, whose droplets are machines of the lab."""
    made = TwinWorld(lab, twin_lab)
    yield made
    asyncio.run(made.remove())


@pytest.fixture
def docker_world(lab: Lab) -> Iterator[DockerWorld]:
    """A cluster of its own in the lab, gone afterwards."""
    made = DockerWorld(lab)
    yield made
    asyncio.run(made.remove())


@pytest.fixture(scope="module")
def ssh_world(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostWorld]:
    """A host that exists. A provider that may not touch it can be asked by many tests."""
    made = HostWorld(lab, Path(tmp_path_factory.mktemp("hosts")))
    yield made
    asyncio.run(made.remove())


@pytest.fixture(params=DNS_KINDS)
def dns_world(request: pytest.FixtureRequest) -> DnsWorld:
    """A zone of its own for every test."""
    found: DnsWorld = request.getfixturevalue(f"{request.param}_world")
    return found


@pytest.fixture
def rfc2136_world(tmp_path: Path) -> Iterator[BindWorld]:
    """A BIND of its own."""
    made = BindWorld(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def cloudflare_world(tmp_path: Path) -> Iterator[CloudflareWorld]:
    """A twin of Cloudflare, and a BIND of its own that serves the twin's zone."""
    made = CloudflareWorld(tmp_path)
    yield made
    made.stop()
