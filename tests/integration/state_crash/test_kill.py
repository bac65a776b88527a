"""Real processes: killed with SIGKILL at every write, racing each other, meeting each other's lock."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dynia.interfaces.errors import Locked
from dynia.state.model import State
from dynia.state.store import open_store

ROOT = Path(__file__).parents[3]


def command(folder: Path, cluster: str, count: int, *options: str) -> list[str]:
    return [
        sys.executable, "-m", "tests.integration.state_crash.run", str(folder), cluster, str(count), *options
    ]  # fmt: skip


def run(folder: Path, cluster: str, count: int, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, cluster, count, *options), cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def acknowledged(lines: str) -> int:
    """The last ordinal that the run said was written; -1 before the cluster itself was."""
    return int(lines.split()[-1]) if lines.split() else -1


def holds(state: State, cluster: str, least: int) -> None:
    """At least `least` nodes are there, in an unbroken row, and at most one more."""
    ordinals = [n.ordinal for n in state.nodes_of(cluster)]
    assert ordinals == list(range(1, len(ordinals) + 1))
    assert max(least, 0) <= len(ordinals) <= max(least, 0) + 1
    assert least < 0 or state.cluster(cluster) is not None


def test_killed_at_every_step_of_every_write_it_loses_nothing_acknowledged(tmp_path):
    killed = 0
    for kill_at in range(1, 500):
        folder = tmp_path / str(kill_at)
        folder.mkdir()
        ended = run(folder, "prod", 2, "--kill-at", str(kill_at), "--fold-after", "3")
        store = open_store(folder)
        holds(store.state, "prod", acknowledged(ended.stdout))
        with store.lock("prod", "the next run"):
            holds(store.state, "prod", acknowledged(ended.stdout))
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        killed += 1
    assert killed > 40


@pytest.mark.parametrize("after", [0, 3, 17, 40])
def test_killed_from_outside_in_the_middle_of_a_long_run_it_loses_nothing_acknowledged(tmp_path, after):
    child = subprocess.Popen(
        command(tmp_path, "prod", 100_000, "--fold-after", "5"), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= after:
            break
    child.kill()
    rest = child.stdout.read()
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    holds(open_store(tmp_path).state, "prod", max(after, acknowledged(rest)))


def test_a_begun_step_without_an_end_is_known_after_a_kill_until_the_next_run_writes(tmp_path):
    for kill_at in range(20, 120):
        folder = tmp_path / str(kill_at)
        folder.mkdir()
        run(folder, "prod", 1, "--kill-at", str(kill_at))
        store = open_store(folder)
        if store.unfinished("prod"):
            break
    assert [begun.step for begun in store.unfinished("prod")] == ["node-1/provision"]
    with store.lock("prod", "the next run"):
        assert [begun.step for begun in store.unfinished("prod")] == ["node-1/provision"]
        store.write("prod", (), "looked at the world again")
        assert store.unfinished("prod") == ()


def test_two_clusters_are_written_at_once_while_others_read_and_change_the_context(tmp_path):
    store = open_store(tmp_path)
    writers = [
        subprocess.Popen(
            command(tmp_path, name, 120, "--fold-after", "4"), cwd=ROOT, stdout=subprocess.DEVNULL
        )
        for name in ("prod", "staging")
    ]
    seen, turns = {"prod": 0, "staging": 0}, 0
    while any(writer.poll() is None for writer in writers):
        turns += 1
        store.write_current("prod" if turns % 2 else "staging")
        reader = open_store(tmp_path)
        assert reader.state.current_cluster == ("prod" if turns % 2 else "staging")
        assert reader.notes == ()
        for name in seen:
            assert reader.serial(name) >= seen[name], "a serial went back"
            seen[name] = reader.serial(name)
            holds(reader.state, name, len(reader.state.nodes_of(name)) or -1)
    assert [writer.wait() for writer in writers] == [0, 0]
    assert turns > 5
    final = open_store(tmp_path)
    for name in seen:
        assert len(final.state.nodes_of(name)) == 120
        assert final.serial(name) == 1 + 2 * 120
        assert final.state.intents == ()


def test_a_held_lock_names_its_holder_blocks_only_its_cluster_and_is_free_after_a_kill(tmp_path):
    child = subprocess.Popen(command(tmp_path, "prod", 100_000), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    store = open_store(tmp_path)
    with pytest.raises(Locked) as caught, store.lock("prod", "me"):
        pass
    assert caught.value.exit_code == 5
    assert f"run of prod (process {child.pid} on " in caught.value.message
    assert "--lock-wait" in caught.value.hint and "state unlock" in caught.value.hint
    with store.lock("staging", "me"):
        pass
    child.kill()
    child.wait()
    child.stdout.close()
    with store.lock("prod", "me"):
        assert store.state.cluster("prod") is not None


def limited(folder: Path, most: int) -> subprocess.CompletedProcess[str]:
    """A run under a limit of the kernel's, met in the middle of a write."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return subprocess.run(
        command(folder, "prod", 50), cwd=ROOT, capture_output=True, text=True, preexec_fn=limit, timeout=60
    )


def test_a_record_that_may_not_grow_is_a_clear_error_and_the_state_stays_readable(tmp_path):
    """One that is cut is never linked. The kernel's error has no name of a file in it, the message has."""
    ended = limited(tmp_path, 600)
    assert ended.returncode == 1
    told = rf"NotKept: can't keep the state in {tmp_path}: file too large \({tmp_path}/\.dynia/journal/prod/\S+\)"
    assert re.search(told, ended.stderr), ended.stderr
    holds(open_store(tmp_path).state, "prod", acknowledged(ended.stdout))
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_snapshot_that_may_not_grow_takes_nothing_back_and_the_next_run_is_told_before_it_does_anything(
    tmp_path,
):
    """state.json says nothing that the journal does not say."""
    ended = limited(tmp_path, 1500)
    assert (ended.returncode, acknowledged(ended.stdout)) == (0, 50)
    before = {str(p): p.read_bytes() for p in (tmp_path / ".dynia" / "journal").rglob("*.json")}
    holds(open_store(tmp_path, make=False).state, "prod", 50)
    again = limited(tmp_path, 1500)
    assert (again.returncode, again.stdout) == (1, "")
    assert f"file too large ({tmp_path}/.dynia/state.json." in again.stderr
    after = {str(p): p.read_bytes() for p in (tmp_path / ".dynia" / "journal").rglob("*.json")}
    assert after.items() >= before.items() and len(after) == len(before) + 1, "it took the lease, no more"
    with open_store(tmp_path).lock("prod", "me"):
        assert not list(tmp_path.rglob("*.tmp"))
    holds(open_store(tmp_path).state, "prod", 50)
