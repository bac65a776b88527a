"""What a place for the state must keep, whatever it is: every kind is asked the same."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest

from dynia.interfaces import cli
from dynia.interfaces.desired import FileState, GitState
from dynia.interfaces.errors import DyniaError, Locked
from dynia.interfaces.state_place import MOVED, kept_state, open_state
from dynia.services.leased import unhurried
from dynia.state.lease import Lessee, beat_every
from dynia.state.model import State
from dynia.state.store import Store, open_store
from tests.contract.state_world import FileWorld, GitWorld, World, git
from tests.fakes import states
from tests.fakes.cloud import Cloud, Engine
from tests.fakes.story import states_of, story
from tests.plans import worlds

KINDS = ("file", "git")


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return FileWorld(tmp_path) if request.param == "file" else GitWorld(tmp_path).begin()


def written(store: Store, cluster: str = "prod") -> None:
    with store.lock(cluster, "test"):
        store.write(cluster, states.recorded(cluster), "because")


def test_a_whole_story_reads_the_same_from_another_place_after_every_turn(world: World) -> None:
    from contextlib import ExitStack

    store = world.store(1)
    turns = [turn for turn in story() if not turn.name.startswith("current")]
    expected = states_of(turns, store.state.lineage)
    with ExitStack() as held:
        for turn, after in zip(turns, expected[1:], strict=True):
            turn.deed(store, held)
            assert store.state == after, turn.name
            if turn.name in ("snapshot", "unlock") or turn.name.startswith(("begin", "fail")):
                assert world.store(2, make=False).state == after, turn.name


def test_what_was_recorded_is_there_before_the_call_returns(world: World) -> None:
    """The intent is pushed before the create: whoever looks afterwards, from wherever, sees it."""
    store = world.store(1)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
        store.begin("prod", "node-1/provision", b"{}", states.begun("prod", 1))
        other = world.store(2, make=False)
        assert [i.step for i in other.state.intents] == ["node-1/provision"]
        assert [b.step for b in other.unfinished("prod")] == ["node-1/provision"]


def test_there_is_one_first_state(world: World) -> None:
    first, second = world.store(1), world.store(2)
    assert first.state.lineage and first.state.lineage == second.state.lineage


def test_a_state_made_again_takes_its_lineage_and_goes_on_above_what_nodes_were_told(world: World) -> None:
    store = world.store(1)
    store.take_lineage("f" * 32)
    with store.lock("prod", "test", above=7):
        store.write("prod", states.recorded("prod"), "made again", above=120)
    other = world.store(2)
    assert (other.state.lineage, other.serial("prod"), other.fencing("prod")) == ("f" * 32, 121, 8)
    with pytest.raises(DyniaError, match="is of lineage"):
        other.take_lineage("e" * 32)


def test_two_first_states_at_the_same_moment_are_one(world: World) -> None:
    world.place(1), world.place(2)  # clones are made one after the other
    gate, found = threading.Barrier(2), dict[int, str]()

    def begin(run: int) -> None:
        gate.wait()
        found[run] = world.store(run).state.lineage

    _both(begin)
    assert found[1] == found[2] == world.store(1, make=False).state.lineage


def test_who_has_the_lease_is_named_to_the_other(world: World) -> None:
    first, second = world.store(1), world.store(2)
    with first.lock("prod", "ci@runner-1"):
        with pytest.raises(Locked, match="prod is locked by ci@runner-1"), second.lock("prod", "me"):
            raise AssertionError("two have it")
        with second.lock("staging", "me"):
            second.write("staging", states.recorded("staging"), "because")
    with second.lock("prod", "me"):
        second.write("prod", states.recorded("prod"), "because")
    assert {c.name for c in world.store(1).state.clusters} == {"prod", "staging"}


def test_of_two_that_race_for_the_lease_one_has_it_and_serials_are_there_once(world: World) -> None:
    """Whoever is late waits and tries again: nobody's record is lost, and no number is there twice."""
    written(world.store(1))
    world.place(2)
    gate, each = threading.Barrier(2), 3
    errors: list[BaseException] = []

    def write(run: int) -> None:
        store = world.store(run)
        gate.wait()
        done = 0
        try:
            for _ in range(400):
                try:
                    with store.lock("prod", f"run-{run}"):
                        store.begin("prod", f"run-{run}/{done}", b"{}")
                        store.end("prod", f"run-{run}/{done}")
                        done += 1
                except Locked:
                    continue
                if done == each:
                    return
            raise AssertionError(f"run {run} had the lease {done} times only")
        except BaseException as error:  # noqa: BLE001 - told by the thread that asserts
            errors.append(error)

    _both(write)
    assert errors == []
    store = world.store(1)
    home = store.state.cluster("prod")
    assert home is not None and home.serial == 1 + 2 * 2 * each
    assert store.unfinished("prod") == ()


