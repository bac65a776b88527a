"""A node is silent (paused) while a change is pending: named, not waited for, not lied about, finished later."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.remains import check_nothing_is_left
from tests.e2e.scratch import Run, Scratch

pytestmark = pytest.mark.lab

TURN = "docker inspect dynia-hello-web-1 --format '{{range .Config.Env}}{{println .}}{{end}}' | sed -n 's/^TURN=//p'"
CONTAINER = "docker inspect dynia-hello-web-1 --format '{{.Id}} {{.State.StartedAt}}'"


@pytest.fixture
def paused(running: Scratch) -> Iterator[str]:
    """A node that is not the holder, paused; it is let go on at the end in any case."""
    silent = next(name for name in running.nodes() if name != running.holder())
    running.docker("pause", running.nodes()[silent])
    yield silent
    running.docker("unpause", running.nodes()[silent], check=False)


def change(cluster: Scratch, turn: str, max_unavailable: int) -> None:
    """The service gets another environment, so its container must be made again on every node."""
    cluster.write_clusters()
    cluster.edit(
        "clusters.yaml",
        "    services:",
        f"    rollout: {{max_unavailable: {max_unavailable}}}\n    services:",
    )
    compose = (cluster.folder / "compose.yaml").read_text().partition("    environment:")[0]
    cluster.write("compose.yaml", f"{compose.rstrip()}\n    environment:\n      TURN: {turn}\n")


def limit(told: Run, printed: str) -> float:
    """What a plan says that it takes at most, in seconds; without steps, how long a node is waited for."""
    most = json.loads(told.stdout)["summary"]["atMostSeconds"]
    if most:
        return float(most)
    waited = re.search(r"no answer .*within (\d+) s", printed)
    assert waited, f"the plan prints no timeout: {printed}"
    return int(waited[1]) + 15.0


# With one node out and one allowed to be out, nobody else may be touched; with two allowed, one after the other.
@pytest.mark.parametrize("max_unavailable", [pytest.param(2, marks=pytest.mark.slow), 1])
def test_a_silent_node_with_a_change_pending(running: Scratch, paused: str, max_unavailable: int) -> None:
    others = [name for name in running.nodes() if name != paused]
    before = {name: running.sh(name, CONTAINER) for name in others}
    turn = f"turn-{max_unavailable}"
    change(running, turn, max_unavailable)

    with ThreadPoolExecutor() as both:
        planned = both.submit(running.dynia, "plan", "--detailed-exitcode", exits=4)
        drifted = both.submit(running.dynia, "drift", exits=4)
        told = both.submit(running.dynia, "plan", "--json", exits=4)
    for run in (planned.result(), drifted.result()):
        (line,) = (one for one in run.stdout.splitlines() if one.split()[:2] == ["?", paused])
        assert "no answer" in line, str(run)

    words = " ".join(planned.result().stdout.split())
    if max_unavailable == 1:
        for name in others:
            assert f"{name}/service/hello/push would leave hello on 1 of 3 nodes, and 2 must serve" in words

    apply = running.apply(exits=4)
    most = limit(told.result(), planned.result().stdout)
    print(f"max_unavailable {max_unavailable}: told limit {most:g} s; apply took {apply.seconds:.1f} s")
    assert apply.seconds <= most
    assert paused in apply.stdout + apply.stderr, str(apply)
    touched = [name for name in others if running.sh(name, CONTAINER) != before[name]]
    assert touched == (others if max_unavailable == 2 else []), "not what may be taken out"
    assert running.get()

    running.docker("unpause", running.nodes()[paused])
    running.apply()
    assert {name: running.sh(name, TURN).strip() for name in running.nodes()} == dict.fromkeys(
        running.nodes(), turn
    )
    assert running.dynia("plan", "--detailed-exitcode").exit == 0
    # What was done now tells how long the next change takes.
    change(running, "turn-of-another-day", max_unavailable)
    words = " ".join(running.dynia("plan", "--detailed-exitcode", exits=2).stdout.split())
    assert re.search(r"\babout \d+ (s|min)\b", words), words
    change(running, turn, max_unavailable)
    check_nothing_is_left(running, nodes=3, services=("hello",))
