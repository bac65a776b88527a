"""The store: replaying is the same as applying directly, and every rule of writing."""

from __future__ import annotations

import json
import stat
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.errors import DyniaError, Locked
from dynia.state.checks import problems
from dynia.state.model import (
    Change,
    DropCluster,
    DropComponent,
    DropIntent,
    DropNode,
    PutCluster,
    PutIntent,
    PutNode,
    ReservedIp,
    SetComponent,
    SetCurrent,
    SetPushed,
    SetReservedIp,
    State,
    change,
    cluster_of,
)
from dynia.state.store import FOLD_AFTER, Store, open_store
from tests.fakes import states
from tests.fakes.disk import FakeDisk, best, worst

HOME = Path("/team")
CLUSTERS = ("dev", "prod", "staging")


def new_disk() -> FakeDisk:
    disk = FakeDisk()
    disk.make_folder(HOME)
    disk.sync_folder(Path("/"))
    return disk


def change_of(cluster: str) -> st.SearchStrategy[Change]:
    ordinals = st.integers(1, 4)
    releases = st.builds(states.release, st.sampled_from(["caddy", "api"]), st.sampled_from(["a", "b"]))
    names = ordinals.map(lambda n: f"node-{n}")
    services = st.sets(st.sampled_from(["api", "web", "mailer"]))
    here = st.just(cluster)
    return st.one_of(
        here.map(lambda name: PutCluster(cluster=states.cluster(name))),
        here.map(lambda name: DropCluster(name=name)),
        ordinals.map(lambda n: PutNode(node=states.node(cluster, n))),
        st.builds(DropNode, cluster=here, name=names),
        st.builds(SetComponent, cluster=here, node=names, release=releases),
        st.builds(SetPushed, cluster=here, node=names, release=releases),
        st.builds(DropComponent, cluster=here, node=names, component=st.sampled_from(["caddy", "api"])),
        st.builds(
            SetReservedIp, cluster=here, reserved_ip=st.none() | st.just(ReservedIp(address="203.0.113.9"))
        ),
        ordinals.map(lambda n: PutIntent(intent=states.intent(cluster, n))),
        ordinals.map(lambda n: DropIntent(cluster=cluster, step=f"node-{n}/provision")),
        services.map(lambda found: states.services(cluster, *found)),
    )


batches = st.lists(
    st.sampled_from(CLUSTERS).flatmap(
        lambda name: st.tuples(
            st.just(name), st.lists(change_of(name), max_size=4).map(tuple), st.sampled_from("bewfc")
        )
    ),
    max_size=25,
)


@settings(deadline=None)
@given(batches=batches, fold_after=st.integers(1, 8))
def test_replaying_is_the_same_as_applying_every_change_directly(batches, fold_after):
    """Any changes of several clusters, written in any way, folded at any time: also after a power cut."""
    disk = new_disk()
    store = open_store(HOME, disk=disk, fold_after=fold_after, clock=lambda: 0)
    direct, serials = store.state, dict.fromkeys(CLUSTERS, 0)
    with ExitStack() as held:
        for name in CLUSTERS:
            held.enter_context(store.lock(name, "test"))
        for name, changes, way in batches:
            if way == "c":
                store.write_current(name)
                direct = change(direct, SetCurrent(name=name))
                continue
            after = direct
            for each in changes:
                after = change(after, each)
            if problems(after):
                with pytest.raises(ValueError, match="wrong state"):
                    write(store, name, changes, way)
            else:
                write(store, name, changes, way)
                serials[name] += 1
                direct = stamped(after, serials)
            assert store.state == direct
        cut = worst(disk)
    assert open_store(HOME, disk=disk).state == direct
    assert open_store(HOME, disk=cut).state == direct, "every record was durable when it was acknowledged"
    assert {name: store.serial(name) for name in CLUSTERS} == serials


def write(store: Store, name: str, changes: tuple[Change, ...], way: str) -> None:
    match way:
        case "b":
            store.begin(name, "step", b"{}", changes)
        case "e":
            store.end(name, "step", changes)
        case "f":
            store.fail(name, "step", "no answer", changes)
        case _:
            store.write(name, changes, "because")


def stamped(state: State, serials: dict[str, int]) -> State:
    clusters = tuple(msgspec.structs.replace(c, serial=serials[c.name]) for c in state.clusters)
    return msgspec.structs.replace(state, clusters=clusters)


@given(changes=st.lists(st.sampled_from(CLUSTERS).flatmap(change_of), max_size=12), data=st.data())
def test_equal_states_are_equal_bytes_whatever_the_order_over_clusters(changes, data):
    """Changes of different clusters commute, so their order leaves no trace in the file."""
    mixed = data.draw(st.permutations(changes))
    in_order = {name: iter([c for c in changes if cluster_of(c) == name]) for name in CLUSTERS}
    one, other = State(), State()
    for each in changes:
        one = change(one, each)
    for each in mixed:
        other = change(other, next(in_order[str(cluster_of(each))]))
    assert one == other
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


