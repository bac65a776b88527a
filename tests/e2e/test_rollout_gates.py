"""A rollout that stops for a person, and one that leaves a node behind: what is on which real node then."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.look import look, touched
from tests.e2e.pair import check_settled, paint, write_pair
from tests.e2e.scratch import Scratch
from tests.e2e.test_release_fails import GOOD, SICK, running
from tests.e2e.visitor import Visitors

pytestmark = [pytest.mark.lab, pytest.mark.slow]


@pytest.fixture(autouse=True)
def settled(pair: Scratch) -> Iterator[None]:
    """A test ends with nothing to do, on what it began with."""
    yield
    write_pair(pair)
    pair.dynia("unhold", "--cluster", pair.name, exits=None)
    pair.apply()
    check_settled(pair)


def rollout(cluster: Scratch, said: str) -> None:
    cluster.edit("clusters.yaml", "    services:\n", f"    rollout: {{{said}}}\n    services:\n")
    cluster.apply()


def coloured(cluster: Scratch, colour: str) -> set[str]:
    """The nodes whose container was made with it, by Docker's word."""
    asked = "docker inspect -f '{{.Config.Env}}' dynia-pair-web-1"
    return {node for node in cluster.nodes() if f"COLOUR={colour}" in cluster.sh(node, asked)}


def test_a_new_release_waits_on_its_canary_until_a_person_lets_it_go_on(pair: Scratch) -> None:
    rollout(pair, "pause_after_canary: true")
    paint(pair, "green")
    with Visitors(pair, *pair.nodes()) as visitors:
        told = json.loads(pair.apply("--json", exits=10).stdout)
    visitors.check()
    (canary,) = told["plan"]["order"]
    assert canary != pair.holder() and coloured(pair, "green") == {canary}
    (waits,) = told["left"]
    assert canary in waits["reason"] and "dynia apply --resume" in waits["reason"]
    seen = look(pair)
    again = pair.apply(exits=10)
    assert touched(seen, look(pair)) == set() and "--resume" in again.stdout
    assert "Paused: service pair" in pair.dynia("drift").stdout
    with Visitors(pair, *pair.nodes()) as visitors:
        pair.apply("--resume")
    visitors.check()
    assert coloured(pair, "green") == set(pair.nodes())
    assert pair.dynia("plan", "--detailed-exitcode").exit == 0


def test_another_release_has_a_canary_of_its_own_and_the_former_one_is_no_news(pair: Scratch) -> None:
    rollout(pair, "pause_after_canary: true")
    paint(pair, "teal")
    pair.apply(exits=10)
    paint(pair, "plum")
    pair.apply("--resume", exits=10)
    assert len(coloured(pair, "plum")) == 1 and len(coloured(pair, "blue")) == 2
    pair.dynia("plan", "--resume", "--out", "plum.plan")
    paint(pair, "blue")
    assert pair.dynia("apply", "plum.plan", exits=6).stderr
    pair.apply()
    assert coloured(pair, "blue") == set(pair.nodes())


def test_one_node_may_fail_and_the_others_go_on_without_it(pair: Scratch) -> None:
    rollout(pair, "max_unavailable: 2, max_failures: 1, health_timeout: 20s")
    text, script = SICK["on the second node"]
    pair.write("compose.yaml", running(text, script))
    first, second, last = json.loads(pair.dynia("plan", "--json").stdout)["order"]
    assert last == pair.holder()
    pair.write("compose.yaml", running(text, script.replace("NODE", second)))
    with Visitors(pair, *pair.nodes()) as visitors:
        told = json.loads(pair.apply("--json", exits=7).stdout)
    visitors.check()
    assert told["rolledBack"] is None and {one["node"] for one in told["failures"]} == {second}
    asked = "docker inspect -f '{{.Config.Cmd}} {{.State.Health.Status}}' dynia-pair-web-1"
    for node in (first, last):
        assert "this is the one" in (said := pair.sh(node, asked)) and said.split()[-1] == "healthy"
    pair.write("compose.yaml", running(text, GOOD))
    with Visitors(pair, *pair.nodes()) as visitors:
        pair.apply()
    visitors.check()
