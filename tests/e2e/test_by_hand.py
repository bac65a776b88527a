"""What a person asks for on real nodes that no file says: nobody who visits notices."""

from __future__ import annotations

import pytest

from tests.e2e.pair import check_settled, paint, write_pair
from tests.e2e.scratch import Scratch
from tests.e2e.visitor import POST, Visitors

pytestmark = pytest.mark.lab


def containers(cluster: Scratch, node: str, project: str = "dynia-pair") -> set[str]:
    told = cluster.sh(node, f"docker ps -q --no-trunc --filter label=com.docker.compose.project={project}")
    return set(told.split())


def test_a_restart_makes_all_containers_of_a_service_again_and_loses_nothing(pair: Scratch) -> None:
    before = {node: containers(pair, node) for node in pair.nodes()}
    caddy = {node: containers(pair, node, "dynia-caddy") for node in pair.nodes()}
    generation = pair.state()["clusters"][0]["generation"]
    with Visitors(pair, *pair.nodes(), kind=POST) as visitors:
        run = pair.dynia("restart", "pair", "--yes")
    visitors.check()
    for node in pair.nodes():
        assert f"{node}: done: restart service/pair" in run.stdout
        after = containers(pair, node)
        assert len(after) == len(before[node]) == 2 and not after & before[node]
        assert containers(pair, node, "dynia-caddy") == caddy[node]
    assert pair.state()["clusters"][0]["generation"] == generation
    check_settled(pair)


def test_a_restart_is_refused_where_the_service_is_to_change(pair: Scratch) -> None:
    before = {node: containers(pair, node) for node in pair.nodes()}
    paint(pair, "pink")
    run = pair.dynia("restart", "pair", "--yes", exits=1)
    assert "service pair is to change, on " in run.stderr and "`dynia apply`" in run.stderr
    assert {node: containers(pair, node) for node in pair.nodes()} == before
    write_pair(pair)
    check_settled(pair)
