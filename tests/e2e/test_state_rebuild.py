"""The state can be lost: state.json and .dynia are gone, and the nodes give them back."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from dynia.state.manifest import PATH
from dynia.state.store import open_store
from tests.e2e.remains import check_nothing_is_left
from tests.e2e.scratch import Run, Scratch
from tests.e2e.test_silent_node import change as change_two_at_a_time

pytestmark = pytest.mark.lab


def lose(cluster: Scratch) -> dict[str, object]:
    """state.json and .dynia are gone. What was in it, without what counts writes and times."""
    lost = comparable(cluster)
    (cluster.folder / "state.json").unlink()
    shutil.rmtree(cluster.folder / ".dynia")
    return lost


def comparable(cluster: Scratch) -> dict[str, object]:
    state = json.loads(cluster.dynia("state", "pull").stdout)
    for home in state["clusters"]:
        del home["serial"], home["paces"]
    return {**state, "journal": {}, "currentCluster": None}


def words(run: Run) -> str:
    """Both streams without line ends: a screen breaks its lines where it must."""
    return " ".join((run.stdout + run.stderr).split())


def change(cluster: Scratch, turn: str) -> None:
    """The service gets another environment, so its container is made again on every node."""
    compose = (cluster.folder / "compose.yaml").read_text().partition("    environment:")[0]
    cluster.write("compose.yaml", f"{compose.rstrip()}\n    environment:\n      TURN: {turn}\n")


def settled(cluster: Scratch) -> None:
    assert cluster.dynia("plan", "--detailed-exitcode").exit == 0
    check_nothing_is_left(cluster, nodes=3, services=("hello",))
    assert cluster.get()


def test_a_lost_state_is_made_again_and_nothing_is_left_to_do(running: Scratch) -> None:
    lost = lose(running)
    containers = {name: running.sh(name, "docker ps -q --no-trunc | sort") for name in running.nodes()}
    shown = running.dynia("state", "rebuild", "--cluster", running.name, exits=1)
    assert "no terminal to ask on" in words(shown) and not (running.folder / "state.json").exists()
    done = running.dynia("state", "rebuild", "--yes", "--cluster", running.name)
    assert "nothing to do" in words(done)
    assert comparable(running) == lost
    settled(running)
    assert {
        name: running.sh(name, "docker ps -q --no-trunc | sort") for name in running.nodes()
    } == containers
    again = running.dynia("state", "rebuild", "--yes", "--cluster", running.name, exits=1)
    assert "is in the state already" in words(again)
    change(running, "after")
    running.apply()
    settled(running)


@pytest.mark.slow
def test_the_manifest_is_healed_calmly(running: Scratch) -> None:
    edited, missing, _ = running.nodes()
    running.sh(edited, f"sed -i 's/198/199/' {PATH}")
    running.sh(missing, f"rm {PATH}")
    drift = running.dynia("drift")
    assert drift.exit == 0, "a manifest is no drift"
    plan = running.dynia("plan", "--detailed-exitcode", exits=2)
    assert "manifest" in words(plan) and "edited by hand" in words(plan) and "has none yet" in words(plan)
    generation = running.state()["clusters"][0]["generation"]
    running.apply()
    settled(running)
    assert running.state()["clusters"][0]["generation"] == generation
    for name in running.nodes():
        told = json.loads(running.sh(name, f"cat {PATH}"))
        assert (told["node"], told["generation"]) == (name, generation)
        assert running.sh(name, f"stat -c '%a %U:%G' {PATH}").strip() == "644 root:root"


@pytest.mark.slow
def test_with_one_node_down_and_one_with_an_old_manifest(running: Scratch) -> None:
    holder = running.holder()
    old, down = (name for name in running.nodes() if name != holder)
    running.docker("pause", running.nodes()[old])
    try:
        # Two may be out, so that the others are changed while this one is silent.
        change_two_at_a_time(running, "old", 2)
        running.apply(exits=4)
    finally:
        running.docker("unpause", running.nodes()[old])
    running.docker("pause", running.nodes()[down])
    try:
        lose(running)
        done = running.dynia("state", "rebuild", "--yes", "--cluster", running.name, exits=4)
        assert f"{old}: its manifest is older" in words(done)
        assert f"{down}: not observed" in words(done)
        assert running.dynia("plan", exits=4).exit == 4
    finally:
        running.docker("unpause", running.nodes()[down])
    running.apply()
    settled(running)


@pytest.mark.slow
def test_in_the_middle_of_a_rollout(running: Scratch) -> None:
    change(running, "cut")
    begun = running.begin("apply", "--yes")
    until = time.monotonic() + 60
    while begun.poll() is None and time.monotonic() < until:
        open_steps = open_store(running.folder, make=False).unfinished(running.name)
        if any(one.step.endswith("service/hello/push") for one in open_steps):
            break
        time.sleep(0.01)
    assert begun.poll() is None, "the apply ended before it could be cut"
    running.kill(begun)
    lose(running)
    done = running.dynia("state", "rebuild", "--yes", "--cluster", running.name)
    assert "hello" in words(done)
    running.apply()
    settled(running)


@pytest.mark.slow
def test_an_older_copy_of_the_state_is_refused_and_made_new(running: Scratch) -> None:
    copy = running.dynia("state", "pull").stdout
    change(running, "newer")
    running.apply()
    lose(running)
    running.write("copy.json", copy)
    running.dynia("state", "push", "copy.json", "--yes")
    refused = running.apply(exits=1)
    assert "this state is not the newest" in words(refused)
    running.dynia("state", "rebuild", "--yes", "--cluster", running.name)
    settled(running)