@given(changes=st.lists(change_of("prod"), max_size=12), last=change_of("prod"))
def test_a_change_that_comes_twice_changes_nothing_more(changes, last):
    state = State()
    for each in (*changes, last):
        state = change(state, each)
    assert change(state, last) == state


def test_a_state_that_is_not_there_gets_a_lineage_that_stays(tmp_path):
    first = open_store(tmp_path)
    assert len(first.state.lineage) == 32
    assert open_store(tmp_path).state == first.state


def test_who_only_reads_makes_nothing(tmp_path):
    assert open_store(tmp_path, make=False).state == State()
    assert list(tmp_path.iterdir()) == []


def test_files_are_readable_by_the_team_and_writable_by_their_owner(tmp_path):
    store = open_store(tmp_path)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
        modes = {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*") if p.is_file()}
    assert modes <= {0o644, 0o640, 0o600}


def test_the_snapshot_is_the_form_of_the_spec_with_version_lineage_and_marks(tmp_path):
    store = open_store(tmp_path)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
    tree = json.loads((tmp_path / "state.json").read_text())
    assert list(tree) == [
        "version", "lineage", "currentCluster", "clusters", "nodes", "deployments", "routes", "intents", "journal"
    ]  # fmt: skip
    mark = tree["journal"]["prod"]
    assert (mark["n"], mark["serial"], mark["fencing"]) == (2, 1, 1), (
        "taking the lease is no write of the state"
    )
    assert mark["lessee"]["who"] == "test"


def test_a_run_that_changes_nothing_leaves_the_snapshot_untouched(tmp_path):
    store = open_store(tmp_path)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
    before = (tmp_path / "state.json").stat()
    with open_store(tmp_path).lock("prod", "test"):
        pass
    after = (tmp_path / "state.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_cost_of_a_record_does_not_grow_and_the_snapshot_is_rare():
    """Steps on the disk for each record, and how often state.json is replaced, in a long run."""
    disk, replaced, costs = new_disk(), [], []
    disk.before = lambda step, what: replaced.append(step) if what.startswith("rename") else None
    store = open_store(HOME, disk=disk)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
        replaced.clear()
        for n in range(3 * FOLD_AFTER - 2):
            before = disk.steps
            store.begin("prod", f"step-{n}", b"{}")
            costs.append(disk.steps - before)
        assert len(replaced) == 2
        assert sorted(costs)[-3] == costs[0] < 12, "all but the two that folded cost the same"
    (newest,) = [name for name in disk.files() if "/journal/" in name]
    assert newest.endswith(f"{3 * FOLD_AFTER:08d}.json"), "it tells who was overtaken; the others are folded"


def test_the_snapshot_waits_for_as_many_records_as_it_has_entries():
    disk, replaced = new_disk(), []
    disk.before = lambda step, what: replaced.append(step) if what.startswith("rename") else None
    store = open_store(HOME, disk=disk, fold_after=5)
    with store.lock("prod", "test"):
        many = tuple(PutNode(node=states.node("prod", n)) for n in range(1, 20))
        store.write("prod", (*states.recorded("prod"), *many), "because")
        replaced.clear()
        for n in range(18):
            store.begin("prod", f"step-{n}", b"{}")
        assert replaced == []
        store.begin("prod", "one more", b"{}")
        assert len(replaced) == 1


def test_a_begun_step_stays_unfinished_over_snapshots_until_it_ends_or_fails(tmp_path):
    store = open_store(tmp_path)
    with store.lock("prod", "test"):
        assert [store.begin("prod", f"step-{n}", b"{}") for n in (1, 2, 3)] == [2, 3, 4]
        store.snapshot()
        assert [b.n for b in open_store(tmp_path).unfinished("prod")] == [2, 3, 4]
        store.end("prod", "step-2")
        store.fail("prod", "step-1", "no answer")
        assert [b.step for b in open_store(tmp_path).unfinished("prod")] == ["step-3"]
    assert [b.step for b in open_store(tmp_path).unfinished("prod")] == ["step-3"]


def test_a_dropped_cluster_that_is_made_again_goes_on_counting(tmp_path):
    store = open_store(tmp_path)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
        store.write("prod", (DropCluster(name="prod"),), "destroyed")
    again = open_store(tmp_path)
    assert again.state.clusters == ()
    with again.lock("prod", "test"):
        again.write("prod", states.recorded("prod"), "because")
    home = open_store(tmp_path).state.cluster("prod")
    assert home is not None
    assert home.serial == 3


def test_the_lock_reads_what_another_run_wrote_since_opening(tmp_path):
    early = open_store(tmp_path)
    with open_store(tmp_path).lock("prod", "another") as _:
        pass
    other = open_store(tmp_path)
    with other.lock("prod", "another"):
        other.write("prod", states.recorded("prod"), "because")
    assert early.state.clusters == ()
    with early.lock("prod", "me"):
        assert early.state == other.state


def test_without_its_lock_a_cluster_is_not_written(tmp_path):
    store = open_store(tmp_path)
    with pytest.raises(ValueError, match="only under its lock"):
        store.write("prod", states.recorded("prod"), "because")
    with store.lock("prod", "test"), pytest.raises(ValueError, match="only under its lock"):
        store.write("staging", states.recorded("staging"), "because")


def test_one_process_does_not_take_a_lock_twice(tmp_path):
    first, second = open_store(tmp_path), open_store(tmp_path)
    with (
        first.lock("prod", "first at it"),
        pytest.raises(Locked, match="first at it"),
        second.lock("prod", "second"),
    ):
        pass
    with open_store(tmp_path).lock("prod", "second"):
        pass


@pytest.mark.parametrize(
    "changes",
    [
        (PutNode(node=states.node("staging", 1)),),
        (SetCurrent(name="prod"),),
        (states.services("staging", "api"),),
        (msgspec.structs.replace(states.services("staging", "api"), cluster="prod"),),
    ],
)
def test_a_record_changes_its_own_cluster_only(tmp_path, changes):
    store = open_store(tmp_path)
    with store.lock("prod", "test"), pytest.raises(ValueError, match="not about prod alone"):
        store.write("prod", changes, "because")


def test_a_change_that_could_not_be_read_again_is_refused_before_it_is_written(tmp_path):
    store = open_store(tmp_path)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
        twin = msgspec.structs.replace(states.node("prod", 1), name="twin")
        store.write("prod", (PutNode(node=states.node("prod", 1)),), "because")
        with pytest.raises(ValueError, match="ordinal 1 of prod is here twice"):
            store.write("prod", (PutNode(node=twin),), "because")
        with pytest.raises(ValueError, match=r"malformed|invalid|truncated"):
            store.begin("prod", "step", b"{not json")
    assert open_store(tmp_path).serial("prod") == 2


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "x" * 64, "a\nb"])
def test_a_cluster_whose_name_is_no_file_name_is_refused(tmp_path, name):
    store = open_store(tmp_path)
    with pytest.raises(DyniaError, match="can't be a cluster's name"), store.lock(name, "test"):
        pass
    if name:
        with pytest.raises(DyniaError, match="can't be a cluster's name"):
            store.write_current(name)


