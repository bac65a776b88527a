"""Law 10, the plan's part: what is not ours appears in no step."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, given, settings

from dynia.interfaces.desired import CloudflareDns
from dynia.interfaces.observed import ContainerSeen, DnsRecord, FileSeen, NodeFacts
from dynia.services.actions import PushComponent, RemoveComponent, UnbindDns
from dynia.services.planning.components import DROP_INS
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from tests.examples import examples
from tests.laws.random_worlds import broken_worlds
from tests.plans import worlds
from tests.plans.cases import plain_hosts, settled, three

replace = msgspec.structs.replace
OURS = ("/opt/dynia", "/var/lib/dynia", *DROP_INS)
FOREIGN = ("/etc/haproxy/haproxy.cfg", "/etc/docker/daemon.json", "/srv/data", "/opt/dyniax/file")


def paths_of(plan: Plan) -> set[str]:
    found: set[str] = set()
    for step in (*plan.steps, *plan.later):
        match step.action:
            case PushComponent(write=write, delete=delete):
                found |= {*write, *delete}
            case RemoveComponent(paths=paths):
                found |= {*paths}
    return found


def foreign(facts: NodeFacts) -> NodeFacts:
    """A file and a container that somebody else put on the host."""
    files = tuple(
        FileSeen(path=p, kind="file", mode=0o644, owner="root:root", digest="sha256:" + "f" * 64)
        for p in FOREIGN
    )
    other = ContainerSeen(id="x", name="postgres", image="y", state="running", project="billing")
    return replace(
        facts,
        files=tuple(sorted((*facts.files, *files), key=lambda f: f.path)),
        containers=(*facts.containers, other),
    )


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
def test_only_our_paths_are_ever_written_or_deleted(world: PlanningInput) -> None:
    for path in paths_of(make_plan(world)):
        assert any(path == root or path.startswith(root + "/") for root in OURS), path


def test_foreign_files_and_containers_make_no_step_and_no_drift() -> None:
    world = three()
    for node in world.state.nodes_of("prod"):
        world = worlds.with_facts(world, node.name, foreign)
    plan = make_plan(world)
    assert plan.empty and plan.drift == ()


def test_destroying_plain_hosts_takes_ours_and_nothing_else() -> None:
    world = settled(plain_hosts("one", "two"))
    for name in ("one", "two"):
        world = worlds.with_facts(world, name, foreign)
    plan = make_plan(worlds.wanting(world, None))
    assert plan.steps
    assert not any(path.startswith(root) for path in paths_of(plan) for root in FOREIGN)


def test_a_record_without_our_mark_is_never_removed_even_if_it_is_in_the_way() -> None:
    world = three()
    assert world.desired is not None
    theirs = tuple(
        DnsRecord(record_id=f"r{n}", name=name, type="A", value=value)
        for n, (name, value) in enumerate(
            (("api.example.com", "198.18.0.1"), ("x.example.com", "198.18.7.5"))
        )
    )
    world = replace(
        world,
        desired=replace(world.desired, dns=CloudflareDns(zone="example.com")),
        observed=replace(world.observed, records=theirs),
    )
    plan = make_plan(world)
    assert not [s for s in plan.steps if isinstance(s.action, UnbindDns)]
    assert plan.empty
    assert [w.subject for w in plan.waiting] == ["dns api.example.com"]


def test_a_host_of_another_state_is_left_alone() -> None:
    world = three()
    name = worlds.node_named(world, 2)
    world = worlds.with_facts(
        world, name, lambda f: replace(worlds.edited("/opt/dynia/haproxy/haproxy.cfg")(f), lineage="another")
    )
    plan = make_plan(world)
    assert plan.empty
    assert [(w.subject, "another" in w.reason) for w in plan.waiting] == [(name, True)]
