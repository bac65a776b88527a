"""Law 3 on the real engine over a world in memory: killed at any instant, the next apply reaches the same end.

The store, the executor and the planner are the real ones; every operation on the disk and every call to a provider or a
node, its begin, middle and end, is a place to die. On real nodes: tests/e2e/test_killed.py. Inside one node script:
tests/integration/node_scripts/test_cut.py.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.desired import (
    ApiEntry,
    ClusterSpec,
    EnvSource,
    NoDns,
    NoEntry,
    NoTls,
    Rfc2136Dns,
    SelfSignedTls,
    VipEntry,
)
from dynia.interfaces.errors import Refused
from dynia.interfaces.node_requests import PushAnswer
from dynia.interfaces.observed import DnsRecord, NodeFacts
from dynia.services.planning.components import PEM
from dynia.services.planning.manifests import only_manifests
from dynia.state.manifest import PATH, Sealer, read_seal
from dynia.state.model import State
from dynia.state.store import open_store
from tests.examples import examples
from tests.fakes.cloud import HOME, Cloud, Engine, applied, fresh_disk, recorded, survived
from tests.fakes.disk import FakeDisk, PowerCut, best, some, worst
from tests.laws.random_worlds import edits
from tests.plans import worlds

replace = msgspec.structs.replace
# About how many places to die an apply of three nodes has: operations on disk and world, and on the world alone.
PLACES = st.one_of(
    st.tuples(st.just("disk and world"), st.integers(1, 900)),
    st.tuples(st.just("world"), st.integers(1, 130)),
)
SERVICES = (worlds.service(config="level = 1\n", env="TOKEN=one\n"), worlds.service("web"), worlds.worker())
OTHERS = (
    worlds.service(image="registry.example/api:1.9", config="level = 2\n", env="TOKEN=two\n"),
    *SERVICES[1:],
)


ZONE = Rfc2136Dns(zone="example.com", server="ns.example.com", key="dynia", secret=EnvSource(env="DNS_KEY"))
NAMES = st.sampled_from((NoDns(), ZONE, replace(ZONE, cname=True)))
TLS = st.sampled_from((NoTls(), SelfSignedTls()))
THEIRS = DnsRecord(record_id="theirs", name="mail.example.com", type="A", value="203.0.113.7")


@st.composite
def changes(draw: st.DrawFn) -> tuple[Cloud, FakeDisk, ClusterSpec | None]:
    """Nothing yet or a cluster with something wrong on it, and what its file says now (None: destroy it)."""
    names = st.lists(st.sampled_from((0, 1, 2)), unique=True, max_size=2)
    entry = draw(st.sampled_from((VipEntry(), ApiEntry())))
    if draw(st.booleans()):
        before = tuple(SERVICES[n] for n in draw(names))
        cloud, disk = applied(
            worlds.cluster(draw(st.integers(1, 3)), before, dns=draw(NAMES), entry=entry, tls=draw(TLS))
        )
        for key in sorted(cloud.records):
            by_hand = draw(st.sampled_from(("", "edit", "gone")))
            if by_hand == "edit":
                cloud.records[key] = replace(cloud.records[key], type="A", value="203.0.113.9")
            elif by_hand:
                del cloud.records[key]
        for ordinal in sorted(cloud.machines):
            trouble = draw(st.sampled_from(("", "", "edit", "off", "gone")))
            if trouble == "edit":
                cloud.touch(ordinal, draw(edits(cloud.nodes[ordinal])))
            elif trouble:
                cloud.power(ordinal, None if trouble == "gone" else "off")
        cloud.records["theirs"] = THEIRS
        if draw(st.integers(0, 5)) == 0:
            return cloud, disk, None
    else:
        cloud, disk = Cloud(), fresh_disk()
        open_store(HOME, disk=disk)  # it has its lineage, which is drawn by lot
    cloud.records["theirs"] = THEIRS
    services = tuple(OTHERS[n] for n in draw(names))
    count, names_of, tls = draw(st.integers(1, 3)), draw(NAMES), draw(TLS)
    return cloud, disk, worlds.cluster(count, services, dns=names_of, entry=entry, tls=tls)


def dying_at(cloud: Cloud, disk: FakeDisk, where: str, number: int) -> None:
    """From this operation on the process does nothing any more."""
    left = [number]

    def tick(what: str, counts: bool = True) -> None:
        left[0] -= counts
        if left[0] <= 0:
            raise PowerCut(what)

    cloud.tick, disk.before = tick, lambda step, what: tick(what, counts=where != "world")


def finished(cloud: Cloud, disk: FakeDisk, spec: ClusterSpec | None) -> tuple[object, object]:
    """One apply that nobody disturbs: it must leave nothing to do. The world and the state at its end."""
    done = Engine(cloud, disk, spec).apply()
    assert (done.exit_code, done.failures, done.left) == (0, (), ())
    again = Engine(cloud, disk, spec)
    plan = again.plan()
    assert plan.empty and not plan.drift and not plan.not_observed
    state = again.store.state
    assert state.intents == ()
    ordinals = [n.ordinal for n in state.nodes_of("prod")]
    assert sorted(cloud.machines) == sorted(ordinals), (
        "a machine that the state does not know, or the reverse"
    )
    assert cloud.address == bool(spec and not isinstance(spec.entry, NoEntry))
    check_names(cloud, spec)
    check_certificates(cloud, spec)
    check_manifests(cloud, state)
    masters = [n for n, facts in cloud.nodes.items() if facts.vrrp == "MASTER"]
    assert len(masters) == (1 if spec and not isinstance(spec.entry, NoEntry) else 0)
    if spec and isinstance(spec.entry, ApiEntry):
        assert cloud.owner == cloud.machines[masters[0]].provider_id, "the MASTER claims the address"
        assert cloud.attached == [], "two who move it would fight"
    assert not [n for n, facts in cloud.nodes.items() if facts.unfinished]
    return cloud.truth(), recorded(state)


def check_manifests(cloud: Cloud, state: State) -> None:
    """Every node keeps what the state says, and none claims to be newer than it is."""
    home = state.cluster("prod")
    for n, facts in cloud.nodes.items():
        seal = read_seal(facts.manifest)
        assert seal is not None and home is not None
        assert seal.node == cloud.machines[n].name
        assert (seal.digest, seal.generation) == (Sealer(state, "prod").digest, home.generation)
        assert seal.serial <= home.serial and seal.fencing > 0


def check_certificates(cloud: Cloud, spec: ClusterSpec | None) -> None:
    """Every node has the same one, for every domain; without TLS, or without a domain, none has any."""
    domains = {d for s in spec.services for d in s.domains} if spec else set[str]()
    found = [facts.certificates.get(PEM) for facts in cloud.nodes.values()]
    if spec is None or isinstance(spec.tls, NoTls) or not domains:
        assert not [one for one in found if one]
        return
    assert len({one.chain if one else "" for one in found}) == 1
    assert found[0] is not None and domains <= set(found[0].names)


def check_names(cloud: Cloud, spec: ClusterSpec | None) -> None:
    """Exactly the names that the file wants, one record each, and somebody else's as it was."""
    asked = spec is not None and not isinstance(spec.dns, NoDns)
    domains = sorted(d for s in spec.services for d in s.domains) if spec is not None and asked else []
    ours = sorted(r.name for r in cloud.records.values() if r.ours)
    assert ours == domains
    addresses = {r.value for r in cloud.records.values() if r.ours and r.type == "A"}
    assert addresses <= {"198.18.7.5"}, "a name leads somewhere else than to the reserved IP"
    assert [r for r in cloud.records.values() if not r.ours] == [THEIRS]


