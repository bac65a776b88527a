"""A command that runs once before a release, on real nodes: one marker in the whole cluster; one that fails leaves all as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.look import look, touched
from tests.e2e.pair import CLUSTERS, COMPOSE, check_settled, paint, write_pair
from tests.e2e.scratch import Scratch
from tests.e2e.visitor import Visitors

pytestmark = [pytest.mark.lab, pytest.mark.slow]

MARKER = "/srv/marker/ran"
# The host's own folder is mounted, so that what it leaves there can be counted.
MOUNTED = COMPOSE.replace("/etc/greeting:ro", '/etc/greeting:ro", "/srv/marker:/srv/marker')
SAYS = """echo "$COLOUR $(cat /etc/greeting/text)" >>/srv/marker/ran"""


def before_it(cluster: Scratch, script: str) -> None:
    once = f"        volumes: per-node\n        pre_deploy: [sh, -c, {script!r}]\n"
    text = CLUSTERS.format(name=cluster.name, nodes=3, entry="vip")
    cluster.write("clusters.yaml", text + once)


def markers(cluster: Scratch) -> list[str]:
    found = (cluster.sh(node, f"cat {MARKER} 2>/dev/null || :").splitlines() for node in cluster.nodes())
    return [line for lines in found for line in lines]


@pytest.fixture(autouse=True)
def settled(pair: Scratch) -> Iterator[None]:
    write_pair(pair)
    pair.write("compose.yaml", MOUNTED)
    before_it(pair, SAYS)
    pair.apply()
    for node in pair.nodes():
        pair.sh(node, f"rm -f {MARKER}")
    yield
    write_pair(pair)
    pair.apply()
    check_settled(pair)


def test_it_runs_once_in_three_nodes_with_what_the_release_has(pair: Scratch) -> None:
    paint(pair, "green")
    pair.write("greeting/text", "good evening\n")
    with Visitors(pair, *pair.nodes()) as visitors:
        pair.apply()
    visitors.check()
    assert markers(pair) == ["green good evening"]
    pair.apply()
    assert markers(pair) == ["green good evening"], "and no more with an apply that has nothing to do"
    for node in pair.nodes():
        left = pair.sh(node, "docker ps -a --format '{{.Names}}'; docker network ls --format '{{.Name}}'")
        assert "pre-deploy" not in left
        assert pair.sh(node, "ls -d /var/lib/dynia/stage.* 2>/dev/null || :") == ""


def test_one_that_fails_leaves_everything_as_it_was(pair: Scratch) -> None:
    before = look(pair)
    paint(pair, "red")
    before_it(pair, 'echo "no column named plan" >&2; exit 3')
    failed = pair.apply(exits=7)
    assert "no column named plan" in failed.stdout + failed.stderr
    assert touched(before, look(pair)) == set()
    before_it(pair, SAYS)
    pair.apply()
    assert markers(pair) == ["red good morning"], "what failed runs again, once it is mended"