def test_who_was_taken_over_writes_nothing_more(world: World) -> None:
    first, second = world.store(1), world.store(2)
    written(first)
    with pytest.raises(Locked, match="took over"), first.lock("prod", "frozen"):
        first.begin("prod", "node-1/caddy/push", b"{}")
        with second.lock("prod", "me", past=first.fencing("prod")):
            assert second.fencing("prod") > 1
            second.begin("prod", "node-2/caddy/push", b"{}")
            second.end("prod", "node-2/caddy/push")
            after = second.state
        assert after == world.store(3, make=False).state
        first.end("prod", "node-1/caddy/push", (states.services("prod", "api"),))
    assert world.store(3, make=False).state == after
    with world.store(1).lock("prod", "next"):
        pass


def test_the_lease_of_a_run_that_died_can_be_taken_over(world: World) -> None:
    store = world.store(1)
    written(store)
    dead = store.lock("prod", "killed")
    dead.__enter__()
    store.begin("prod", "node-1/caddy/push", b"{}")
    other = world.store(2)
    tenant = other.tenant("prod")
    assert tenant.lessee is not None and tenant.lessee.who == "killed" and tenant.beat
    with pytest.raises(Locked), other.lock("prod", "me"):
        raise AssertionError("two have it")
    with other.lock("prod", "me", past=tenant.fencing):
        assert [b.step for b in other.unfinished("prod")] == ["node-1/caddy/push"] or not other.unfinished(
            "prod"
        )
        other.write("prod", states.recorded("prod"), "because")
    assert world.store(3, make=False).tenant("prod").fencing == tenant.fencing + 1


def test_a_beat_is_seen_from_elsewhere(world: World) -> None:
    store, other = world.store(1), world.store(2)
    with store.lock("prod", "me"):
        before = other.tenant("prod").beat
        store.beat("prod")
        assert other.tenant("prod").beat != before


def test_snapshots_of_two_clusters_do_not_undo_each_other(world: World) -> None:
    first, second = world.store(1), world.store(2)
    with first.lock("prod", "a"), second.lock("staging", "b"):
        first.write("prod", states.recorded("prod"), "because")
        second.write("staging", states.recorded("staging"), "because")
        first.snapshot()
        second.snapshot()
        first.write("prod", (*states.born("prod", 1),), "because")
        second.write("staging", (*states.born("staging", 1),), "because")
        first.snapshot()
        second.snapshot()
    found = world.store(3, make=False).state
    assert {n.cluster for n in found.nodes} == {"prod", "staging"}
    assert {c.name: c.serial for c in found.clusters} == {"prod": 2, "staging": 2}


def test_looking_writes_nothing(world: World) -> None:
    assert world.store(1, make=False).state == State()
    written(world.store(1))
    before = _all(world)
    for run in (1, 2):
        store = world.store(run, make=False)
        store.tenant("prod")
    assert _all(world) == before


def test_a_drill_is_kept(world: World) -> None:
    store = world.store(1)
    for number in (1, 2):
        store.keep_drill("prod", b'{"n": %d}' % number)
    other = world.disk(2)
    other.read(world.place(2) / "state.json", 1 << 20)
    assert other.names(world.place(2) / ".dynia" / "drills" / "prod") == ["00000001.json", "00000002.json"]


def test_the_history_is_seen_from_elsewhere_and_is_no_write_of_the_state(world: World) -> None:
    store = world.store(1)
    written(store)
    serial = store.serial("prod")
    assert store.history("prod").begin(b"one") == 1
    store.history("prod").end(1, b"ended")
    other = world.store(2, make=False)
    assert other.history("prod").begin(b"two") == 2
    again = world.store(1, make=False)
    kept = again.history("prod")
    assert kept.numbers() == (2, 1) and kept.read(1).ended == b"ended" and kept.read(2).begun == b"two"
    assert (again.serial("prod"), again.state) == (serial, store.state)


