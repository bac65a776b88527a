"""What goes in numbers is counted by kind: one thing alone is seen by everybody, unless data goes with it."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import DigitalOceanProvider, NoEntry
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.mass import in_words, much
from dynia.services.planning.planner import make_plan
from tests.plans import worlds
from tests.plans.cases import changed, destroy, first_deploy, settled

replace = msgspec.structs.replace


def said(given: PlanningInput) -> str:
    return in_words(much(make_plan(given)))


def services(number: int, volumes: str = "refuse") -> tuple[worlds.Service, ...]:
    return tuple(worlds.service(f"s{n}", volumes=volumes) for n in range(number))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [(4, 2, "2 of 4 nodes"), (6, 4, ""), (5, 3, "2 of 5 nodes"), (3, 2, ""), (2, 1, ""), (3, 5, "")],
)
def test_more_than_a_third_of_the_nodes(before: int, after: int, words: str) -> None:
    assert said(changed(settled(worlds.cluster(before)), nodes=after)) == words


@pytest.mark.parametrize(
    ("before", "after", "words"), [(4, 2, "2 of 4 services"), (6, 4, ""), (1, 0, ""), (2, 1, "")]
)
def test_more_than_a_third_of_the_services(before: int, after: int, words: str) -> None:
    given = settled(worlds.cluster(services=services(before)))
    assert said(changed(given, services=services(after))) == words


def test_one_alone_counts_where_data_goes_with_it() -> None:
    kept = services(2, volumes="per-node")
    given = settled(worlds.cluster(services=kept))
    assert said(changed(given, services=kept[:1])) == "1 of 2 services"
    assert said(changed(settled(worlds.cluster(2, services=kept)), nodes=1)) == "1 of 2 nodes"
    many = services(4, volumes="per-node")
    assert said(changed(settled(worlds.cluster(services=many)), services=many[:3])) == ""


def test_each_kind_is_counted_by_itself() -> None:
    given = settled(worlds.cluster(4, services=services(4)))
    assert said(changed(given, nodes=2, services=services(2))) == "2 of 4 nodes and 2 of 4 services"
    assert said(changed(given, nodes=3, services=services(2))) == "2 of 4 services"


def test_nothing_is_counted_of_a_first_deploy_nor_of_a_cluster_that_is_destroyed() -> None:
    assert make_plan(first_deploy()).effect.destroyed == ()
    assert make_plan(destroy()).effect.destroyed == ()


def test_machines_in_whose_place_others_come_are_not_counted_and_fewer_of_them_are() -> None:
    cloud = DigitalOceanProvider(region="lon1", size="small")
    given = settled(worlds.cluster(4, provider=cloud, entry=NoEntry()))
    other = replace(cloud, size="large")
    assert said(changed(given, provider=other)) == ""
    assert said(changed(given, provider=other, nodes=2)) == "2 of 4 nodes"
