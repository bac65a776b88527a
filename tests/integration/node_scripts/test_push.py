"""A push on a node: all or nothing, only what was approved, and nothing that is not listed."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from dynia.interfaces.node_requests import ExpectedFile, PushRequest
from dynia.interfaces.release import ReleaseFile
from dynia.providers.ssh.scripts import script
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args


def haproxy(machine: Machine, *files: ReleaseFile, **changes: object) -> PushRequest:
    """A push whose activation makes the config "live"."""
    values: dict[str, object] = {
        "component": "haproxy",
        "lineage": LINEAGE,
        "files": files,
        "activate": f"cat {machine.path('haproxy/haproxy.cfg')} >{machine.path('live')}",
        "probe_s": 1.0,
    }
    return PushRequest(**{**values, **changes})  # type: ignore[arg-type]


def inodes(machine: Machine) -> dict[str, tuple[int, int, int]]:
    """Inode, time and mode of every file of the component."""
    folder = Path(machine.path("haproxy"))
    return {
        str(path.relative_to(folder)): (path.lstat().st_ino, path.lstat().st_mtime_ns, path.lstat().st_mode)
        for path in folder.rglob("*")
        if not path.is_dir()
    }


def test_a_push_writes_its_files_and_leaves_the_others_alone(machine: Machine) -> None:
    before = inodes(machine)
    answer = machine.push(haproxy(machine, machine.file("haproxy/haproxy.cfg", "new\n", 0o640)))
    assert (answer.phase, answer.output, answer.restored) == ("done", "", True)
    after = inodes(machine)
    assert {name: after[name] for name in ("kept", "errors/503.http")} == {
        name: before[name] for name in ("kept", "errors/503.http")
    }
    assert machine.read("haproxy/haproxy.cfg") == machine.read("live") == "new\n"
    seen = machine.files()["haproxy/haproxy.cfg"]
    assert (seen.mode, seen.owner) == (0o640, "root:root")
    assert answer.files == (seen,)
    assert machine.observe().unfinished == ()


def test_new_folders_are_0755_and_root_s(machine: Machine) -> None:
    machine.push(haproxy(machine, machine.file("haproxy/maps/eu/hosts.map", "a b\n")))
    files = machine.files()
    for folder in ("haproxy/maps", "haproxy/maps/eu"):
        assert (files[folder].kind, files[folder].mode, files[folder].owner) == ("dir", 0o755, "root:root")


def test_deleted_files_are_gone_and_nothing_else(machine: Machine) -> None:
    request = haproxy(machine, delete=(machine.path("haproxy/errors/503.http"),), activate="")
    assert machine.push(request).phase == "done"
    assert sorted(inodes(machine)) == ["haproxy.cfg", "kept"]


@pytest.mark.parametrize("difference", ["content", "mode", "gone", "appeared", "kind"])
def test_what_changed_since_the_plan_stops_the_push_before_anything_is_touched(
    machine: Machine, difference: str
) -> None:
    new = machine.file("haproxy/new.cfg", "new\n")
    config = Path(machine.path("haproxy/haproxy.cfg"))
    expected = machine.expectations("haproxy/haproxy.cfg", "haproxy/kept", "haproxy/new.cfg")
    changed = new.path if difference == "appeared" else str(config)
    match difference:
        case "content":
            config.write_text("edited by hand\n")
        case "mode":
            config.chmod(0o600)
        case "gone":
            config.unlink()
        case "appeared":
            Path(new.path).write_text("somebody else's\n")
        case "kind":
            config.unlink()
            config.symlink_to("/etc/hostname")
    before = inodes(machine)
    answer = machine.push(
        haproxy(machine, machine.file("haproxy/haproxy.cfg", "new\n"), new, expected=expected)
    )
    assert (answer.phase, answer.changed) == ("expected", (changed,))
    assert inodes(machine) == before
    assert machine.read("live") == "old config\n"


def test_an_unchanged_node_passes_the_comparison(machine: Machine) -> None:
    expected = machine.expectations("haproxy/haproxy.cfg", "haproxy/new.cfg", "haproxy/errors")
    answer = machine.push(haproxy(machine, machine.file("haproxy/haproxy.cfg", "new\n"), expected=expected))
    assert (answer.phase, answer.changed) == ("done", ())


def test_the_check_sees_the_whole_component_as_it_will_be(machine: Machine) -> None:
    folder = f"$STAGE{machine.path('haproxy')}"
    check = f"""
