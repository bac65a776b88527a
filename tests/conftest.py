"""What all tests share: the lab of this checkout, made ready once where a test asks for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from dynia.providers.nodes.docker.lab import Lab, find_lab
from dynia.providers.nodes.docker.ready import make_ready
from tests.examples import QUICK, examples

# No timed asserts: a busy machine must not turn a property red.
settings.register_profile("dynia", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# CI judges the change, so it looks at the same worlds for the same code; people look at new ones each time.
settings.register_profile("ci", settings.get_profile("dynia"), derandomize=True)
settings.register_profile("quick", settings.get_profile("dynia"), max_examples=examples())
settings.load_profile("ci" if os.environ.get("CI") else "quick" if QUICK else "dynia")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def lab() -> Lab:
    """This checkout's lab, ready: a daemon that answers, the network, the images."""
    found = find_lab(ROOT, {})
    asyncio.run(make_ready(found, print))
    return found


@pytest.fixture(scope="session")
def twin_lab(lab: Lab) -> Iterator[dict[str, str]]:
    """The twin of this checkout's lab runs; what a command needs in its environment to use it."""
    from dynia.lab import up as twin
    from dynia.lab.twins import environment
    from dynia.providers.nodes.docker.teardown import remove_cluster

    asyncio.run(twin.up(lab, 0.5, print))
    yield asyncio.run(environment(lab))
    asyncio.run(twin.down(lab, print))
    asyncio.run(remove_cluster(lab, "droplets", print))
