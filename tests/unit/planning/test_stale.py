"""Why a reviewed plan is not the plan of today: every difference is told, and what is no difference is not."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from dynia.interfaces.desired import CloudflareDns, EnvSource, Firewall, Registry, ShippedFile
from dynia.interfaces.errors import Stale
from dynia.interfaces.observed import DnsRecord, NodeFacts, NotObserved, Offer, ResolvedImage
from dynia.services.planning.digest import sealed
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.stale import Reviewed, check_reviewed, reasons
from tests.examples import examples
from tests.laws.random_worlds import broken_worlds
from tests.plans import cases, worlds
from tests.plans.cases import HAPROXY

replace = msgspec.structs.replace
World = Callable[[], PlanningInput]
COMPOSE = b"services:\n  web:\n    image: registry.example/api:1.8  # mind the step\n"


def config(level: str) -> PlanningInput:
    """A change of a mounted file is pending, of whatever level."""
    given = cases.settled(worlds.cluster(services=(worlds.service(config="level = 1\n"),)))
    return cases.changed(given, services=(worlds.service(config=level),))


def pending() -> PlanningInput:
    return config("level = 2\n")


def hot_fix(given: PlanningInput, *ordinals: int) -> PlanningInput:
    for ordinal in ordinals:
        given = worlds.with_facts(given, worlds.node_named(given, ordinal), worlds.edited(HAPROXY))
    return given


def later(given: PlanningInput, **counted: int) -> PlanningInput:
    """The cluster's own record after more writes."""
    home = given.state.clusters[0]
    return replace(given, state=replace(given.state, clusters=(replace(home, **counted),)))


def moved_tag(given: PlanningInput) -> PlanningInput:
    name = "registry.example/api:1.8"
    pinned = f"registry.example/api@sha256:{'9' * 64}"
    image = ResolvedImage(reference=name, origin="registry", run=pinned, pull=pinned)
    images = {**given.observed.images, name: image}
    return replace(given, observed=replace(given.observed, images=images))


def moved_holder(given: PlanningInput) -> PlanningInput:
    names = [n.name for n in given.state.nodes_of("prod")]
    facts = {name: given.observed.nodes[name] for name in names}
    holder = next(n for n, f in facts.items() if isinstance(f, NodeFacts) and f.vrrp == "MASTER")
    other = next(n for n in names if n != holder)

    def role(vrrp: str, has: bool) -> Callable[[NodeFacts], NodeFacts]:
        return lambda f: replace(f, vrrp=vrrp, addresses=("198.18.7.5",) if has else ())

    given = worlds.with_facts(given, holder, role("BACKUP", False))
    return worlds.with_facts(given, other, role("MASTER", True))


def moved_record() -> tuple[PlanningInput, PlanningInput]:
    given = cases.settled(worlds.cluster())
    assert given.desired is not None
    given = replace(given, desired=replace(given.desired, dns=CloudflareDns(zone="example.com", adopt=True)))

    def there(value: str) -> PlanningInput:
        record = DnsRecord(record_id="7", name="api.example.com", type="A", value=value)
        return replace(given, observed=replace(given.observed, records=(record,)))

    return there("203.0.113.1"), there("203.0.113.2")


def of(saved: PlanningInput, now: PlanningInput) -> tuple[str, ...]:
    return reasons(make_plan(saved), make_plan(now))


def name_of(ordinal: int) -> str:
    return worlds.node_named(pending(), ordinal)