test "$(cat {folder}/haproxy.cfg)" = new
test "$(cat {folder}/kept)" = kept
test ! -e {folder}/errors/503.http
test "$(cat {machine.path("haproxy/haproxy.cfg")})" = 'old config'
"""
    request = haproxy(
        machine,
        machine.file("haproxy/haproxy.cfg", "new\n"),
        delete=(machine.path("haproxy/errors/503.http"),),
        check=check,
    )
    assert (machine.push(request).phase, machine.push(request).phase) == ("done", "check")


def test_a_failing_check_touches_nothing_and_shows_its_last_lines(machine: Machine) -> None:
    before = inodes(machine)
    answer = machine.push(
        haproxy(
            machine,
            machine.file("haproxy/haproxy.cfg", "bad\n"),
            check="echo '[ALERT] unknown keyword \033[31mbad\033[0m' >&2; exit 3",
        )
    )
    assert (answer.phase, answer.restored) == ("check", True)
    assert answer.output == "[ALERT] unknown keyword bad\ncheck: exit 3"
    assert inodes(machine) == before
    assert machine.read("live") == "old config\n"
    assert machine.observe().unfinished == ()


@pytest.mark.parametrize("phase", ["activate", "probe"])
def test_a_failure_after_the_swap_puts_the_node_back_and_activates_what_was_there(
    machine: Machine, phase: str
) -> None:
    before = inodes(machine)
    live, config = machine.path("live"), machine.path("haproxy/haproxy.cfg")
    activate = f"cat {config} >{live}\necho activated"
    if phase == "activate":
        activate += f"\ngrep -q old {config}"
    answer = machine.push(
        haproxy(
            machine,
            machine.file("haproxy/haproxy.cfg", "new\n"),
            machine.file("haproxy/maps/hosts.map", "new\n"),
            delete=(machine.path("haproxy/errors/503.http"),),
            activate=activate,
            probe=f"grep old {live}" if phase == "probe" else "",
        )
    )
    assert (answer.phase, answer.restored) == (phase, True)
    assert inodes(machine) == before
    assert not Path(machine.path("haproxy/maps")).exists()
    assert machine.read("live") == "old config\n"
    assert machine.observe().unfinished == ()


def test_a_component_that_does_not_come_back_is_not_called_restored(machine: Machine) -> None:
    before = inodes(machine)
    answer = machine.push(
        haproxy(machine, machine.file("haproxy/haproxy.cfg", "new\n"), activate="echo broken; false")
    )
    assert (answer.phase, answer.restored) == ("activate", False)
    assert inodes(machine) == before


def test_a_first_push_that_fails_leaves_no_file_behind(machine: Machine) -> None:
    answer = machine.push(
        PushRequest(
            component="service/api",
            lineage=LINEAGE,
            files=(machine.file("services/api/compose.yaml", "x\n"),),
            activate="exit 7",
        )
    )
    assert (answer.phase, answer.restored) == ("activate", True)
    assert "services" not in machine.files()


def test_the_probe_is_asked_again_until_it_succeeds(machine: Machine) -> None:
    count = machine.root / "count"
    request = haproxy(machine, probe=f"echo x >>{count}; test $(wc -l <{count}) -ge 3", probe_s=10.0)
    assert machine.push(request).phase == "done"
    assert count.read_text() == "x\nx\nx\n"


def test_a_hanging_activation_ends_with_the_deadline(machine: Machine) -> None:
    config = machine.path("haproxy/haproxy.cfg")
    before = inodes(machine)
    answer = machine.push(
        haproxy(
            machine,
            machine.file("haproxy/haproxy.cfg", "new\n"),
            activate=f"grep -q new {config} && exec sleep 600; true",
            deadline_s=2.0,
        )
    )
    assert (answer.phase, answer.restored) == ("activate", True)
    assert "activate: no end within" in answer.output
    assert inodes(machine) == before


def test_an_activation_alone_needs_no_stage(machine: Machine) -> None:
    config = machine.path("haproxy/haproxy.cfg")
    machine.write("live", "stopped")
    before = inodes(machine)
    request = haproxy(machine, check=f'test -z "$STAGE"; grep -q old $STAGE{config}')
    answer = machine.push(request)
    assert (answer.phase, answer.files) == ("done", ())
    assert machine.read("live") == "old config\n"
    assert inodes(machine) == before


def test_scripts_stop_at_their_first_failing_command(machine: Machine) -> None:
    answer = machine.push(haproxy(machine, activate=f"false\necho new >{machine.path('live')}"))
    assert answer.phase == "activate"
    assert machine.read("live") == "old config\n"


def test_a_busy_node_says_so_and_is_left_alone(machine: Machine) -> None:
    before = inodes(machine)
    lock = Path(machine.places.run) / "dynia.lock"
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.truncate()
        held.write("1700000000 caddy\n")
        held.flush()
        assert machine.observe().busy_since == 1700000000
        request = haproxy(machine, machine.file("haproxy/haproxy.cfg", "new\n"))
        answer = machine.push(msgspec.structs.replace(request, deadline_s=3.0))
    assert (answer.phase, answer.output) == ("lock", "its lock is held by a push of caddy")
    assert inodes(machine) == before
    assert machine.observe().busy_since == 0


@pytest.mark.parametrize(("deadline", "patience"), [(3, 5), (20, 6), (120, 40), (600, 60)])
def test_the_lock_is_waited_for_during_a_third_of_the_steps_time(deadline: int, patience: int) -> None:
    """Within bounds: who was overtaken may have a push in flight, and it ends by itself."""
    (function,) = re.findall(r"^patience\(\) \{.*?^\}", script("push"), re.MULTILINE | re.DOTALL)
    told = subprocess.run(
        ["sh", "-eu", "-c", f"{function}\npatience {deadline}"], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) == patience


def test_what_scripts_received_that_are_gone_goes_and_what_is_being_received_stays(machine: Machine) -> None:
    var = Path(machine.places.var)
    gone = subprocess.Popen(["true"])
    gone.wait()
    born = Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(") ")[2].split()[19]
    dead, alive = var / f"stage.{gone.pid}.7", var / f"stage.{os.getpid()}.{born}"
    # After a reboot the number of a process that was cut off is somebody else's.
    before = var / f"stage.{os.getpid()}.7"
    for stage in (dead, alive, before):
        stage.mkdir()
        (stage / "secret").write_text("s3cret")
    assert machine.push(haproxy(machine, machine.file("haproxy/haproxy.cfg", "new\n"))).phase == "done"
    assert [p.name for p in var.glob("stage.*")] == [alive.name]


def test_a_host_of_another_state_is_left_alone(machine: Machine) -> None:
    Path(machine.places.opt, "lineage").write_text("0000\n")
    before = inodes(machine)
    answer = machine.push(haproxy(machine, machine.file("haproxy/haproxy.cfg", "new\n")))
    assert (answer.phase, answer.output) == ("lineage", "0000")
    assert inodes(machine) == before


def test_a_request_that_breaks_off_anywhere_touches_nothing(machine: Machine) -> None:
    from dynia.providers.ssh import answers, messages

    request = haproxy(machine, machine.file("haproxy/haproxy.cfg", "new\n"))
    whole = messages.push_message(request)
    end = whole.index(b".dynia/end")
    before = inodes(machine)
    for size in (0, 100, 512, 1024, end - 512, end):
        answer = answers.parse_push(machine.run("push", push_args(request), whole[:size]))
        assert (answer.phase, answer.restored) == ("stage", True), size
        assert inodes(machine) == before, size


def test_a_secret_is_compared_without_its_plain_hash_being_told(machine: Machine) -> None:
    secret = machine.file("haproxy/tls.pem", "hunter2", 0o600, secret=True)
    answer = machine.push(haproxy(machine, secret))
    digest = answer.files[0].digest
    assert digest.startswith("hmac:")
    same = ExpectedFile(path=secret.path, digest=digest, mode=0o600, owner="root:root")
    assert machine.push(haproxy(machine, secret, expected=(same,))).phase == "done"
    Path(secret.path).write_text("hunter3")
    assert machine.push(haproxy(machine, secret, expected=(same,))).changed == (secret.path,)


def test_no_file_of_a_push_stays_in_the_working_folder(machine: Machine) -> None:
    secret = machine.file("haproxy/tls.pem", "hunter2", 0o600, secret=True)
    for check in ("", "false"):
        machine.push(haproxy(machine, secret, check=check))
        left = [p.name for p in Path(machine.places.var).rglob("*") if p.is_file()]
        assert sorted(left) == ["inner", "log", "outer"]


def test_a_path_with_spaces_and_quotes_is_pushed_like_any_other(machine: Machine) -> None:
    odd = machine.file('haproxy/it\'s $(odd) "file" ; *.map', "odd\n")
    expected = (ExpectedFile(path=odd.path, digest=""),)
    assert machine.push(haproxy(machine, odd, expected=expected)).phase == "done"
    assert Path(odd.path).read_text() == "odd\n"
    assert machine.push(haproxy(machine, odd, expected=expected)).changed == (odd.path,)


def test_a_path_with_a_backslash_is_compared_and_put_back_like_any_other(machine: Machine) -> None:
    odd = machine.file("haproxy/\\net\\t.map", "new\n")
    Path(odd.path).write_text("old\n")
    answer = machine.push(haproxy(machine, odd, probe="false", probe_s=0.0))
    assert (answer.phase, answer.restored, Path(odd.path).read_text()) == ("probe", True, "old\n")
    expected = (ExpectedFile(path=odd.path, digest=""),)
    assert machine.push(haproxy(machine, odd, expected=expected)).changed == (odd.path,)
