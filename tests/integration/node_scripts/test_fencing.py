"""A node keeps the highest number of a lease that it has seen, and does nothing for a run with a lower one."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

import pytest

from dynia.interfaces.errors import DyniaError, Locked
from dynia.interfaces.node_requests import Fence, ObserveRequest, PushRequest, RemoveRequest
from dynia.providers.ssh import answers, messages
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args


def fence(number: int, cluster: str = "prod", lineage: str = LINEAGE) -> Fence:
    return Fence(lineage=lineage, cluster=cluster, number=number)


def push(machine: Machine, content: str, by: Fence | None) -> tuple[str, str]:
    file = machine.file("haproxy/haproxy.cfg", content)
    answer = machine.push(PushRequest(component="haproxy", lineage=LINEAGE, files=(file,), fence=by))
    return answer.phase, answer.output


def kept(machine: Machine) -> str:
    return (Path(machine.places.var) / "fencing").read_text()


def everything(machine: Machine) -> dict[str, tuple[bytes, int]]:
    found = Path(machine.root).rglob("*")
    log = f"{machine.places.var}/log"
    return {
        str(p): (p.read_bytes(), p.stat().st_ino)
        for p in found
        if p.is_file() and str(p) != log and p.name != "dynia.lock"
    }


def test_a_push_with_a_lower_number_is_refused_before_anything_is_touched(machine: Machine) -> None:
    assert push(machine, "by 7\n", fence(7)) == ("done", "")
    before = everything(machine)
    assert push(machine, "by 6\n", fence(6)) == ("fenced", "7")
    assert everything(machine) == before
    assert kept(machine) == "prod 7\n"


def test_the_same_number_and_higher_ones_go_on(machine: Machine) -> None:
    for number in (7, 7, 9, 10, 100):
        assert push(machine, f"by {number}\n", fence(number)) == ("done", "")
        assert kept(machine) == f"prod {number}\n"
    assert machine.read("haproxy/haproxy.cfg") == "by 100\n"
    assert push(machine, "by 99\n", fence(99)) == ("fenced", "100")


def test_a_look_under_a_lease_is_enough_to_fence_whoever_came_before(machine: Machine) -> None:
    machine.observe(ObserveRequest(roots=(machine.places.opt,), fence=fence(8)))
    assert push(machine, "by 7\n", fence(7)) == ("fenced", "8")
    machine.observe(ObserveRequest(roots=(machine.places.opt,), fence=fence(5)))
    assert kept(machine) == "prod 8\n", "a look with a lower number takes nothing back"


def test_a_look_without_a_lease_leaves_no_trace(machine: Machine) -> None:
    before = everything(machine)
    machine.observe()
    assert everything(machine) == before


def test_a_removal_is_refused_too(machine: Machine) -> None:
    machine.observe(ObserveRequest(roots=(machine.places.opt,), fence=fence(8)))
    before = everything(machine)
    request = RemoveRequest(
        component="haproxy", lineage=LINEAGE, paths=(machine.path("haproxy"),), fence=fence(7),
        deactivate=f"rm {machine.path('live')}",
    )  # fmt: skip
    assert machine.remove(request).phase == "fenced"
    assert everything(machine) == before


def test_a_bootstrap_is_refused_too_and_the_first_one_keeps_its_number(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    bare = Machine(tmp_path / "bare")
    bare.bootstrap(fence(3))
    assert kept(bare) == "prod 3\n"
    with pytest.raises(Locked, match="another run took over: its lock has number 3"):
        bare.bootstrap(fence(2))


def test_an_image_is_refused_too(machine: Machine) -> None:
    machine.observe(ObserveRequest(roots=(machine.places.opt,), fence=fence(8)))
    raw = machine.run("image", ("pull", "repo@sha256:1", "", "5"), b"", fence(7))
    assert raw == b"\x01image\0\x01fenced\x008\0\x01end\0"


def command(machine: Machine, deadline: str, *argv: str, by: Fence) -> str:
    return machine.command("deed", (deadline, *argv), fence=by)


def deed(machine: Machine, *argv: str, by: Fence, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """A command that changes something, as a drill has them, to its end."""
    line = command(machine, "5", *argv, by=by)
    return subprocess.run(["sh", "-c", line], input=stdin, capture_output=True, timeout=60, check=False)


def test_a_command_runs_for_who_was_not_overtaken_and_what_it_tells_is_its_own(machine: Machine) -> None:
    path = machine.path("live")
    script = 'cat >"$1"; echo out; echo err >&2; exit 3'
    done = deed(machine, "sh", "-c", script, "sh", path, by=fence(7), stdin=b"a key\n")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert (machine.read("live"), kept(machine)) == ("a key\n", "prod 7\n")
    answers.refuse_deed(done.returncode, done.stdout)
    own = deed(machine, "sh", "-c", "echo out; exit 75", by=fence(7))
    answers.refuse_deed(own.returncode, own.stdout)


def test_a_command_of_a_lower_number_is_not_begun(machine: Machine) -> None:
    machine.observe(ObserveRequest(roots=(machine.places.opt,), fence=fence(8)))
    before = everything(machine)
    done = deed(machine, "rm", "-rf", machine.path("haproxy"), by=fence(7))
    assert everything(machine) == before
    with pytest.raises(Locked, match="another run took over: its lock has number 8") as caught:
        answers.refuse_deed(done.returncode, done.stdout)
    assert caught.value.exit_code == 5


def test_a_command_waits_for_the_node_s_lock_and_keeps_it_no_longer_than_it_runs(machine: Machine) -> None:
    """What it leaves behind (a program that it started) has no part in the lock."""
    lock = Path(machine.places.run) / "dynia.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        held.write("1700000000 haproxy\n")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        before = everything(machine)
        done = deed(machine, "rm", machine.path("live"), by=fence(7))
        assert everything(machine) == before
        with pytest.raises(Locked, match="the node is busy: its lock is held by a push of haproxy"):
            answers.refuse_deed(done.returncode, done.stdout)
    try:
        left = "tail -f /dev/null >/dev/null 2>&1 & echo $!"
        done = deed(machine, "sh", "-c", left, by=fence(7))
        assert done.returncode == 0
        assert push(machine, "the next one\n", fence(7)) == ("done", "")
    finally:
        subprocess.run(["kill", done.stdout.decode().strip()], check=False)


def test_a_command_is_not_begun_where_its_number_can_not_be_kept(machine: Machine) -> None:
    (Path(machine.places.var) / ".fencing").mkdir()
    before = machine.files()
    done = deed(machine, "rm", "-rf", machine.path("haproxy"), by=fence(7))
    assert machine.files() == before
    with pytest.raises(DyniaError, match="could not be kept"):
        answers.refuse_deed(done.returncode, done.stdout)


def test_the_number_is_of_one_cluster(machine: Machine) -> None:
    """A host that went to another cluster of the same state starts there with that cluster's numbers."""
    assert push(machine, "a\n", fence(90)) == ("done", "")
    assert push(machine, "b\n", fence(3, "staging")) == ("done", "")
    assert kept(machine) == "staging 3\n"