ROWS: dict[str, tuple[World, World, str]] = {
    "lineage": (
        pending,
        lambda: replace(pending(), state=replace(pending().state, lineage="other")),
        f"the state is another one: lineage {worlds.LINEAGE} → other",
    ),
    "applied since": (
        pending,
        lambda: later(pending(), serial=9, generation=2),
        "another apply ran since (serial 0 → 9, generation 1 → 2)",
    ),
    "cut apply since": (pending, lambda: later(pending(), serial=3), "another apply ran since (serial 0 → 3)"),
    "older state": (
        lambda: later(pending(), serial=9),
        pending,
        "the state is older than the plan (serial 9 → 0)",
    ),
    "a key": (
        pending,
        lambda: cases.changed(pending(), firewall=Firewall(http=("198.18.0.0/15",))),
        "clusters.yaml: firewall was edited",
    ),
    "count": (
        pending,
        lambda: cases.changed(pending(), nodes=4),
        "clusters.yaml: nodes was edited",
    ),
    "a service's key": (
        pending,
        lambda: cases.changed(
            pending(), services=(worlds.service(config="level = 2\n", domains=("b.example.com",)),)
        ),
        "clusters.yaml: services.api was edited",
    ),
    "compose file": (
        pending,
        lambda: cases.changed(
            pending(), services=(worlds.service(config="level = 2\n", compose=COMPOSE),)
        ),
        "service api: compose.yaml was edited",
    ),
    "mounted file": (pending, lambda: config("level = 3\n"), "service api: config/app.toml was edited"),
    "file gone": (pending, cases.image_change, "service api: config/app.toml is gone"),
    "template": (
        pending,
        lambda: _own_template(pending()),
        "templates: haproxy/haproxy.cfg.mustache is new",
    ),
    "another Dynia": (
        pending,
        lambda: replace(pending(), templates={**pending().templates, "haproxy/extra.mustache": "x"}),
        "this Dynia renders from other templates than the one that made the plan",
    ),
    "hot-fix": (pending, lambda: hot_fix(pending(), 2), f"{name_of(2)}: {HAPROXY} was edited"),
    "hot-fixes": (
        pending,
        lambda: hot_fix(pending(), 2, 3),
        f"{name_of(2)}, {name_of(3)}: {HAPROXY} was edited",
    ),
    "hot-fix of a hot-fix": (
        lambda: hot_fix(pending(), 2),
        lambda: _edited_again(hot_fix(pending(), 2), 2),
        f"{name_of(2)}: {HAPROXY} was edited",
    ),
    "mended": (
        lambda: hot_fix(pending(), 2),
        pending,
        f"{name_of(2)}: {HAPROXY} is no drift any more",
    ),
    "silent": (
        pending,
        lambda: worlds.silent(pending(), name_of(2)),
        f"{name_of(2)} does not answer now (no answer within 25 s)",
    ),
    "back": (lambda: worlds.silent(pending(), name_of(2)), pending, f"{name_of(2)} answers again"),
    "off": (
        pending,
        lambda: worlds.machine(pending(), name_of(2), "off"),
        f"{name_of(2)} off at the provider",
    ),
    "holder": (
        pending,
        lambda: moved_holder(pending()),
        f"the reserved IP moved: {name_of(1)} had it, {name_of(2)} has it now",
    ),
    "tag": (
        pending,
        lambda: moved_tag(pending()),
        "image registry.example/api:1.8 means sha256:999999999999 now, not sha256:",
    ),
    "record": (
        lambda: moved_record()[0],
        lambda: moved_record()[1],
        "dns api.example.com is A 203.0.113.2 now, not A 203.0.113.1",
    ),
    "price": (
        pending,
        lambda: _priced(cases.changed(pending(), nodes=4)),
        "clusters.yaml: nodes was edited",
    ),
}  # fmt: skip


def _own_template(given: PlanningInput) -> PlanningInput:
    name = "haproxy/haproxy.cfg.mustache"
    assert given.desired is not None
    own = given.templates[name] + "\n# ours\n"
    wanted = replace(given.desired, templates={name: own})
    return replace(given, desired=wanted, templates={**given.templates, name: own})


def _edited_again(given: PlanningInput, ordinal: int) -> PlanningInput:
    def edit(facts: NodeFacts) -> NodeFacts:
        files = tuple(
            replace(f, digest="sha256:" + "f" * 64) if f.path == HAPROXY else f for f in facts.files
        )
        return replace(facts, files=files)

    return worlds.with_facts(given, worlds.node_named(given, ordinal), edit)


def _priced(given: PlanningInput) -> PlanningInput:
    return replace(given, observed=replace(given.observed, offer=Offer(monthly=6.0)))


@pytest.mark.parametrize("row", ROWS)
def test_the_first_reason_names_what_differs(row: str) -> None:
    saved, now, said = ROWS[row]
    found = of(saved(), now())
    assert found[0].startswith(said) or said in found, found


def test_a_hot_fix_is_told_once_and_before_the_steps_that_follow_from_it() -> None:
    found = of(pending(), hot_fix(pending(), 2))
    assert sum(HAPROXY in line for line in found) == 1
    assert found[0] == f"{name_of(2)}: {HAPROXY} was edited"
    assert any("new" in line and f"{name_of(2)}/haproxy/push" in line for line in found[1:])


def test_a_hot_fix_of_what_is_to_change_is_told_once() -> None:
    path = "/opt/dynia/services/api/config/app.toml"
    now = worlds.with_facts(pending(), name_of(2), worlds.edited(path))
    assert of(pending(), now) == (f"{name_of(2)}: {path} was edited",)


def test_only_a_price_is_told_too() -> None:
    given = cases.changed(pending(), nodes=4)
    assert of(given, _priced(given)) == ("what it costs is something else",)


