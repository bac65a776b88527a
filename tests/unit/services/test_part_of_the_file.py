"""An apply of a part of the file: it ends well, the state knows that the rest is left, and the next apply does it."""

from __future__ import annotations

import click
import msgspec
import pytest

from dynia.commands.options import part_of
from dynia.commands.saved import part_taken_up
from dynia.commands.scoped import of_part
from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import Refused
from dynia.interfaces.requests import ApplyRequest, Part, Target
from dynia.services.planning.plan import Plan
from dynia.services.planning.stale import Reviewed
from dynia.services.saved_plan import SavedPlan, decode, encode
from tests.fakes.cloud import Cloud, Engine, applied, survived
from tests.fakes.disk import FakeDisk
from tests.plans import worlds
from tests.unit.services.test_drained import haproxy
from tests.unit.services.test_way_back import sick_on

replace = msgspec.structs.replace


def spec(level: int) -> ClusterSpec:
    return worlds.cluster(
        services=(
            worlds.service(config=f"level = {level}\n"),
            worlds.service("site", config=f"level = {level}\n"),
        )
    )


def engine(cloud: Cloud, disk: FakeDisk, wanted: ClusterSpec, *targets: str, node: str = "") -> Engine:
    made = Engine(cloud, disk, wanted)
    made.run.session = of_part(made.run.session, Part(targets=targets, replace=node))
    return made


@pytest.fixture
def start() -> tuple[Cloud, FakeDisk]:
    cloud, disk = applied(spec(1))
    haproxy(cloud)
    return cloud, disk


def test_it_ends_well_and_makes_no_generation_until_the_rest_is_done(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    one = engine(cloud, disk, spec(2), "api")
    done = one.apply()
    home = one.store.state.cluster("prod")
    assert (done.exit_code, done.last.steps, done.left) == (0, (), ())
    assert home is not None and home.generation == 1 and done.last.part
    assert [w.subject for w in done.last.waiting] == ["service site"]
    later = survived(disk)
    rest = Engine(cloud, later, spec(2))
    assert {line.subject for line in rest.plan().changes} == {"Caddyfile", "service site"}
    assert rest.apply().exit_code == 0
    after = rest.store.state.cluster("prod")
    assert after is not None and after.generation == 2
    assert Engine(cloud, survived(later), spec(2)).plan().empty


def test_a_saved_plan_knows_what_it_is_of(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    plan = engine(cloud, disk, spec(2), "api").plan()
    saved = SavedPlan(by="me", at=1, commit="", tool="2.0", plan=plan)
    again: Plan = decode(encode(saved), "prod.plan").plan
    request = ApplyRequest(target=Target(), plan_file="prod.plan")
    taken = part_taken_up(request, Reviewed(digest=again.digest, plan=again))
    assert taken == Part(targets=("service/api",))
    assert engine(cloud, disk, spec(2), *taken.targets).plan().digest == plan.digest
    said = Part(excludes=("site",))
    assert part_taken_up(replace(request, plan_file="", part=said), None) == said


def test_a_node_is_replaced_as_a_part_of_a_plan(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    old = Engine(cloud, survived(disk), spec(2)).store.state.nodes_of("prod")[1].name
    plan = engine(cloud, disk, spec(2), node=old).plan()
    assert plan.replaces == old and not plan.part
    assert {f"node {old}", "service api", "service site"} <= {line.subject for line in plan.changes}
    with pytest.raises(Refused, match="has no node nobody"):
        engine(cloud, disk, spec(2), node="nobody")


def test_a_node_that_is_replaced_is_so_with_all_that_the_file_wants() -> None:
    assert part_of(("api",), (), "") == Part(targets=("api",))
    for targets, excludes in ((("api",), ()), ((), ("api",))):
        with pytest.raises(click.UsageError, match="without --target"):
            part_of(targets, excludes, "misty-owl")


def test_nothing_is_looked_at_for_a_name_that_names_nothing(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    with pytest.raises(Refused, match="--target apj: cluster prod has no node, service or component"):
        engine(cloud, disk, spec(2), "apj")


def test_the_way_back_of_a_part_is_one_of_all(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    assert engine(cloud, disk, spec(2), "site").apply().exit_code == 0
    sick_on(cloud, 2, 2)
    later = survived(disk)
    done = engine(cloud, later, spec(2), "api").apply()
    assert done.exit_code == 8 and done.back is not None and done.back.whole
    cloud.lie = lambda what, node: None
    assert Engine(cloud, survived(later), spec(1)).plan().empty, "nor is anything left that came before it"
