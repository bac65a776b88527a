"""Two applies of one cluster at the same moment, on real nodes: one works, the other one waits or is refused."""

from __future__ import annotations

import pytest

from dynia.state.store import open_store
from tests.e2e.container_events import ContainerEvents
from tests.e2e.scratch import Scratch

pytestmark = pytest.mark.lab

CONTAINER = "dynia-hello-web-1"


@pytest.mark.slow
def test_twenty_times_one_works_and_the_other_one_is_refused_or_waits(running: Scratch) -> None:
    for number in range(20):
        two_at_once(running, number)


def two_at_once(cluster: Scratch, number: int) -> None:
    """Every other time the second one waits. Each container is made again once, whoever did it."""
    waits = number % 2 == 1
    with_turn(cluster, number)
    generation = generation_of(cluster)
    with ContainerEvents(cluster, CONTAINER) as heard:
        argv = ("apply", "--yes", *(("--lock-wait", "3m") if waits else ()))
        both = [cluster.begin(*argv) for _ in range(2)]
        codes = sorted(one.wait(timeout=240) for one in both)
        told = [
            one.read_text()
            for one in sorted(cluster.folder.glob("begun-*.log"), key=lambda log: log.stat().st_mtime)[-2:]
        ]
    assert codes in ([[0, 0]] if waits else [[0, 5], [0, 0]]), f"round {number}: {codes}\n" + "\n".join(told)
    assert {node: len([e for e in events if e[1] == "start"]) for node, events in heard.events.items()} == (
        dict.fromkeys(cluster.nodes(), 1)
    ), f"round {number}: {heard.events}"
    assert generation_of(cluster) == generation + 1, "one apply did something"
    assert cluster.dynia("plan", "--detailed-exitcode").stdout.count("\n") == 1


def with_turn(cluster: Scratch, number: int) -> None:
    compose = (cluster.folder / "compose.yaml").read_text().splitlines()
    kept = "\n".join(line for line in compose if "TURN" not in line and "environment" not in line)
    cluster.write("compose.yaml", f'{kept}\n    environment:\n      TURN: "{number}"\n')


def generation_of(cluster: Scratch) -> int:
    home = open_store(cluster.folder, make=False).state.cluster(cluster.name)
    assert home is not None
    return home.generation