def test_of_two_that_begin_at_the_same_moment_each_has_its_number(world: World) -> None:
    written(world.store(1))
    stores, numbers = {run: world.store(run) for run in (1, 2)}, []
    _both(lambda run: numbers.append(stores[run].history("prod").begin(b"%d" % run)))
    assert sorted(numbers) == [1, 2]
    kept = world.store(1).history("prod")
    assert {kept.read(number).begun for number in (1, 2)} == {b"1", b"2"}


def _both(deed: object) -> None:
    threads = [threading.Thread(target=deed, args=(run,)) for run in (1, 2)]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _all(world: World) -> object:
    if isinstance(world, GitWorld):
        return git(world.remote, "for-each-ref")
    return {p: p.read_bytes() for p in world.folder.rglob("*") if p.is_file()}


# Of git alone.


@pytest.fixture
def shared(tmp_path: Path) -> GitWorld:
    return GitWorld(tmp_path).begin()


def test_no_branch_and_no_working_tree_is_touched(shared: GitWorld) -> None:
    main = git(shared.remote, "rev-parse", "main")
    written(shared.store(1))
    written(shared.store(2))
    assert git(shared.remote, "for-each-ref", "--format=%(refname)").split() == [
        "refs/dynia/state",
        "refs/heads/main",
    ]
    assert git(shared.remote, "rev-parse", "main") == main
    for run in (1, 2):
        clone = shared.place(run)
        assert git(clone, "status", "--porcelain", "--untracked-files=no") == ""
        assert git(clone, "log", "--format=%s", "HEAD") == "clusters"
        assert not (clone / "state.json").exists()
        assert git(clone, "stash", "list") == "" and git(clone, "diff", "--cached") == ""


def test_every_write_is_one_commit_and_none_is_lost(shared: GitWorld) -> None:
    store = shared.store(1)
    with store.lock("prod", "test"):
        before = int(git(shared.remote, "rev-list", "--count", "refs/dynia/state"))
        store.write("prod", states.recorded("prod"), "because")
        store.begin("prod", "node-1/caddy/push", b"{}")
        store.end("prod", "node-1/caddy/push")
        assert int(git(shared.remote, "rev-list", "--count", "refs/dynia/state")) == before + 3
    assert git(shared.remote, "rev-list", "--merges", "refs/dynia/state") == ""


def test_a_remote_that_says_no_is_told_and_nothing_is_half_written(shared: GitWorld) -> None:
    store = shared.store(1)
    written(store)
    hook = shared.remote / "hooks" / "pre-receive"
    with store.lock("prod", "test"):
        hook.write_text("#!/bin/sh\necho 'no room for you' >&2\nexit 1\n")
        with pytest.raises(DyniaError, match="no room for you"):
            store.write("prod", (states.services("prod", "api"),), "because")
        assert shared.store(2, make=False).state.deployments == ()
        hook.write_text(GitWorld.HOOK)
        store.write("prod", (states.services("prod", "api"),), "because")
    assert [d.name for d in shared.store(2, make=False).state.deployments] == ["api"]


def test_an_answer_that_gets_lost_is_no_second_write(shared: GitWorld) -> None:
    """The ref is moved, and then the connection breaks: what git reports is a failure."""
    store = shared.store(1)
    written(store)
    hook = shared.remote / "hooks" / "post-receive"
    with store.lock("prod", "test"):
        hook.write_text('#!/bin/sh\nkill -9 "$(ps -o ppid= -p "$PPID" | tr -d " ")" "$PPID"\n')
        hook.chmod(0o755)
        store.write("prod", (states.services("prod", "api"),), "because")
        hook.unlink()
        store.write("prod", (states.services("prod", "api", "mailer"),), "because")
    home = shared.store(2, make=False).state.cluster("prod")
    assert home is not None and home.serial == 3


