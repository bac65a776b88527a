"""The state can be lost: whatever was applied, the state made again from the nodes leaves nothing to do.

On the real engine over a world in memory; on real nodes: tests/e2e/test_state_rebuild.py. The merging of manifests as
such: tests/unit/state/test_rebuilt.py.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.desired import ClusterSpec, NoEntry
from dynia.interfaces.errors import DyniaError, NotObservedError, Refused
from dynia.services.rebuild import Found, Search, find
from dynia.state.model import Node, State
from dynia.state.rebuilt import check_may_write, writing
from dynia.state.store import open_store
from tests.examples import examples
from tests.fakes.cloud import HOME, Cloud, Connection, Doors, Engine, applied, fresh_disk, recorded
from tests.fakes.disk import FakeDisk, PowerCut, best
from tests.fakes.time_that_jumps import run
from tests.laws.test_law_03_convergent import SERVICES, THEIRS, changes, dying_at
from tests.plans import worlds

replace = msgspec.structs.replace


def search(cloud: Cloud, spec: ClusterSpec, lineage: str = "", doors: Doors | None = None) -> Search:
    return Search(spec=spec, vendors=doors or Doors(cloud, lambda: None), lineage=lineage)


def rebuilt(cloud: Cloud, spec: ClusterSpec, disk: FakeDisk | None = None) -> tuple[Found, FakeDisk]:
    """Found and written, as the command does it."""
    found, disk = run(find(search(cloud, spec))), disk or fresh_disk()
    check_may_write(open_store(HOME, disk=disk, make=False).state, found.rebuilt, "prod")
    store = open_store(HOME, disk=disk)
    store.take_lineage(found.rebuilt.state.lineage)
    with store.lock("prod", "test", above=found.rebuilt.fencing):
        changes = writing(store.state, found.rebuilt, "prod")
        store.write("prod", changes, "made again", above=found.rebuilt.serial)
    return found, disk


def state_on(disk: FakeDisk) -> State:
    return open_store(HOME, disk=disk, make=False).state


@settings(max_examples=examples(40), deadline=None)
@given(changes())
def test_after_any_apply_the_state_made_again_is_the_one_that_was_lost(
    world: tuple[Cloud, FakeDisk, ClusterSpec | None],
) -> None:
    cloud, disk, spec = world
    if spec is None:
        return
    assert Engine(cloud, disk, spec).apply().exit_code == 0
    lost = state_on(disk)
    found, again = rebuilt(cloud, spec)
    assert found.rebuilt.notes == ()
    assert recorded(state_on(again)) == recorded(lost)
    (before,), (after,) = lost.clusters, state_on(again).clusters
    assert after.generation == before.generation and after.applied == before.applied
    assert open_store(HOME, disk=again, make=False).fencing("prod") > found.rebuilt.fencing
    plan = Engine(cloud, again, spec).plan()
    assert plan.empty and plan.drift == () and plan.waiting == ()
    done = Engine(cloud, again, spec).apply()
    assert (done.exit_code, done.done, done.left) == (0, 0, ())


BEFORE = worlds.cluster(3, SERVICES[:1])
AFTER = worlds.cluster(3, (replace(SERVICES[0], domains=("v2.example.com",)),))


def test_with_one_node_down_and_one_with_an_old_manifest() -> None:
    cloud, disk = applied(BEFORE)
    cloud.cut.add(cloud.machines[2].name)
    assert Engine(cloud, disk, AFTER).apply().exit_code == 4
    cloud.cut.clear()
    cloud.cut.add(cloud.machines[3].name)
    found, again = rebuilt(cloud, AFTER)
    told = dict(found.rebuilt.notes)
    assert "its manifest is older" in told[cloud.machines[2].name]
    assert "not observed" in told[cloud.machines[3].name]
    assert found.rebuilt.newest == (cloud.machines[1].name,)
    assert recorded(state_on(again)) == recorded(state_on(disk))
    plan = Engine(cloud, again, AFTER).plan()
    assert [name for name, _ in plan.not_observed] == [cloud.machines[3].name]
    assert {step.node for step in plan.steps} == {cloud.machines[2].name}, "what the silent one had missed"
    cloud.cut.clear()
    assert Engine(cloud, again, AFTER).apply().exit_code == 0
    assert Engine(cloud, again, AFTER).plan().empty


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(20, 130), st.booleans())
def test_in_the_middle_of_a_rollout_the_next_apply_reaches_the_same_end(place: int, grow: bool) -> None:
    spec = replace(AFTER, nodes=4) if grow else AFTER
    cloud, disk = applied(BEFORE)
    cloud.records["theirs"] = THEIRS
    undisturbed = cloud.copied()
    assert Engine(undisturbed, best(disk), spec).apply().exit_code == 0
    dying_at(cloud, disk, "world", place)
    with suppress(PowerCut):
        Engine(cloud, disk, spec).apply()
    cloud.tick = lambda what: None
    _, again = rebuilt(cloud, spec)
    done = Engine(cloud, again, spec).apply()
    assert (done.exit_code, done.failures, done.left) == (0, (), ())
    assert cloud.truth() == undisturbed.truth()
    assert cloud.made == undisturbed.made, "a machine was made twice"
    assert Engine(cloud, again, spec).plan().empty


def test_a_first_apply_that_was_cut_before_any_manifest_is_adopted_by_tags() -> None:
    spec = worlds.cluster(2, SERVICES[:1], entry=NoEntry())
    cloud, disk = Cloud(), fresh_disk()
    calls: list[str] = []
    cloud.tick = lambda what: calls.append(what)
    copy = cloud.copied()
    Engine(cloud, fresh_disk(), spec).apply()
    first_manifest = next(n for n, what in enumerate(calls) if what.endswith("swapped manifest"))
    dying_at(copy, disk, "world", first_manifest)
    with suppress(PowerCut):
        Engine(copy, disk, spec).apply()
    copy.tick = lambda what: None
    found, again = rebuilt(copy, spec)
    assert found.rebuilt.newest == () and found.rebuilt.state.nodes == ()
    assert Engine(copy, again, spec).apply().exit_code == 0
    assert sum(copy.made.values()) == 2 and Engine(copy, again, spec).plan().empty


class Told(Doors):
    """Remembers with which key each machine was connected to, and refuses a wrong one."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud, lambda: None)
        self.keys: dict[str, str] = {}

    async def connect(self, node: Node) -> Connection:
        self.keys[node.name] = node.host_key
        if node.host_key != "ssh-ed25519 AAAA":
            raise NotObservedError(f"{node.name}: host key differs")
        return await super().connect(node)


