"""Worlds that something happened to: hand edits, lost machines, half-finished applies, other files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import msgspec
from hypothesis import strategies as st

from dynia.interfaces.desired import (
    ApiEntry,
    ClusterSpec,
    Entry,
    Firewall,
    NoEntry,
    Rollout,
    Service,
    VipEntry,
)
from dynia.interfaces.node_requests import WHOLE_NODE
from dynia.interfaces.observed import FileSeen, NodeFacts, ProviderAddress, ProviderNode, UnitSeen
from dynia.services.planning.closing import opening_changes
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import apply_steps, rendered_for
from dynia.state.model import Intent, PutIntent, change
from tests.plans import worlds
from tests.plans.templates import SMALL

replace = msgspec.structs.replace
VIP = VipEntry()
Edit = Callable[[NodeFacts], NodeFacts]


def with_secret(value: str) -> Service:
    return worlds.service("web", secrets=(worlds.secret("KEY", value),))


@cache
def settled(nodes: int, services: int, entry: Entry = VIP) -> PlanningInput:
    offered = (worlds.service(config="level = 1\n"), with_secret("one"), worlds.worker())
    spec = worlds.cluster(nodes, offered[:services], entry=entry)
    return worlds.passes(replace(worlds.start(spec), templates=SMALL))[1]


@st.composite
def specs(draw: st.DrawFn) -> ClusterSpec:
    """Another file than the one that was applied, or the same."""
    nodes = draw(st.integers(1, 4))
    image = draw(st.sampled_from(("registry.example/api:1.8", "registry.example/api:1.9")))
    level = draw(st.sampled_from(("level = 1\n", "level = 2\n")))
    value = draw(st.sampled_from(("one", "two")))
    offered = (worlds.service(image=image, config=level), with_secret(value), worlds.worker())
    chosen = draw(st.lists(st.sampled_from(offered), unique_by=lambda s: s.name, max_size=3))
    return worlds.cluster(
        nodes,
        tuple(chosen),
        entry=draw(st.sampled_from((VipEntry(), VipEntry(address="198.18.7.77"), ApiEntry(), NoEntry()))),
        rollout=Rollout(max_unavailable=draw(st.integers(1, 2)), canary=draw(st.booleans())),
        firewall=Firewall(enabled=draw(st.booleans())),
    )


@st.composite
def edits(draw: st.DrawFn, facts: NodeFacts) -> NodeFacts:
    """One thing that somebody did by hand on a node."""
    paths = [f.path for f in facts.files]
    what = draw(
        st.sampled_from(
            (
                "edit",
                "mode",
                "owner",
                "delete",
                "drop",
                "folder",
                "container",
                "unit",
                "firewall",
                "vrrp",
                "address",
                "cut",
                "drained",
            )
        )
    )
    if what in ("edit", "mode", "owner") and paths:
        path = draw(st.sampled_from(paths))
        how = {
            "edit": {"digest": "sha256:" + "e" * 64},
            "mode": {"mode": 0o600},
            "owner": {"owner": "bob:bob"},
        }[what]
        return replace(facts, files=tuple(replace(f, **how) if f.path == path else f for f in facts.files))
    if what == "delete" and paths:
        gone = draw(st.sampled_from(paths))
        return replace(facts, files=tuple(f for f in facts.files if f.path != gone))
    if what in ("drop", "folder"):
        new = [_file("/opt/dynia/haproxy/extra.cfg")]
        if what == "folder":
            folder = "/opt/dynia/caddy/old"
            new = [FileSeen(path=folder, kind="dir", mode=0o755, owner="root:root"), _file(folder + "/a")]
        files = {f.path: f for f in (*facts.files, *new)}
        return replace(facts, files=tuple(files[p] for p in sorted(files)))
    if what == "container" and facts.containers:
        gone = draw(st.sampled_from([c.id for c in facts.containers]))
        return replace(facts, containers=tuple(c for c in facts.containers if c.id != gone))
    if what == "unit" and facts.units:
        name = draw(st.sampled_from([u.name for u in facts.units]))
        dead = UnitSeen(name=name, active="inactive", enabled="disabled")
        return replace(facts, units=tuple(dead if u.name == name else u for u in facts.units))
    if what == "firewall":
        return replace(facts, firewall=draw(st.sampled_from(("changed", "gone"))))
    if what == "address" and facts.vrrp == "BACKUP":
        return replace(facts, addresses=tuple(sorted({*facts.addresses, "198.18.7.5"})))
    if what == "vrrp":
        return replace(facts, vrrp="", addresses=())
    if what == "drained":
        flag = draw(st.sampled_from((WHOLE_NODE, "api")))
        return replace(facts, drained=tuple(sorted({*facts.drained, flag})))
    if what == "cut":
        return replace(facts, unfinished=(draw(st.sampled_from(("haproxy", "caddy", "service/api"))),))
    return facts


def _file(path: str) -> FileSeen:
    return FileSeen(path=path, kind="file", mode=0o644, owner="root:root", digest="sha256:" + "d" * 64)


@st.composite
def broken_worlds(draw: st.DrawFn) -> PlanningInput:
    """A settled cluster, perhaps an apply of another file that was cut short, then drift and lost machines."""
    entry = draw(st.sampled_from((VipEntry(), ApiEntry())))
    given = settled(draw(st.integers(1, 4)), draw(st.integers(0, 3)), entry)
    if draw(st.booleans()):
        given = _cut_short(draw, worlds.wanting(given, draw(specs())))
    for node in given.state.nodes_of("prod"):
        facts = given.observed.nodes.get(node.name)
        for _ in range(draw(st.integers(0, 2))):
            if isinstance(facts, NodeFacts):
                facts = draw(edits(facts))
        if isinstance(facts, NodeFacts):
            kept = facts
            given = worlds.with_facts(given, node.name, lambda _, kept=kept: kept)
        trouble = draw(st.sampled_from(("", "", "", "", "off", "gone")))
        if trouble and isinstance(facts, NodeFacts):
            given = worlds.machine(given, node.name, None if trouble == "gone" else "off")
    given = _strays(draw, given)
    return worlds.wanting(given, draw(specs())) if draw(st.booleans()) else given


def _cut_short(draw: st.DrawFn, given: PlanningInput) -> PlanningInput:
    """Some passes, the last of them not to its end: any set of steps that respects the edges."""
    for done in opening_changes(given):
        given = replace(given, state=change(given.state, done))
    for _ in range(draw(st.integers(0, 2))):
        plan = make_plan(given)
        given = worlds.real(apply_steps(given, plan.steps, rendered_for(given)))
    plan = make_plan(given)
    ended: list[str] = []
    steps = []
    for step in plan.steps:
        if all(name in ended for name in step.after) and draw(st.booleans()):
            ended.append(step.id)
            steps.append(step)
    return worlds.real(apply_steps(given, tuple(steps), rendered_for(given)))


def _strays(draw: st.DrawFn, given: PlanningInput) -> PlanningInput:
    """What a dead run left at the provider: machines and addresses with our tag, with or without an intent."""
    listed, addresses = given.observed.provider_nodes, given.observed.addresses
    assert isinstance(listed, tuple) and isinstance(addresses, tuple)
    if draw(st.booleans()):
        twin = draw(st.sampled_from((90, *(n.ordinal for n in given.state.nodes_of("prod")))))
        key = draw(st.sampled_from(("", "ssh-ed25519 AAAA")))
        stray = ProviderNode(
            provider_id="stray",
            name="lost-lynx",
            ordinal=twin,
            status=draw(st.sampled_from(("running", "absent"))),
            private_ip="198.18.7.99",
            public_ip="198.18.7.99",
            host_key=key,
        )
        listed = (*listed, stray)
        if draw(st.booleans()):
            intent = Intent(
                cluster="prod", step="lost-lynx/create", kind="node", ordinal=twin, name="lost-lynx"
            )
            given = replace(given, state=change(given.state, PutIntent(intent=intent)))
    if draw(st.booleans()):
        addresses = (*addresses, ProviderAddress(provider_id="address-8", address="198.18.7.8"))
    return replace(given, observed=replace(given.observed, provider_nodes=listed, addresses=addresses))