AFTERS: tuple[Callable[[FakeDisk], FakeDisk], ...] = (best, worst, some(1))


@settings(max_examples=examples(60), deadline=None)
@given(changes(), st.lists(PLACES, min_size=1, max_size=3), st.sampled_from(AFTERS))
def test_killed_at_any_instant_the_next_apply_reaches_the_same_end(
    world: tuple[Cloud, FakeDisk, ClusterSpec | None],
    places: list[tuple[str, int]],
    after: Callable[[FakeDisk], FakeDisk],
) -> None:
    """Also killed again while it goes on, and with the power gone, so that only what was synced is there."""
    cloud, disk, spec = world
    undisturbed = cloud.copied()
    end = finished(undisturbed, best(disk), spec)
    for place in places:
        dying_at(cloud, disk, *place)
        with suppress(PowerCut):
            Engine(cloud, disk, spec).apply()
        cloud.tick, disk = (lambda what: None), after(disk)
    assert finished(cloud, disk, spec) == end
    assert cloud.made == undisturbed.made, "a machine was made twice"


def test_killed_while_manifests_are_given_the_next_apply_gives_the_rest() -> None:
    """At every one of the last calls of an apply that changes one file."""
    before = worlds.cluster(2, SERVICES[:1], entry=NoEntry())
    after = replace(before, services=(replace(SERVICES[0], domains=("v2.example.com",)),))
    cloud, disk = applied(before)
    cloud.records["theirs"] = THEIRS
    calls: list[str] = []
    one, copy = cloud.copied(), survived(disk)
    one.tick = calls.append
    Engine(one, copy, after).apply()
    told = set()
    for place in range(len(calls) - 8, len(calls) + 1):
        one, copy = cloud.copied(), survived(disk)
        dying_at(one, copy, "world", place)
        with suppress(PowerCut):
            Engine(one, copy, after).apply()
        one.tick, copy = (lambda what: None), best(copy)
        plan = Engine(one, copy, after).plan()
        if only_manifests(plan.steps):
            told.add(len(plan.steps))
        finished(one, copy, after)
    # Cut when both lacked it, and when one or the other did, or was half way.
    assert {1, 2} <= told