def keyless(cloud: Cloud, *ordinals: int) -> None:
    for n in ordinals:
        cloud.machines[n] = replace(cloud.machines[n], host_key="")


def test_a_key_that_the_provider_does_not_tell_is_the_one_that_the_others_remember() -> None:
    cloud, disk = applied(BEFORE)
    keyless(cloud, 2, 3)
    doors = Told(cloud)
    found = run(find(search(cloud, BEFORE, doors=doors)))
    assert set(doors.keys.values()) == {"ssh-ed25519 AAAA"} and len(doors.keys) == 3
    assert recorded(found.rebuilt.state) == replace(recorded(state_on(disk)), current_cluster=None)


def test_a_key_that_nobody_vouches_for_is_refused_and_nobody_is_trusted() -> None:
    cloud, _ = applied(BEFORE)
    keyless(cloud, 1, 2, 3)
    doors = Told(cloud)
    with pytest.raises(Refused, match="nobody vouches for the host key") as refused:
        run(find(search(cloud, BEFORE, doors=doors)))
    assert doors.keys == {} and "host_key" in refused.value.hint


def test_machines_of_two_states_are_told_apart_by_the_one_who_asks() -> None:
    cloud, disk = applied(BEFORE)
    lineage = state_on(disk).lineage
    cloud.nodes[3] = replace(cloud.nodes[3], lineage="f" * 32)
    with pytest.raises(Refused, match="machines of 2 states"):
        run(find(search(cloud, BEFORE)))
    found = run(find(search(cloud, BEFORE, lineage)))
    assert found.rebuilt.state.lineage == lineage
    with pytest.raises(Refused, match="nothing is of lineage"):
        run(find(search(cloud, BEFORE, "e" * 32)))


