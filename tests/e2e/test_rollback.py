"""Back to what was good, from the nodes alone: no file of the repository, no state of this machine's, killed half way."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.remains import FILES, check_nothing_is_left
from tests.e2e.scratch import COMPOSE, Scratch
from tests.e2e.test_state_rebuild import words
from tests.e2e.visitor import Visitors

pytestmark = pytest.mark.lab

KEPT = "ls /var/lib/dynia/generations; stat -c %a /var/lib/dynia/generations/* | sort -u"


def turn(cluster: Scratch, name: str) -> None:
    """The service gets another environment and another secret, so its container is made again everywhere."""
    cluster.write("compose.yaml", f'{COMPOSE.rstrip()}\n    environment: {{TURN: "{name} ${{WORD}}"}}\n')
    cluster.write(".env", f"WORD=secret-{name}\n")


def recorded(cluster: Scratch) -> dict[str, Any]:
    """What the state says of the cluster now, in the middle of a run too."""
    (home,) = json.loads(cluster.dynia("state", "pull").stdout)["clusters"]
    return dict(home)


def files(cluster: Scratch) -> dict[str, str]:
    return {name: cluster.sh(name, FILES) for name in cluster.nodes()}


def answers(cluster: Scratch, name: str) -> None:
    for node in cluster.nodes():
        told = cluster.sh(node, "docker inspect -f '{{json .Config.Env}}' dynia-hello-web-1")
        assert f"TURN={name} secret-{name}" in json.loads(told), node


@pytest.fixture
def without_files(running: Scratch, tmp_path: Path) -> Iterator[Path]:
    """clusters.yaml and all that it names lie somewhere else meanwhile."""
    away = tmp_path / "away"
    away.mkdir()
    for name in ("clusters.yaml", "compose.yaml", ".env"):
        shutil.move(running.folder / name, away / name)
    yield away
    for path in away.iterdir():
        shutil.move(path, running.folder / path.name)


@pytest.fixture(autouse=True)
def two_turns(running: Scratch) -> Iterator[None]:
    """Generations `good` and `bad`; a test ends with the file in force."""
    turn(running, "good")
    running.apply()
    turn(running, "bad")
    running.apply()
    answers(running, "bad")
    yield
    turn(running, "good")
    running.apply()
    assert running.dynia("plan", "--detailed-exitcode").exit == 0
    check_nothing_is_left(running, nodes=3, services=("hello",))


def test_the_last_good_one_comes_back_without_a_file_and_nobody_fails(
    running: Scratch, without_files: Path
) -> None:
    listed = running.dynia("rollback", "--list", "--cluster", running.name)
    assert "changed" in listed.stdout
    with Visitors(running, *running.nodes()) as visitors:
        done = running.dynia("rollback", "--yes", "--cluster", running.name)
    visitors.check()
    assert "back to generation" in words(done)
    answers(running, "good")
    assert recorded(running)["generations"][-1]["of"] and recorded(running)["rollback"] is None
    for node in running.nodes():
        assert running.sh(node, KEPT).split()[-1] == "600"
    assert "secret-good" not in (running.folder / "state.json").read_text()
    # The file still asks for what was rolled back: pending, and no drift.
    for path in without_files.iterdir():
        shutil.copy(path, running.folder / path.name)
    assert running.dynia("drift", "--cluster", running.name).exit == 0
    plan = running.dynia("plan", "--json", "--cluster", running.name)
    told = json.loads(plan.stdout)
    assert told["changes"] and told["drift"] == []
    assert "asks for something else" in plan.stdout
    # It follows, but for what is secret: that is told by name.
    adopted = running.dynia("rollback", "--adopt", "--yes", "--cluster", running.name)
    assert "compose.yaml is written" in words(adopted) and "WORD in .env or env: differs" in words(adopted)
    assert "secret-" not in words(adopted)
    assert "good" in (running.folder / "compose.yaml").read_text()
    running.write(".env", "WORD=secret-good\n")
    assert running.dynia("plan", "--detailed-exitcode", "--cluster", running.name).exit == 0
    for name in ("clusters.yaml", "compose.yaml", ".env"):
        (running.folder / name).unlink()


@pytest.mark.slow
def test_a_lost_state_is_made_again_first(running: Scratch) -> None:
    (running.folder / "state.json").unlink()
    shutil.rmtree(running.folder / ".dynia")
    refused = running.dynia("rollback", "--yes", "--cluster", running.name, exits=1)
    assert "dynia state rebuild" in words(refused)
    running.dynia("state", "rebuild", "--yes", "--cluster", running.name)
    (running.folder / "compose.yaml").write_text("what somebody broke: [\n")
    running.dynia("rollback", "--yes", "--cluster", running.name)
    answers(running, "good")


@pytest.mark.slow
def test_killed_half_way_the_next_one_goes_on(running: Scratch) -> None:
    begun = running.begin("rollback", "--yes", "--progress", "json", "--cluster", running.name)
    until = time.monotonic() + 120
    while time.monotonic() < until and recorded(running)["rollback"] is None:
        assert begun.poll() is None, "it ended before it could be killed"
    running.kill(begun)
    assert "was begun" in words(running.dynia("rollback", "--list", "--cluster", running.name))
    running.dynia("rollback", "--yes", "--lock-wait", "2m", "--cluster", running.name)
    answers(running, "good")
    assert len(set(files(running).values())) == 1
    assert recorded(running)["rollback"] is None
