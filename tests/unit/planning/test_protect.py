"""A protected cluster loses no machine, volume or address by any plan; what is no loss goes on."""

from __future__ import annotations

from dataclasses import replace as with_fields

import msgspec
import pytest

from dynia.interfaces.desired import ClusterSpec, DigitalOceanProvider, NoEntry
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import ProviderNode
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.protect import APPLIED, protected_by, refuse_losses
from dynia.state.model import Cluster, Intent, PutIntent, State, change
from tests.fakes.cloud import Engine, applied, yes
from tests.fakes.time_that_jumps import run
from tests.plans import worlds
from tests.plans.cases import changed, destroy, destroy_hosts, plain_hosts, scale_down, settled, three

replace = msgspec.structs.replace
HERE = "clusters.yaml:9:14"


def guarded(given: PlanningInput) -> PlanningInput:
    return replace(given, protect=HERE)


def lost(given: PlanningInput) -> list[str]:
    assert make_plan(given).losses == ()
    return [loss.subject for loss in make_plan(guarded(given)).losses]


def with_service(volumes: bool) -> PlanningInput:
    kept = "per-node" if volumes else "refuse"
    given = settled(worlds.cluster(services=(worlds.service(), worlds.service("db", volumes=kept))))
    return changed(given, services=(worlds.service(),))


def test_nodes_that_leave_the_file_are_named() -> None:
    given = scale_down()
    names = [f"node {worlds.node_named(given, ordinal)}" for ordinal in (3, 4)]
    assert sorted(lost(given)) == sorted(names)
    hosts = settled(plain_hosts("one", "two"))
    spec = hosts.desired
    assert spec is not None
    assert lost(changed(hosts, nodes=1, hosts=spec.hosts[:1])) == ["node two"]


def test_a_cluster_that_is_destroyed_loses_all_of_it() -> None:
    given = destroy()
    nodes = [f"node {node.name}" for node in given.state.nodes_of("prod")]
    found = lost(given)
    assert found[:3] == nodes and found[3].startswith("reserved IP ") and len(found) == 4
    assert lost(destroy_hosts()) == ["node one", "node two"]


def test_an_address_that_the_file_no_longer_asks_for_is_one() -> None:
    (found,) = lost(changed(three(), entry=NoEntry()))
    assert found.startswith("reserved IP ")


def test_a_service_that_keeps_data_is_one_and_another_is_not() -> None:
    assert lost(with_service(volumes=True)) == ["service db"]
    assert lost(with_service(volumes=False)) == []


def test_of_a_service_that_an_older_dynia_applied_it_is_not_known_so_it_is_one() -> None:
    given = with_service(volumes=False)
    unknown = tuple(replace(d, volumes=None) for d in given.state.deployments)
    assert lost(replace(given, state=replace(given.state, deployments=unknown))) == ["service db"]


def test_a_machine_that_no_node_is_is_one_unless_a_create_of_ours_was_cut() -> None:
    given = three()
    listed = given.observed.provider_nodes
    assert isinstance(listed, tuple)
    stray = ProviderNode(provider_id="box-9", name="odd-owl", ordinal=9, status="running")
    given = replace(given, observed=replace(given.observed, provider_nodes=(*listed, stray)))
    assert lost(given) == ["machine odd-owl"]
    begun = Intent(cluster="prod", step="odd-owl/create", kind="node", ordinal=9, name="odd-owl")
    assert lost(replace(given, state=change(given.state, PutIntent(intent=begun)))) == []


def replaced(volumes: str = "refuse", nodes: int = 3) -> PlanningInput:
    """The file orders other machines by now."""
    cloud = DigitalOceanProvider(region="lon1", size="small")
    services = (worlds.service(volumes=volumes),)
    given = settled(worlds.cluster(services=services, provider=cloud, entry=NoEntry()))
    assert all(node.order for node in given.state.nodes_of("prod"))
    return changed(given, provider=replace(cloud, size="large"), nodes=nodes)


def test_one_that_is_replaced_is_none_while_no_data_goes_with_it() -> None:
    given = replaced()
    assert any(line.sign == "-" for line in make_plan(given).changes) and lost(given) == []
    assert lost(replaced(volumes="per-node")) != []


def test_fewer_nodes_are_not_hidden_by_other_machines_for_the_rest() -> None:
    assert len(lost(replaced(nodes=2))) == 1


def test_who_names_a_node_has_said_which() -> None:
    given = settled(worlds.cluster(services=(worlds.service(volumes="per-node"),)))
    assert lost(replace(given, replace=worlds.node_named(given, 2))) == []


def test_what_changes_and_what_comes_is_no_loss() -> None:
    assert lost(changed(three(), nodes=5)) == []
    assert lost(changed(three(), services=(worlds.service(image="registry.example/api:1.9"),))) == []


def refusal(plan: Plan) -> Refused:
    with pytest.raises(Refused) as caught:
        refuse_losses(plan)
    return caught.value


def test_the_refusal_names_what_where_and_what_to_do() -> None:
    error = refusal(make_plan(guarded(scale_down())))
    assert error.exit_code == 1
    assert f"cluster prod is protected ({HERE})" in error.message
    assert worlds.node_named(scale_down(), 4) in error.message
    assert "nothing was touched" in error.hint and "`protect`" in error.hint
    gone = refusal(make_plan(replace(destroy(), protect=APPLIED)))
    assert "put its entry back" in gone.hint


def test_where_it_is_protected_is_no_part_of_the_digest() -> None:
    given = changed(three(), nodes=4)
    assert make_plan(guarded(given)).digest == make_plan(given).digest


@pytest.mark.parametrize("said", ["", HERE])
def test_while_the_file_has_it_the_files_word_counts(said: str) -> None:
    state = State(clusters=(Cluster(name="prod", provider="docker", protect=True),))
    assert protected_by(worlds.cluster(protect=said), state, "prod") == said
    assert protected_by(None, state, "prod") == APPLIED
    assert protected_by(None, State(), "prod") == ""


SPEC: ClusterSpec = worlds.cluster(services=(worlds.service(),), nodes=3)


def engine(start: tuple[object, object], spec: ClusterSpec | None, protect: str) -> Engine:
    cloud, disk = start
    made = Engine(cloud, disk, spec)  # type: ignore[arg-type]
    made.run.session = with_fields(made.run.session, protect=protect)
    return made


def test_an_apply_of_it_touches_nothing_even_after_a_yes() -> None:
    start = applied(SPEC)
    before = start[0].truth()
    one = engine(start, replace(SPEC, nodes=2), HERE)
    with pytest.raises(Refused, match="is protected"):
        run(one.run.apply(yes))
    assert start[0].truth() == before and len(one.store.state.nodes_of("prod")) == 3


def test_an_apply_with_nothing_to_do_remembers_it_and_makes_no_generation() -> None:
    start = applied(SPEC)
    one = engine(start, SPEC, HERE)
    before = one.store.state.cluster("prod")
    assert one.apply().exit_code == 0
    after = one.store.state.cluster("prod")
    assert before is not None and after is not None
    assert (before.protect, after.protect) == (False, True)
    assert after.generation == before.generation