def test_a_remote_that_hangs_is_given_up_in_time_and_credentials_are_not_repeated(
    shared: GitWorld, tmp_path: Path
) -> None:
    from dynia.state.git_command import Git, GitFailed, _words

    folder = shared.place(1)
    git(folder, "config", "core.sshCommand", "cat <&- >/dev/null; exec tail -f /dev/null #")
    git(folder, "remote", "set-url", "origin", "ssh://git@198.18.0.1/x")
    with pytest.raises(GitFailed, match="did not end within 1 s"):
        Git(folder, timeout_s=1).run("ls-remote", "origin")
    git(folder, "remote", "set-url", "origin", "http://me:hunter2@127.0.0.1:1/x.git")
    with pytest.raises(GitFailed) as caught:
        Git(folder, timeout_s=10).run("ls-remote", "origin")
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"
    said = _words("push", "fatal: unable to access 'https://me:hunter2@example.com/x.git/': 403\n")
    assert said == "git push: unable to access 'https://example.com/x.git/': 403"


def test_a_folder_of_no_repository_is_told(tmp_path: Path) -> None:
    from dynia.state.git_disk import GitDisk

    with pytest.raises(DyniaError, match="is in no repository"):
        GitDisk(tmp_path, tmp_path / "state.json")


def test_a_lock_that_was_never_ours_is_not_taken_away(shared: GitWorld) -> None:
    """Two runs name the same lock, and one is first: the other lets go of nothing but its own."""
    written(shared.store(1))
    winner, loser = shared.disk(1), shared.disk(2)
    home = shared.place(2)
    lock = home / ".dynia" / "lease" / "prod" / "00000007.lock"
    loser.read(home / "state.json", 1 << 20)
    lost = loser.hold(lock, "second", wait=0.0)
    there = shared.place(1)
    winner.read(there / "state.json", 1 << 20)
    winner.hold(there / ".dynia" / "lease" / "prod" / "00000007.lock", "first", wait=0.0)
    winner.write(there / ".dynia" / "won", b"")
    with pytest.raises(FileExistsError):
        loser.write(home / ".dynia" / "won", b"")
    lost.close()
    third = shared.disk(3)
    third.read(shared.place(3) / "state.json", 1 << 20)
    with pytest.raises(Locked, match="by first"):
        third.hold(shared.place(3) / ".dynia" / "lease" / "prod" / "00000007.lock", "third", wait=0.0)


def test_what_somebody_else_put_in_place_meanwhile_is_not_overwritten(shared: GitWorld) -> None:
    written(shared.store(1))
    one, two = shared.disk(1), shared.disk(2)
    for disk, run in ((one, 1), (two, 2)):
        state = shared.place(run) / "state.json"
        disk.read(state, 1 << 20)
        disk.write(state.with_name("new.tmp"), b"run %d" % run)
    one.rename(shared.place(1) / "new.tmp", shared.place(1) / "state.json")
    with pytest.raises(Locked, match="written by another run meanwhile"):
        two.rename(shared.place(2) / "new.tmp", shared.place(2) / "state.json")
    assert two.read(shared.place(2) / "state.json", 1 << 20) == b"run 1"


def opened(shared: GitWorld, run: int, *, make: bool = True) -> Store:
    return open_state(shared.place(run), GitState(), make=make)


def test_a_state_beside_the_file_goes_to_git_once_and_goes_on_there(shared: GitWorld) -> None:
    folder = shared.place(1)
    local = open_state(folder, FileState())
    written(local)
    with local.lock("prod", "test"):
        local.begin("prod", "node-1/provision", b"{}", states.begun("prod", 1))
    before, fencing = local.state, local.fencing("prod")
    assert opened(shared, 1, make=False).state == before  # a look moves nothing
    assert (folder / "state.json").exists()
    assert opened(shared, 1).state == before
    assert not (folder / "state.json").exists() and (folder / ".dynia" / MOVED).exists()
    other = opened(shared, 2)
    assert other.state == before
    with other.lock("prod", "test"):
        assert other.fencing("prod") > fencing
        other.write("prod", (states.services("prod", "api"),), "because")
    assert [d.name for d in opened(shared, 1).state.deployments] == ["api"]


def test_back_to_a_file_makes_no_second_first_state(shared: GitWorld) -> None:
    written(opened(shared, 1))
    with pytest.raises(DyniaError, match="has a state in git"):
        open_state(shared.place(1), FileState())
    assert not (shared.place(1) / "state.json").exists()