def seen_later(given: PlanningInput) -> PlanningInput:
    """The same world at another look: clocks went on, what nobody manages moved, who is silent is so for
    another reason."""

    def facts(node: object) -> object:
        if isinstance(node, NotObserved):
            return NotObserved(reason="connection refused by 198.18.7.12:22 after 3 s")
        assert isinstance(node, NodeFacts)
        return replace(
            node,
            files=tuple(replace(f, mtime=f.mtime + 777) for f in node.files),
            units=tuple(replace(u, since=u.since + 777) for u in node.units),
            containers=tuple(replace(c, started="2026-11-25T20:00:00Z", restarts=3) for c in node.containers),
            disk_used_percent=(node.disk_used_percent + 13) % 100,
            clock_skew_ms=node.clock_skew_ms + 250,
        )

    nodes = {name: facts(node) for name, node in given.observed.nodes.items()}
    return replace(given, observed=replace(given.observed, nodes=nodes, at=given.observed.at + 3600))


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
def test_two_looks_at_the_same_world_give_the_same_digest(world: PlanningInput) -> None:
    before, after = make_plan(world), make_plan(seen_later(world))
    assert after.digest == before.digest
    assert reasons(before, after) == ()


@pytest.mark.parametrize("name", sorted(cases.CASES))
def test_no_golden_plan_depends_on_when_it_was_looked_at(name: str) -> None:
    world = msgspec.json.decode(cases.inputs_of(name), type=PlanningInput)
    before, after = make_plan(world), make_plan(seen_later(world))
    assert (after.digest, reasons(before, after)) == (before.digest, ())


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds(), broken_worlds())
def test_there_is_a_reason_exactly_where_the_digests_differ(one: PlanningInput, two: PlanningInput) -> None:
    saved, now = make_plan(one), make_plan(two)
    assert bool(reasons(saved, now)) == (saved.digest != now.digest)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
def test_what_is_done_is_in_the_digest(world: PlanningInput) -> None:
    plan = make_plan(world)
    for step in plan.steps:
        fewer = sealed(replace(plan, steps=tuple(s for s in plan.steps if s is not step)))
        assert reasons(plan, fewer), step.id


def test_secrets_and_where_files_lie_are_no_part_of_what_is_wanted() -> None:
    """Law 9: a plan file is looked through by more people than may know a secret."""
    secret = ShippedFile(path="pin", mode=0o600, content=b"4711", source="/home/a/pin", secret=True)
    registries = (Registry(host="ghcr.io", user="acme", password=EnvSource(env="GHCR_TOKEN")),)

    def wanted(pin: bytes, home: str) -> Plan:
        service = worlds.service(env=f"PIN={pin.decode()}\n", files=(replace(secret, content=pin),))
        spec = worlds.cluster(services=(replace(service, source=f"{home}/api/compose.yaml"),))
        spec = replace(spec, registries=registries, ssh=replace(spec.ssh, key=f"{home}/.ssh/id_ed25519"))
        return make_plan(cases.settled(spec))

    one, two = wanted(b"4711", "/home/a"), wanted(b"0815", "/home/b")
    assert one.content == two.content
    assert [part.digest for part in one.content if part.path == "pin"] == [""]


def check(saved: Plan, now: Plan, *, kept: bool = True) -> str:
    with pytest.raises(Stale) as caught:
        check_reviewed(Reviewed(digest=saved.digest, plan=saved if kept else None), now)
    assert caught.value.exit_code == 6
    return caught.value.message


def test_a_plan_made_without_its_secrets_is_the_plan_with_them_where_they_did_not_change() -> None:
    world = cases.changed(
        cases.settled(worlds.cluster(services=(worlds.service(env="TOKEN=one\n"),))),
        services=(worlds.service(env="TOKEN=one\n", domains=("b.example.com",)),),
    )
    bare = replace(world, secrets={})
    for node in world.state.nodes_of("prod"):
        bare = worlds.with_facts(bare, node.name, lambda facts: replace(facts, secrets={}))
    without, with_them = make_plan(bare), make_plan(world)
    assert without.waiting and not with_them.waiting
    assert without.digest == with_them.digest


def test_equal_plans_pass() -> None:
    plan = make_plan(pending())
    check_reviewed(Reviewed(digest=plan.digest, plan=plan), make_plan(pending()))
    check_reviewed(Reviewed(digest=plan.digest), make_plan(pending()))


def test_at_most_a_handful_of_reasons_is_told() -> None:
    world = hot_fix(later(pending(), serial=4), 1)
    for path in ("/opt/dynia/caddy/Caddyfile", "/opt/dynia/node.env"):
        world = worlds.with_facts(world, name_of(2), _gone(path))
    world = worlds.silent(world, name_of(3))
    said = check(make_plan(pending()), make_plan(world)).splitlines()
    assert len(said) == 7 and said[1] == "  another apply ran since (serial 0 → 4)"
    assert said[-1].startswith("  and ") and said[-1].endswith(" more")


def _gone(path: str) -> Callable[[NodeFacts], NodeFacts]:
    return lambda facts: replace(facts, files=tuple(f for f in facts.files if f.path != path))


def test_of_a_digest_alone_what_nobody_wished_for_is_told() -> None:
    said = check(make_plan(pending()), make_plan(hot_fix(pending(), 2)), kept=False)
    assert f"{name_of(2)}: {HAPROXY} was edited (drift, seen now)" in said
    assert "reviewed  sha256:" in said and "now       sha256:" in said