def test_a_record_that_somebody_wrote_without_the_lock_is_never_overwritten():
    """Some network file systems have no working locks: the number is what keeps two writers apart."""
    disk = new_disk()
    one = open_store(HOME, disk=disk)
    with one.lock("prod", "one"):
        disk.held.clear()
        two = open_store(HOME, disk=disk)
        with two.lock("prod", "two"):
            two.write("prod", states.recorded("prod"), "because")
            with pytest.raises(Locked, match="prod: meanwhile another one took over: two "):
                one.begin("prod", "step", b"{}")
            with pytest.raises(Locked, match="prod: meanwhile another one took over: two "):
                one.begin("prod", "step", b"{}")
            disk.held.clear()
    assert open_store(HOME, disk=best(disk)).state == two.state


def test_a_state_that_was_swapped_for_another_while_open_is_noticed(tmp_path):
    store = open_store(tmp_path)
    (tmp_path / "state.json").unlink()
    open_store(tmp_path)
    with pytest.raises(DyniaError, match="replaced by another state"), store.lock("prod", "test"):
        pass


def test_a_folder_that_nobody_may_write_to_is_a_clear_error():
    """/sys, as an example that is one for root too."""
    with pytest.raises(DyniaError, match=r"can't keep the state in /sys: .* \(/sys/.dynia\)") as caught:
        open_store(Path("/sys"))
    assert "must be writable" in caught.value.hint


def test_a_folder_in_the_place_of_the_lock_is_a_clear_error(tmp_path):
    store = open_store(tmp_path)
    (tmp_path / ".dynia" / "lease" / "prod" / "00000000.lock").mkdir(parents=True)
    with pytest.raises(DyniaError, match=r"is a directory \(.*00000000.lock\)"), store.lock("prod", "test"):
        pass


def test_entries_that_a_person_reordered_are_read_in_the_models_order(tmp_path):
    store = open_store(tmp_path)
    with store.lock("prod", "test"):
        store.write("prod", (*states.recorded("prod"), *states.born("prod", 1), *states.born("prod", 2)), "x")
    tree = json.loads((tmp_path / "state.json").read_text())
    tree["nodes"].reverse()
    (tmp_path / "state.json").write_text(json.dumps(tree))
    assert open_store(tmp_path).state == store.state


def test_a_file_system_without_hard_links_works_too(tmp_path):
    import errno
    import os

    from dynia.state.disk import LocalDisk

    class NoLinks(LocalDisk):
        def link(self, source: Path, target: Path) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source))

    store = open_store(tmp_path, disk=NoLinks())
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
        assert open_store(tmp_path).state == store.state
