"""A real machine takes the place of another one, and nobody who visits notices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.e2e.pair import check_settled, write_pair
from tests.e2e.scratch import Scratch, applied
from tests.e2e.twin_cloud import until
from tests.e2e.visitor import POST, Visitors

pytestmark = [pytest.mark.lab, pytest.mark.slow]


def machines(cluster: Scratch) -> dict[str, str]:
    """The container of each node, by its id."""
    listed = cluster.docker("inspect", "--format", "{{.Name}} {{.Id}}", *cluster.nodes().values())
    ids = dict(line.removeprefix("/").split() for line in listed.splitlines())
    return {node: ids[name] for node, name in cluster.nodes().items()}


def beside(cluster: Scratch) -> str:
    return min(set(cluster.nodes()) - {cluster.holder()})


def check_serves(cluster: Scratch, node: str) -> None:
    told = cluster.sh(
        node, "docker ps --filter label=com.docker.compose.project=dynia-pair --format '{{.Names}}'"
    )
    assert sorted(told.split()) == ["dynia-pair-side-1", "dynia-pair-web-1"]
    assert "good morning" in cluster.get(f"{cluster.address(node)}:80")


def test_another_machine_takes_the_place_of_a_node_and_no_request_is_lost(pair: Scratch) -> None:
    before, old = machines(pair), beside(pair)
    with Visitors(pair, *(set(before) - {old}), kind=POST) as visitors:
        run = pair.dynia("node", "replace", old, "--yes")
    visitors.check()
    after = machines(pair)
    (new,) = after.keys() - before.keys()
    assert before.keys() - after.keys() == {old} and len(after) == 3
    assert all(after[node] == before[node] for node in after if node != new)
    assert f"{new}: done: create node {new}" in run.stdout
    check_serves(pair, new)
    check_settled(pair)


def test_the_holder_hands_the_address_over_before_it_goes(pair: Scratch) -> None:
    before, old = machines(pair), pair.holder()
    with Visitors(pair, *(set(before) - {old}), kind=POST) as visitors:
        pair.dynia("node", "replace", old, "--yes")
    visitors.check()
    assert old not in machines(pair) and pair.holder() in before
    check_settled(pair)


def test_a_node_that_says_nothing_goes_too(pair: Scratch) -> None:
    old = beside(pair)
    pair.docker("pause", pair.nodes()[old])
    left = pair.apply(exits=4)
    assert "`dynia node replace NAME`" in " ".join((left.stdout + left.stderr).split())
    pair.dynia("node", "replace", old, "--yes")
    assert old not in pair.nodes() and len(pair.nodes()) == 3
    check_settled(pair)


def test_one_that_is_killed_half_way_is_gone_on_with(pair: Scratch) -> None:
    old = beside(pair)
    begun = pair.begin("node", "replace", old, "--yes")
    until(lambda: len(pair.nodes()) == 4)
    pair.kill(begun)
    pair.dynia("node", "replace", old, "--yes")
    assert old not in pair.nodes() and len(pair.nodes()) == 3
    check_settled(pair)


@pytest.fixture(scope="module")
def own(lab: Lab) -> Iterator[Scratch]:
    with applied(lab, "r", write_pair) as made:
        yield made


def test_another_image_in_the_file_replaces_every_machine(own: Scratch) -> None:
    before = machines(own)
    used = own.docker("inspect", "--format", "{{.Config.Image}}", next(iter(own.nodes().values()))).strip()
    other = f"dynia-lab/other:{own.name}"
    own.docker("tag", used, other)
    try:
        own.edit("clusters.yaml", "{kind: docker}", f"{{kind: docker, image: '{other}'}}")
        with Visitors(own, kind=POST) as visitors:
            own.apply(timeout=900)
        visitors.check()
        after = machines(own)
        assert len(after) == 3 and not before.keys() & after.keys()
        for node, container in own.nodes().items():
            assert own.docker("inspect", "--format", "{{.Config.Image}}", container).strip() == other
            check_serves(own, node)
        check_settled(own)
    finally:
        own.docker("rmi", other, check=False)
