"""The worlds that contract tests run in, one per kind of node provider."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.contract.docker_world import World
from tests.contract.host_world import HostWorld

KINDS = ("docker", "ssh")
MAKERS = ("docker",)


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


@pytest.fixture
def docker_world(lab: Lab) -> Iterator[World]:
    """A cluster of its own in the lab, gone afterwards."""
    made = World(lab)
    yield made
    asyncio.run(made.remove())


@pytest.fixture(scope="module")
def ssh_world(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostWorld]:
    """A host that exists. A provider that may not touch it can be asked by many tests."""
    made = HostWorld(lab, Path(tmp_path_factory.mktemp("hosts")))
    yield made
    asyncio.run(made.remove())
