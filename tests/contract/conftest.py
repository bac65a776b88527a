"""The worlds that contract tests run in, one per kind of node provider."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Iterator

import pytest

from tests.contract.digitalocean_world import DigitalOceanWorld
from tests.contract.docker_world import DockerWorld
from tests.contract.world import World
from tests.twin.judged import twin_in_a_thread

NO_MACHINE = "the twin's droplets have no machine behind them"
# Named here and in docs/extending.md; whatever else is in the suite, every kind keeps.
SKIPPED: dict[str, dict[str, str]] = {
    "docker": {
        "test_an_address_moves_between_machines_and_off_them": "the lab's addresses move by VRRP",
    },
    "digitalocean": {
        "test_a_created_machine_answers_ssh_with_the_injected_host_key": NO_MACHINE,
        "test_a_machine_that_is_made_again_has_an_empty_disk": NO_MACHINE,
        "test_a_reboot_brings_the_machine_back_by_itself": NO_MACHINE,
        "test_a_frozen_machine_is_running_not_off": NO_MACHINE,
        "test_a_machine_that_was_created_but_never_started_is_made_whole": "a droplet is made in one call",
        "test_a_delete_that_died_half_way_can_be_ended": "a droplet is deleted in one call",
        "test_moving_an_address_by_api_is_refused_in_the_lab": "here it moves",
    },
}
KINDS = (pytest.param("docker", marks=pytest.mark.lab), "digitalocean")


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[World]:
    """A cluster of its own at this kind of vendor, gone afterwards."""
    skipped = SKIPPED[request.param].get(request.node.originalname)
    if skipped:
        pytest.skip(f"{request.param}: {skipped}")
    if request.param == "docker":
        made = DockerWorld(request.getfixturevalue("lab"))
        yield made
        asyncio.run(made.remove())
    else:
        database = tmp_path / "twin.db"
        with twin_in_a_thread(database) as twin:
            yield DigitalOceanWorld(twin.url, database)