def test_another_lineage_is_refused_as_such_and_its_number_does_not_count(machine: Machine) -> None:
    stranger = fence(1000, lineage="ffff")
    machine.observe(ObserveRequest(roots=(machine.places.opt,), fence=stranger))
    request = PushRequest(component="haproxy", lineage="ffff", fence=stranger)
    assert machine.push(request).phase == "lineage"
    assert push(machine, "ours\n", fence(1)) == ("done", "")


@pytest.mark.parametrize("torn", ["", "prod", "prod \n", "prod x\n", "\n", "prod -5\n"])
def test_a_torn_number_is_none(machine: Machine, torn: str) -> None:
    (Path(machine.places.var) / "fencing").write_text(torn)
    assert push(machine, "new\n", fence(2)) == ("done", "")
    assert kept(machine) == "prod 2\n"


def test_a_number_that_can_not_be_kept_stops_the_push(machine: Machine) -> None:
    """A disk that is full, say: who is let in must be known to whoever comes later."""
    (Path(machine.places.var) / ".fencing").mkdir()
    before = machine.files()
    assert push(machine, "new\n", fence(2)) == ("stage", "the number of the lease could not be kept")
    assert machine.files() == before


def test_a_busy_node_still_learns_the_number_from_a_look(machine: Machine) -> None:
    """So what the run before has queued behind the node's lock is refused when its turn comes."""
    lock = Path(machine.places.run) / "dynia.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        machine.observe(ObserveRequest(roots=(machine.places.opt,), fence=fence(8)))
    assert push(machine, "by 7\n", fence(7)) == ("fenced", "8")


def test_a_request_that_is_half_sent_holds_no_lock_and_is_refused_when_the_rest_comes(
    machine: Machine,
) -> None:
    """A runner that is frozen in the middle of its request must not keep the node from the one who takes over."""
    file = machine.file("haproxy/haproxy.cfg", "frozen\n")
    request = PushRequest(
        component="haproxy", lineage=LINEAGE, files=(file,), fence=fence(6), deadline_s=60.0
    )
    sent = messages.push_message(request)
    command = ["sh", "-c", machine.command("push", push_args(request), fence=fence(6))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as frozen:
        assert frozen.stdin is not None
        frozen.stdin.write(sent[:600])
        frozen.stdin.flush()
        stages = Path(machine.places.var)
        while not any(stages.glob("stage*")) and frozen.poll() is None:
            pass
        assert push(machine, "by 7\n", fence(7)) == ("done", "")
        told, _ = frozen.communicate(sent[600:], timeout=60)
    answer = answers.parse_push(told)
    assert (answer.phase, answer.output) == ("fenced", "7")
    assert machine.read("haproxy/haproxy.cfg") == "by 7\n"
    assert not list(stages.glob("stage.*"))


def test_the_answer_of_a_fenced_push_is_an_error_with_exit_5(machine: Machine) -> None:
    from dynia.services.actions.answered import must_be_done

    push(machine, "by 7\n", fence(7))
    file = machine.file("haproxy/haproxy.cfg", "late\n")
    request = PushRequest(component="haproxy", lineage=LINEAGE, files=(file,), fence=fence(6))
    raw = machine.run(
        "push", ("haproxy", LINEAGE, "haproxy", "60", "1", "0"), messages.push_message(request), fence(6)
    )
    with pytest.raises(
        Locked, match="web-1 · haproxy · another run took over: its lock has number 7"
    ) as caught:
        must_be_done("web-1", "haproxy", answers.parse_push(raw))
    assert caught.value.exit_code == 5
