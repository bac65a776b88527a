"""The simulated node drains as the real one does: asked the same, it answers the same and keeps the same away."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.errors import Locked
from dynia.interfaces.node_requests import WHOLE_NODE, DrainRequest, Fence, ObserveRequest
from dynia.providers.ssh import answers
from dynia.providers.ssh.scripts import script
from tests.integration.node_scripts.machine import LINEAGE, Machine
from tests.simulation import machine as memory
from tests.simulation import scripts
from tests.simulation.looks import observe
from tests.simulation.machine import LINEAGE_FILE, File
from tests.simulation.world import World

QUICK, MORE = 10, 100
Seen = tuple[tuple[str, ...] | str, tuple[str, ...]]

asked = st.builds(
    DrainRequest,
    services=st.lists(st.sampled_from(("api", "web", WHOLE_NODE)), unique=True).map(tuple),
    lasts_s=st.sampled_from((600.0, 600.0, 0.0)),
    fence=st.builds(
        Fence,
        lineage=st.just(LINEAGE),
        cluster=st.sampled_from(("prod", "prod", "prod", "staging")),
        number=st.integers(4, 6),
    ),
)
days = st.lists(asked, min_size=1, max_size=5)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World("drained twins")
    yield made
    made.loop.dispose()


def real(machine: Machine, request: DrainRequest) -> Seen:
    lasts = str(int(request.lasts_s))
    argv = ("20", "sh", "-c", script("drain"), "dynia", lasts, *request.services)
    assert request.fence is not None
    code, told = machine.run_raw("deed", argv, request.fence)
    try:
        answers.refuse_deed(code, told)
        said: tuple[str, ...] | str = answers.parse_drained(told)
    except Locked as error:
        said = error.message
    return said, machine.observe(ObserveRequest(roots=())).drained


def simulated(world: World, node: memory.Node, request: DrainRequest) -> Seen:
    async def ask() -> tuple[str, ...] | str:
        try:
            return tuple(sorted(await scripts.drain(world, node, "run", request)))
        except Locked as error:
            return error.message

    said = world.loop.run_until_complete(world.loop.begin(None, ask()))
    return said, observe(world, node, "run", ObserveRequest(roots=())).drained


def play(world: World, day: list[DrainRequest]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        machine.bootstrap()
        looks = "".join(f"{{file./etc/caddy/drain/{name}}}\n" for name in ("api", "web", WHOLE_NODE))
        machine.write("caddy/Caddyfile", looks)
        node = memory.Node("web-1", 1, "1", "198.18.0.1", "key")
        node.files[LINEAGE_FILE] = File(f"{LINEAGE}\n".encode())
        for request in day:
            assert simulated(world, node, request) == real(machine, request)


@given(day=days)
@settings(max_examples=QUICK)
def test_the_simulated_node_drains_as_the_real_one_does(world: World, day: list[DrainRequest]) -> None:
    play(world, day)


@pytest.mark.slow
@given(day=days)
@settings(max_examples=MORE)
def test_the_same_on_many_more_days(world: World, day: list[DrainRequest]) -> None:
    play(world, day)
