"""The worlds that contract tests run in, one per kind of node provider."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.contract.docker_world import World

KINDS = ("docker",)


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, lab: Lab) -> Iterator[World]:
    """A cluster of its own in the lab, gone afterwards."""
    made = World(lab)
    yield made
    asyncio.run(made.remove())