def test_a_manifest_that_somebody_edited_is_told_and_not_believed() -> None:
    cloud, disk = applied(BEFORE)
    cloud.manifests[2] = cloud.manifests[2].replace(b"198.18.7.5", b"198.18.7.9")
    found = run(find(search(cloud, BEFORE)))
    assert [name for name, text in found.rebuilt.notes if "edited" in text] == [cloud.machines[2].name]
    assert recorded(found.rebuilt.state) == replace(recorded(state_on(disk)), current_cluster=None)


def test_what_a_node_says_of_itself_is_believed_only_as_what_it_can_be() -> None:
    cloud, disk = applied(BEFORE)
    for odd in ("\x1b[31mred\x1b[0m", "x" * 10_000, "../../etc"):
        cloud.nodes[3] = replace(cloud.nodes[3], lineage=odd)
        found = run(find(Search(spec=BEFORE, vendors=Tagged(cloud, state_on(disk).lineage))))
        assert found.rebuilt.state.lineage == state_on(disk).lineage
        assert {one.lineage for one in found.heard} == {"", state_on(disk).lineage}


def test_the_next_lease_is_above_whatever_a_node_has_seen() -> None:
    """Also of runs that wrote no manifest: else nodes would take nothing from the state that was made again."""
    cloud, _ = applied(BEFORE)
    cloud.fencing = {1: "prod 41\n", 2: "staging 900\n", 3: "prod 9x\n"}
    found, again = rebuilt(cloud, BEFORE)
    assert found.rebuilt.fencing == 41
    assert open_store(HOME, disk=again, make=False).fencing("prod") == 42


class Tagged(Doors):
    """The provider's tags are not the nodes' to say."""

    def __init__(self, cloud: Cloud, lineage: str) -> None:
        super().__init__(cloud, lambda: None)
        self.lineage = lineage

    async def nodes(self) -> Doors:
        return self

    async def lineages(self, cluster: str) -> tuple[str, ...]:
        return (self.lineage,)


class Broken(Doors):
    """A node that answers with something too long to be taken."""

    async def connect(self, node: Node) -> Connection:
        made = await super().connect(node)
        if node.ordinal == 3:
            raise DyniaError(f"{node.name}: its answer is longer than 8 MB")
        return made


def test_a_node_that_answers_nonsense_is_told_as_silent_and_the_others_are_heard() -> None:
    cloud, disk = applied(BEFORE)
    found = run(find(search(cloud, BEFORE, doors=Broken(cloud, lambda: None))))
    assert recorded(found.rebuilt.state) == replace(recorded(state_on(disk)), current_cluster=None)
    assert ["longer than 8 MB" in text for _, text in found.rebuilt.notes] == [True]


def test_a_state_that_is_not_lost_is_not_replaced_but_an_older_copy_is() -> None:
    cloud, disk = applied(BEFORE)
    copy = best(disk)
    with pytest.raises(Refused, match="is in the state already"):
        rebuilt(cloud, BEFORE, disk)
    assert Engine(cloud, disk, AFTER).apply().exit_code == 0
    with pytest.raises(Refused, match="this state is not the newest"):
        Engine(cloud, copy, AFTER).apply()
    _, again = rebuilt(cloud, AFTER, copy)
    assert Engine(cloud, again, AFTER).plan().empty
    assert recorded(state_on(again)) == recorded(state_on(disk))


def test_a_plan_without_the_state_says_that_it_may_be_lost_before_all_is_made_twice() -> None:
    cloud, disk = applied(BEFORE)
    told = [w for w in Engine(cloud, fresh_disk(), BEFORE).plan().waiting if w.subject == "state"]
    assert len(told) == 1 and told[0].final
    assert state_on(disk).lineage in told[0].reason and "`dynia state rebuild`" in told[0].reason
    assert not [w for w in Engine(cloud, disk, AFTER).plan().waiting if w.subject == "state"]
    own = fresh_disk()
    open_store(HOME, disk=own).take_lineage(state_on(disk).lineage)
    assert not [w for w in Engine(cloud, own, BEFORE).plan().waiting if w.subject == "state"]
    assert not [w for w in Engine(Cloud(), fresh_disk(), BEFORE).plan().waiting if w.subject == "state"]