def test_another_state_beside_the_file_is_told(shared: GitWorld) -> None:
    written(opened(shared, 1))
    written(open_store(shared.place(2)))
    with pytest.raises(DyniaError, match="is another state than the one in git"):
        opened(shared, 2)


def test_the_current_cluster_stays_in_its_working_tree(shared: GitWorld) -> None:
    written(opened(shared, 1))
    opened(shared, 1).write_current("prod")
    assert opened(shared, 1).state.current_cluster == "prod"
    assert opened(shared, 2).state.current_cluster is None
    with opened(shared, 1).lock("prod", "test"):
        pass
    assert shared.store(3, make=False).state.current_cluster is None
    opened(shared, 1).write_current(None)
    assert opened(shared, 1).state.current_cluster is None


def test_a_repository_without_a_remote_is_told(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(DyniaError, match="it has no remote"):
        open_state(tmp_path, GitState())


def test_the_file_says_where_it_is_kept_whatever_else_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "clusters.yaml"
    for text, kind in (
        ("state: {kind: git}\nclusters: {prod: {nodez: 3}}\n", GitState()),
        ("state: {kind: file}\n", FileState()),
        ("state: {kind: [\n", FileState()),
        ("state: git\n", FileState()),
        ("", FileState()),
    ):
        path.write_text(text)
        assert kept_state(path) == kind, text
    assert kept_state(tmp_path / "none.yaml") == FileState()


FILE = """\
state: {kind: git}
clusters:
  prod:
    provider: {kind: docker}
    nodes: {count: 1}
"""


def test_every_verb_of_the_state_finds_it_in_git(
    shared: GitWorld, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    def dynia(*arguments: str) -> bytes:
        assert cli.run(arguments) == 0, capfdbinary.readouterr()
        return capfdbinary.readouterr().out

    monkeypatch.delenv("DYNIA_FILE", raising=False)
    monkeypatch.delenv("DYNIA_CLUSTER", raising=False)
    folder = shared.place(1)
    (folder / "clusters.yaml").write_text(FILE)
    monkeypatch.chdir(folder)
    written(opened(shared, 2))
    assert b"prod" in dynia("state", "show") and b"prod" in dynia("cluster", "list")
    copy = dynia("state", "pull")
    dynia("context", "use", "prod")
    assert dynia("context", "current") == b"prod\n"
    (folder / "copy.json").write_bytes(copy)
    store = opened(shared, 2)
    with store.lock("prod", "test"):
        store.write("prod", (states.services("prod", "api"),), "because")
    dynia("state", "push", "--yes", "--force", str(folder / "copy.json"))
    assert opened(shared, 2).state.deployments == ()
    assert b"is not locked" in dynia("state", "unlock", "--cluster", "prod", "--yes")
    assert not (folder / "state.json").exists()


def test_an_apply_that_dies_in_one_clone_is_finished_from_another(shared: GitWorld) -> None:
    """Law 3, with nothing in common but the remote: what was begun is known there before it is done."""
    cloud, spec = Cloud(), worlds.cluster(1, services=())

    class Died(BaseException):
        pass

    def die(what: str) -> None:
        if what == "created 1":
            raise Died(what)

    cloud.tick = die
    first = Engine(cloud, shared.disk(1), spec, home=shared.place(1))
    with pytest.raises(Died):
        first.apply()
    cloud.tick = lambda what: None
    assert sum(cloud.made.values()) == 1 and first.store.state.nodes == ()
    done = Engine(cloud, shared.disk(2), spec, home=shared.place(2)).apply()
    assert (done.exit_code, done.left, dict(cloud.made)) == (0, (), {1: 1})
    assert Engine(cloud, shared.disk(3), spec, home=shared.place(3)).plan().empty


def test_no_beat_is_due_while_a_drill_measures(shared: GitWorld) -> None:
    written(opened(shared, 1))
    session = Engine(Cloud(), shared.disk(1), None, home=shared.place(1)).run.session
    drill = dataclasses.replace(session, store=opened(shared, 1), lease=Lessee(who="me", term=120.0))
    quiet = unhurried(drill).lease
    assert quiet is not None and beat_every(quiet.term) > 2 * 60
    local = dataclasses.replace(drill, store=open_store(shared.folder))
    assert unhurried(local) is local
