"""A release that fails on real nodes: all go back in the same run, nobody notices, and the same content is refused."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest

from tests.e2e.look import look, touched
from tests.e2e.pair import COMPOSE, HOME, check_settled, write_pair
from tests.e2e.scratch import Scratch
from tests.e2e.test_bad_days import CUT, HEAL, one_holder, until
from tests.e2e.test_by_hand import FLAG, taking
from tests.e2e.visitor import Visitors

pytestmark = pytest.mark.lab

# Who HAProxy sends the service to, by its own word.
SENT = "curl -s 'http://127.0.0.1:8404/traffic;csv' | sed -n 's/^service-pair,\\([^,.]*\\),.*/\\1/p'"
GOOD = "httpd -f -p 8000 -h /www & wait"
BLUE = "    environment: {COLOUR: blue}\n"
# Without it the container looks well, and only the gate's own request tells.
UNSEEN = re.sub(r"    healthcheck: &answers\n(?:      .*\n)+", "", COMPOSE, count=1).replace(
    "    healthcheck: *answers\n", ""
)
SICK = {
    "dies": (COMPOSE, "httpd -f -p 8000 -h /www & sleep 5; exit 3"),
    "answers an error": (UNSEEN, "httpd -f -p 8000 -h /nothing & wait"),
    "never healthy": (COMPOSE, "sleep 600 & wait"),
    "on the second node": (
        COMPOSE,
        f"case $$(cat /etc/node-name) in NODE) sleep 600 & wait;; *) {GOOD};; esac",
    ),
}


def running(text: str, script: str) -> str:
    """The compose file with this as the command of the routed container."""
    command = json.dumps(["sh", "-c", f"trap 'exit 0' TERM INT; echo 'this is the one'; {script}"])
    return text.replace(BLUE, f"    command: {command}\n")


def in_haste(cluster: Scratch) -> None:
    write_pair(cluster)
    cluster.edit(
        "clusters.yaml", "    services:\n", "    rollout: {health_timeout: 20s, monitor: 8s}\n    services:\n"
    )


@pytest.fixture(autouse=True)
def settled(pair: Scratch) -> Iterator[None]:
    """A test begins and ends with nothing to do, in a cluster that watches its releases."""
    in_haste(pair)
    pair.apply()
    yield
    write_pair(pair)
    pair.dynia("unhold", "--cluster", pair.name, exits=None)
    pair.apply()
    check_settled(pair)


def begun(cluster: Scratch) -> bool:
    """Whether the state says that the way back was begun."""
    (home,) = json.loads(cluster.dynia("state", "pull").stdout)["clusters"]
    return bool((home["rollback"] or {}).get("failed"))


@pytest.mark.parametrize(
    "how", ["never healthy", *(pytest.param(h, marks=pytest.mark.slow) for h in SICK if h != "never healthy")]
)
def test_all_nodes_go_back_and_the_same_again_is_refused(pair: Scratch, how: str) -> None:
    before = {node: pair.sh(node, f"cat {HOME}/*.y*ml") for node in pair.nodes()}
    text, script = SICK[how]
    pair.write("compose.yaml", running(text, script))
    second = json.loads(pair.dynia("plan", "--json", exits=None).stdout)["order"][1]
    pair.write("compose.yaml", running(text, script.replace("NODE", second)))
    with Visitors(pair, *pair.nodes()) as visitors:
        run = pair.apply("--json", exits=8)
    visitors.check()
    told = json.loads(run.stdout)
    assert told["rolledBack"]["whole"] and sorted(told["rolledBack"]["nodes"]) == sorted(pair.nodes())
    assert "this is the one" in told["failures"][0]["message"] and "rolled back" in run.stderr
    assert {node: pair.sh(node, f"cat {HOME}/*.y*ml") for node in pair.nodes()} == before
    for node in pair.nodes():
        assert "blue" in pair.sh(node, "docker inspect -f '{{.Config.Env}}' dynia-pair-web-1")
    seen = look(pair)
    refused = pair.apply(exits=1)
    assert "on hold" in refused.stderr and "dynia unhold pair" in refused.stderr
    assert touched(seen, look(pair)) == set()


def test_an_image_that_nobody_has_touches_nothing(pair: Scratch) -> None:
    before = look(pair)
    pair.write("compose.yaml", COMPOSE.replace("dynia-lab/hello:1", "dynia-lab/hello:none", 1))
    refused = pair.apply(exits=1)
    assert "images that nobody has" in refused.stderr
    assert touched(before, look(pair)) == set()


@pytest.mark.slow
def test_killed_on_the_way_back_the_next_rollback_ends_it(pair: Scratch) -> None:
    pair.write("compose.yaml", running(*SICK["never healthy"]))
    runner = pair.begin("apply", "--yes", "--progress", "json", "--cluster", pair.name)
    until = time.monotonic() + 180
    while time.monotonic() < until and not begun(pair):
        assert runner.poll() is None, "it ended before it could be killed"
    pair.kill(runner)
    assert "on hold" in pair.apply("--lock-wait", "2m", exits=1).stderr
    pair.dynia("rollback", "--yes", "--lock-wait", "2m", "--cluster", pair.name)
    assert not begun(pair)
    for node in pair.nodes():
        assert "blue" in pair.sh(node, "docker inspect -f '{{.Config.Env}}' dynia-pair-web-1")
        assert pair.sh(node, "ls /opt/dynia/caddy/drain 2>/dev/null || :") == ""


def good_on(cluster: Scratch, node: str) -> str:
    """The release that passed its gate there, by the state."""
    nodes = json.loads(cluster.dynia("state", "pull").stdout)["nodes"]
    return next(str(n["components"]["service/pair"]) for n in nodes if n["name"] == node)


@pytest.mark.slow
def test_one_that_is_cut_off_serves_nobody_until_it_is_on_what_the_others_have(pair: Scratch) -> None:
    text, script = SICK["on the second node"]
    pair.write("compose.yaml", running(text, script))
    first, second, *_ = json.loads(pair.dynia("plan", "--json", exits=None).stdout)["order"]
    pair.write("compose.yaml", running(text, script.replace("NODE", second)))
    others, before = set(pair.nodes()) - {first}, good_on(pair, first)
    runner = pair.begin("apply", "--yes", "--cluster", pair.name)
    try:
        until(lambda: "yes" if good_on(pair, first) != before else "", seconds=180)
        pair.sh(first, CUT)
        assert runner.wait(timeout=300) == 9
    finally:
        pair.sh(first, HEAL, check=False)
    assert "blue" not in pair.sh(first, "docker inspect -f '{{.Config.Env}}' dynia-pair-web-1")
    for node in others:
        assert set(pair.sh(node, SENT).split()) - {"BACKEND"} == others, node
    until(lambda: one_holder(pair))
    pair.dynia("rollback", "--yes", "--cluster", pair.name)
    for node in pair.nodes():
        assert set(pair.sh(node, SENT).split()) - {"BACKEND"} == set(pair.nodes()), node
        assert "blue" in pair.sh(node, "docker inspect -f '{{.Config.Env}}' dynia-pair-web-1")


@pytest.mark.slow
def test_a_node_that_a_person_drained_goes_back_with_the_others_and_stays_drained(pair: Scratch) -> None:
    everybody = set(pair.nodes())
    away = min(everybody - {pair.holder()})
    pair.edit("clusters.yaml", "rollout: {", "rollout: {max_unavailable: 2, ")
    pair.apply()
    pair.dynia("node", "drain", away, "--yes")
    try:
        text, script = SICK["on the second node"]
        pair.write("compose.yaml", running(text, script))
        first = json.loads(pair.dynia("plan", "--json").stdout)["order"][0]
        assert first != away, "who serves nothing waits for nobody"
        pair.write("compose.yaml", running(text, script.replace("NODE", first)))
        with Visitors(pair, *pair.nodes()) as visitors:
            run = pair.apply("--json", exits=8)
        visitors.check()
        assert json.loads(run.stdout)["rolledBack"]["whole"]
        for node in pair.nodes():
            assert "blue" in pair.sh(node, "docker inspect -f '{{.Config.Env}}' dynia-pair-web-1")
        assert pair.sh(away, f"cat {FLAG}").strip().isdecimal()
        assert taking(pair) == everybody - {away}
        # The file still asks for what failed.
        refused = pair.dynia("restart", "pair", "--yes", exits=1)
        assert "is on hold" in " ".join(refused.stderr.split())
    finally:
        pair.dynia("node", "undrain", away, "--yes")
