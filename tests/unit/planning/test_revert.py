"""What was done by hand is put back by itself: that component on that node, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import CloudflareDns
from dynia.interfaces.errors import Refused
from dynia.services.actions import BindDns
from dynia.services.planning.by_hand import Revert
from dynia.services.planning.drift_items import item
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Drift, Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.revert import refuse_whole
from dynia.services.planning.simulate import simulate
from tests.plans import worlds
from tests.plans.cases import changed, settled

replace = msgspec.structs.replace
HAPROXY, CADDYFILE = "/opt/dynia/haproxy/haproxy.cfg", "/opt/dynia/caddy/Caddyfile"
CONFIG, COMPOSE = "/opt/dynia/services/api/config/app.toml", "/opt/dynia/services/api/docker-compose.yml"


def world(*edits: tuple[int, str]) -> PlanningInput:
    """Three nodes; files of theirs, by the node's number, were edited."""
    given = settled(worlds.cluster(services=(worlds.service(config="a\n"), worlds.worker())))
    for ordinal, path in edits:
        given = worlds.with_facts(given, worlds.node_named(given, ordinal), worlds.edited(path))
    return given


def reverting(given: PlanningInput, *items: str) -> PlanningInput:
    return replace(given, by_hand=Revert(items=items))


def plan(given: PlanningInput, *items: str) -> Plan:
    return make_plan(reverting(given, *items))


def reverted(given: PlanningInput, *items: str) -> PlanningInput:
    """The world afterwards."""
    asked = reverting(given, *items)
    return replace(simulate(asked, make_plan(asked)), by_hand=None)


def names(found: Plan) -> set[str]:
    return {item(drift) for drift in found.drift}


EDITS = ((1, HAPROXY), (2, HAPROXY), (1, CADDYFILE), (2, CONFIG), (3, CONFIG))


@pytest.mark.parametrize("which", range(len(EDITS)))
def test_only_what_was_named_comes_back_and_all_else_stays_as_it_is(which: int) -> None:
    given = world(*EDITS)
    whole = make_plan(given)
    ordinal, path = EDITS[which]
    name = f"{worlds.node_named(given, ordinal)}:{path.removeprefix('/opt/dynia/')}"
    found = plan(given, name)
    assert names(found) == {name}
    assert {step.node for step in found.steps} == {worlds.node_named(given, ordinal)}
    after = reverted(given, name)
    assert names(make_plan(after)) == names(whole) - {name}
    assert not plan(after, name).steps


def test_without_the_node_s_name_it_comes_back_on_every_node() -> None:
    given = world(*EDITS)
    found = plan(given, "haproxy/haproxy.cfg")
    assert {step.node for step in found.steps} == {worlds.node_named(given, n) for n in (1, 2)}
    assert {step.id.split("/", 1)[1] for step in found.steps} == {"haproxy/push"}


def test_a_service_is_drained_and_gated_as_ever_one_node_after_the_other() -> None:
    given = world((2, CONFIG), (3, CONFIG))
    found = plan(given, "services/api/config/app.toml")
    ids = [step.id for step in found.steps]
    for node in (worlds.node_named(given, n) for n in (2, 3)):
        assert [i.removeprefix(f"{node}/") for i in ids if i.startswith(node)] == [
            "drain",
            "service/api/push",
            "service/api/wait",
            "undrain",
        ]
    assert found.effect.serving[0].least == 2


def test_what_comes_back_with_it_is_said() -> None:
    given = world((1, CONFIG), (1, COMPOSE), (1, HAPROXY))
    node = worlds.node_named(given, 1)
    found = plan(given, f"{node}:services/api/config/app.toml")
    assert names(found) == {f"{node}:services/api/config/app.toml", f"{node}:services/api/docker-compose.yml"}
    (line,) = found.changes
    assert line.details == (("with it", "services/api/docker-compose.yml"),)
    assert "comes back whole" in line.why


def test_a_stray_goes_alone() -> None:
    given = world()
    node = worlds.node_named(given, 1)
    for path in ("/opt/dynia/haproxy/one", "/opt/dynia/haproxy/two"):
        given = worlds.with_facts(given, node, worlds.dropped_in(path))
    assert names(make_plan(reverted(given, "haproxy/one"))) == {f"{node}:haproxy/two"}


def test_where_the_file_asks_for_something_else_of_it_nothing_is_applied_by_the_way() -> None:
    services = (worlds.service(config="b\n"), worlds.worker())
    with pytest.raises(Refused, match=r"service api on .* is to change anyway"):
        plan(changed(world((1, CONFIG)), services=services), "services/api/config/app.toml")
    other = changed(world((1, HAPROXY)), services=services)
    assert {s.id.split("/", 1)[1] for s in plan(other, "haproxy/haproxy.cfg").steps} == {"haproxy/push"}


def test_a_record_is_bound_again_and_no_other_one() -> None:
    domains = ("a.example.com", "b.example.com")
    dns = CloudflareDns(zone="example.com", proxied=True)
    given = settled(worlds.cluster(services=(worlds.service(domains=domains),), dns=dns))
    seen = given.observed.records
    assert isinstance(seen, tuple)
    off = tuple(replace(record, proxied=False) for record in seen)
    given = replace(given, observed=replace(given.observed, records=off))
    found = plan(given, "dns a.example.com")
    assert [s.action.domain for s in found.steps if isinstance(s.action, BindDns)] == ["a.example.com"]
    assert len(found.steps) == 1 and names(found) == {"dns a.example.com"}


def test_what_cannot_come_back_alone_is_told_from_what_can() -> None:
    split = Drift(
        node="", kind="reserved_ip", subject="198.18.0.9", category="split", detail="two", remedy="look"
    )
    with pytest.raises(Refused, match="comes back with the rest only") as error:
        refuse_whole([split])
    assert error.value.hint == "look"
    refuse_whole(make_plan(world(*EDITS)).drift)