def test_a_node_that_was_silent_is_given_its_manifest_when_it_is_back() -> None:
    before = worlds.cluster(3, SERVICES[:1], entry=NoEntry())
    cloud, disk = applied(before)
    cloud.records["theirs"] = THEIRS
    silent = cloud.machines[2].name
    cloud.cut.add(silent)
    after = replace(before, services=(replace(SERVICES[0], domains=("v2.example.com",)),))
    assert Engine(cloud, disk, after).apply().exit_code == 4
    told = {m.name: read_seal(cloud.nodes[n].manifest) for n, m in cloud.machines.items()}
    serials = {name: seal.serial for name, seal in told.items() if seal is not None}
    assert len(serials) == 3 and serials[silent] == min(serials.values()) < max(serials.values())
    cloud.cut.clear()
    finished(cloud, disk, after)


def test_a_manifest_that_could_not_be_written_is_said_and_nothing_else_is_wrong() -> None:
    cloud, disk = applied(worlds.cluster(2, SERVICES[:1], entry=NoEntry()))
    after = worlds.cluster(2, SERVICES[:2], entry=NoEntry())
    sick = cloud.machines[2].name

    def lie(what: str, node: str) -> PushAnswer | None:
        return PushAnswer(phase="stage", output="no space") if (what, node) == ("manifest", sick) else None

    cloud.lie = lie
    done = Engine(cloud, disk, after).apply()
    assert (done.exit_code, done.failures, [name for name, _ in done.left]) == (4, (), [sick])
    assert "its manifest was not written" in done.left[0][1] and done.generation == 2
    cloud.lie = lambda what, node: None
    cloud.records["theirs"] = THEIRS
    _, state = finished(cloud, disk, after)
    assert state.clusters, "healing is no apply of anything"  # type: ignore[attr-defined]
    assert open_store(HOME, disk=disk, make=False).state.clusters[0].generation == 2


def test_a_manifest_that_another_run_wrote_since_the_look_is_not_written_over() -> None:
    cloud, disk = applied(worlds.cluster(2, SERVICES[:1], entry=NoEntry()))
    sick = cloud.machines[2].name
    newer: list[NodeFacts] = []

    def meanwhile(what: str) -> None:
        if what == f"{sick} push":
            facts = cloud.nodes[2]
            other = f"sha256:{len(newer):064x}"
            files = (replace(f, digest=other) if f.path == PATH else f for f in facts.files)
            cloud.nodes[2] = replace(facts, files=tuple(files))
            newer.append(cloud.nodes[2])

    cloud.tick = meanwhile
    done = Engine(cloud, disk, worlds.cluster(2, SERVICES[:2], entry=NoEntry())).apply()
    assert (done.exit_code, [name for name, _ in done.left]) == (4, [sick])
    assert "changed since plan" in done.left[0][1] and cloud.nodes[2] == newer[-1]


def test_an_older_copy_of_the_state_is_refused_before_it_undoes_anything() -> None:
    """It would delete the node that it lacks, as a machine that nobody knows."""
    small, grown = worlds.cluster(2, SERVICES[:1]), worlds.cluster(3, SERVICES[:1])
    cloud, disk = applied(small)
    copy = survived(disk)
    assert Engine(cloud, disk, grown).apply().exit_code == 0
    before = cloud.truth()
    with pytest.raises(Refused, match="this state is not the newest"):
        Engine(cloud, copy, small).apply()
    assert cloud.truth() == before
    assert [w for w in Engine(cloud, copy, small).plan().waiting if "newer than this state" in w.reason]


def test_killed_while_a_certificate_is_got_or_given_every_node_ends_with_the_same_one() -> None:
    """At every place in the world's calls, from a certificate for one name to one for two."""
    before = worlds.cluster(2, SERVICES[:1], entry=NoEntry(), tls=SelfSignedTls())
    after = replace(before, services=SERVICES[:2])
    cloud, disk = applied(before)
    cloud.records["theirs"] = THEIRS
    undisturbed = cloud.copied()
    end = finished(undisturbed, best(disk), after)
    places = 0
    while True:
        places += 1
        one, copy = cloud.copied(), survived(disk)
        dying_at(one, copy, "world", places)
        try:
            Engine(one, copy, after).apply()
        except PowerCut:
            one.tick, copy = (lambda what: None), best(copy)
            assert finished(one, copy, after) == end
            continue
        break
    assert places > 20
