"""Law 3 on real nodes: `dynia apply` is killed with -9 anywhere, and the next apply ends where it would have."""

from __future__ import annotations

import os
import random
import subprocess
import time

import pytest

from dynia.state.store import open_store
from tests.e2e.remains import check_nothing_is_left, machines
from tests.e2e.scratch import Scratch

pytestmark = pytest.mark.lab

SEED = 3007
KILLS = 10
TRIES = 4
# A kill every tenth of the run, each at a random place of its tenth; far apart ones come first.
INSTANTS = [
    (tenth + random.Random(SEED + tenth).random()) / KILLS for tenth in (2, 6, 0, 1, 3, 4, 5, 7, 8, 9)
]
WORKER = """
      {name}:
        compose: ./worker.yaml
        kind: worker
"""
WORKER_COMPOSE = """\
services:
  work:
    image: dynia-lab/hello:1
    restart: unless-stopped
"""


class Pace:
    """How long an apply of this kind takes from its first record on; learnt from the longest one seen."""

    seconds = 0.0


@pytest.fixture(scope="module")
def pace(running: Scratch) -> Pace:
    """Makes the first worker, so that every later plan has one to remove."""
    running.write("worker.yaml", WORKER_COMPOSE)
    with_worker(running, 0)
    running.apply()
    found = Pace()
    found.seconds = running.runs[0].seconds
    return found


def with_worker(cluster: Scratch, number: int) -> None:
    cluster.write_clusters()
    text = (cluster.folder / "clusters.yaml").read_text()
    cluster.write("clusters.yaml", text + WORKER.format(name=f"work-{number}").lstrip("\n"))


def worker_of(cluster: Scratch) -> int:
    (line,) = (
        one
        for one in (cluster.folder / "clusters.yaml").read_text().splitlines()
        if one.strip().startswith("work-")
    )
    return int(line.strip().rstrip(":").removeprefix("work-"))


def disturb(cluster: Scratch, number: int) -> None:
    """A machine is gone (create), the service changes (push), one worker replaces another (delete)."""
    holder = cluster.holder()
    _, _, victim = next(one for one in machines(cluster) if one[1] != holder)
    cluster.docker("rm", "--force", "--volumes", victim)
    with_worker(cluster, number)
    compose = (cluster.folder / "compose.yaml").read_text()
    kept = "\n".join(
        line for line in compose.splitlines() if "TURN" not in line and "environment" not in line
    )
    cluster.write("compose.yaml", f"{kept}\n    environment:\n      TURN: turn-{number}\n")


def check_plan(cluster: Scratch, number: int) -> None:
    plan = cluster.dynia("plan", "--json", exits=None)
    assert "/create" in plan.stdout and "service/hello/push" in plan.stdout, str(plan)
    assert f"service/work-{number - 1}/remove" in plan.stdout, str(plan)


def kill_at(cluster: Scratch, fraction: float, pace: Pace) -> tuple[float, tuple[str, ...]]:
    """Seconds after the first record, and the steps that the journal shows begun and not ended."""
    journal = cluster.folder / ".dynia" / "journal" / cluster.name
    before = set(os.listdir(journal))
    begun = cluster.begin("apply", "--yes")
    until = time.monotonic() + 60
    while begun.poll() is None and not set(os.listdir(journal)) - before and time.monotonic() < until:
        time.sleep(0.01)
    first = time.monotonic()
    try:
        begun.wait(timeout=fraction * pace.seconds)
    except subprocess.TimeoutExpired:
        while begun.poll() is None and not unfinished(cluster):
            time.sleep(0.01)
    took = time.monotonic() - first
    if begun.poll() is None:
        cluster.kill(begun)
        return took, unfinished(cluster)
    pace.seconds = took
    return took, ()


def unfinished(cluster: Scratch) -> tuple[str, ...]:
    return tuple(one.step for one in open_store(cluster.folder, make=False).unfinished(cluster.name))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(KILLS))
def test_killed_apply_is_ended_by_the_next(running: Scratch, pace: Pace, number: int) -> None:
    for _ in range(TRIES):
        turn = worker_of(running) + 1
        disturb(running, turn)
        check_plan(running, turn)
        after, steps = kill_at(running, INSTANTS[number], pace)
        print(
            f"seed {SEED}, kill {number}: at {INSTANTS[number]:.3f} of {pace.seconds:.1f} s = {after:.2f} s, "
            f"begun and not ended: {', '.join(steps) or 'nothing (not counted)'}"
        )
        again = running.apply()
        print(f"  the next apply: exit {again.exit} after {again.seconds:.1f} s")
        assert running.dynia("plan", "--detailed-exitcode").exit == 0
        check_nothing_is_left(running, nodes=3, services=("hello", f"work-{turn}"))
        for _, name, _ in machines(running):
            assert f"turn-{turn}" in running.sh(name, "docker inspect dynia-hello-web-1")
        assert running.get()
        if steps:
            return
    raise AssertionError("no kill hit a step that was begun and not ended")
