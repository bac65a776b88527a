"""Laws 1, 2, 4 and 10 for names, in zones where anything may stand."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings

from dynia.interfaces.desired import ZoneDns
from dynia.interfaces.observed import DnsRecord, NotObserved
from dynia.services.actions import BindDns, UnbindDns
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Step
from dynia.services.planning.planner import make_plan
from dynia.services.planning.replacing import PASSES
from dynia.services.planning.restrict import CLOUD
from dynia.services.planning.zones import Zone, find_zone
from tests.examples import examples
from tests.laws.random_zones import zones
from tests.plans import worlds


def records(world: PlanningInput) -> dict[str, DnsRecord]:
    seen = world.observed.records
    assert not isinstance(seen, NotObserved)
    return {r.record_id: r for r in seen}


def name_steps(steps: tuple[Step, ...]) -> list[BindDns | UnbindDns]:
    return [s.action for s in steps if isinstance(s.action, BindDns | UnbindDns)]


@settings(max_examples=examples(150))
@given(zones())
def test_an_apply_leads_to_a_plan_that_touches_no_name(world: PlanningInput) -> None:
    _, end = worlds.passes(world, PASSES)
    plan = make_plan(end)
    assert plan.empty
    assert [d for d in plan.drift if not d.remedy.startswith("left as it is")] == []
    assert not [line for line in plan.changes if line.subject.startswith("dns ")]


@settings(max_examples=examples(150))
@given(zones())
def test_what_is_not_ours_stays_unless_the_file_says_adopt_and_then_the_plan_shows_it(
    world: PlanningInput,
) -> None:
    before = records(world)
    foreign = {key: r for key, r in before.items() if not r.ours}
    plans, end = worlds.passes(world, PASSES)
    after = records(end)
    lost = {key: r for key, r in foreign.items() if after.get(key) != r}
    dns = world.desired.dns if world.desired else None
    assert not lost or (isinstance(dns, ZoneDns) and dns.adopt)
    shown = {detail for plan in plans for line in plan.changes for detail in line.details}
    drift = " ".join(d.detail for plan in plans for d in plan.drift)
    for record in lost.values():
        was = f"{record.type} {record.value}"
        assert ("taken over", f"was {was}") in shown or was in drift
    for plan in plans:
        for action in name_steps(plan.steps):
            assert not isinstance(action, UnbindDns) or action.found.ours


@settings(max_examples=examples(150))
@given(zones())
def test_names_lead_to_the_reserved_ip_or_to_each_other_and_never_to_a_node(world: PlanningInput) -> None:
    _, end = worlds.passes(world, PASSES)
    spec = end.desired
    assert spec is not None
    domains = {d for s in spec.services for d in s.domains}
    # What waits for a person, or was never looked at, is as it was.
    held = {w.subject.removeprefix("dns ") for w in make_plan(end).waiting if not w.final}
    looked_at = isinstance(find_zone(end), Zone)
    ours = [r for r in records(end).values() if r.ours and r.name not in held and looked_at]
    assert {(r.type, r.value) for r in ours if r.type != "CNAME"} <= {("A", "198.18.7.5")}
    assert all(r.value in domains for r in ours if r.type == "CNAME")
    nodes = {n.address for n in end.state.nodes_of("prod")}
    assert not nodes & {r.value for r in ours}
    # one record a name, and nothing beside a CNAME
    assert len({r.name for r in ours}) == len(ours)


@settings(max_examples=examples(100))
@given(zones())
def test_every_step_carries_what_stood_at_its_name(world: PlanningInput) -> None:
    """So that a deed can tell whether it still does."""
    there = records(world)
    plan = make_plan(world)
    assert msgspec.json.encode(plan) == msgspec.json.encode(make_plan(world))
    gone = {a.found.record_id for a in name_steps(plan.steps) if isinstance(a, UnbindDns)}
    for action in name_steps(plan.steps):
        if isinstance(action, UnbindDns):
            assert there[action.found.record_id] == action.found
            continue
        named = {
            k: r for k, r in there.items() if r.name == action.domain and r.type in ("A", "AAAA", "CNAME")
        }
        assert {r.record_id for r in action.found} == set(named) - gone
        assert not action.replaces or action.replaces in named


@settings(max_examples=examples(50))
@given(zones())
def test_destroy_leaves_exactly_what_is_not_ours(world: PlanningInput) -> None:
    home = world.state.cluster("prod")
    bound = home is not None and home.dns is not None
    foreign = {key: r for key, r in records(world).items() if not r.ours}
    _, end = worlds.passes(worlds.wanting(world, None), PASSES)
    assert records(end) == foreign or (not bound and records(end) == records(world))


@settings(max_examples=examples(50))
@given(zones())
def test_sync_has_no_step_for_a_name(world: PlanningInput) -> None:
    plan = make_plan(world, sync=True)
    assert not any(isinstance(s.action, CLOUD) for s in (*plan.steps, *plan.later))
    assert not [d for d in plan.drift if d.kind == "record"]
