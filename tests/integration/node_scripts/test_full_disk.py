"""A node whose disk is full: nothing of a push stays, everything is as it was, and the answer says what is full."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynia.interfaces.errors import ApplyFailed, DyniaError
from dynia.interfaces.node_requests import Fence, PushAnswer, PushRequest
from dynia.providers.ssh import answers, messages
from dynia.providers.ssh.scripts import script
from dynia.services.actions.answered import must_be_done
from tests.integration.node_scripts.cuts import cut_at, place_of
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args

SIZE, PAGE = 512 * 1024, 4096

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Machine]:
    """A machine on a file system of half a megabyte; /run is another one, as everywhere."""
    made = Machine(tmp_path / "machine")
    made.root.mkdir()
    mounted = []
    try:
        for folder, size in ((made.root, SIZE), (made.root / "run", SIZE)):
            folder.mkdir(exist_ok=True)
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes=200", "tmpfs", folder], check=True
            )
            mounted.append(folder)
        made.bootstrap()
        made.write("haproxy/haproxy.cfg", "old config\n")
        made.write("haproxy/kept", "kept\n")
        yield made
    finally:
        for folder in reversed(mounted):
            subprocess.run(["umount", folder], check=True)


def fill(machine: Machine, *, left: int = 0) -> None:
    """Not a byte more fits; `left` bytes do."""
    ballast = machine.root / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(PAGE)):
            pass
    if left:
        os.truncate(ballast, ballast.stat().st_size - left)


def everything(machine: Machine) -> dict[str, bytes]:
    """Every file of the machine but the ballast, the log, the locks and the number of the lease."""
    var = "var/lib/dynia"
    own = {
        "ballast",
        "run/dynia.lock",
        *(f"{var}/{n}" for n in ("log", "fencing", ".fencing", "fencing.lock")),
    }
    found = {str(p.relative_to(machine.root)): p for p in machine.root.rglob("*") if p.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name not in own}


def push(machine: Machine, size: int = 10, **changes: object) -> PushRequest:
    values: dict[str, object] = {
        "component": "haproxy",
        "lineage": LINEAGE,
        "files": (
            machine.file("haproxy/haproxy.cfg", "new config\n"),
            machine.file("haproxy/maps/big.map", "x" * size),
        ),
        "expected": machine.expectations("haproxy/haproxy.cfg", "haproxy/maps/big.map"),
        "probe_s": 0.0,
        **changes,
    }
    return PushRequest(**values)  # type: ignore[arg-type]


def said(answer: PushAnswer) -> ApplyFailed:
    with pytest.raises(ApplyFailed) as caught:
        must_be_done("web-1", "haproxy", answer)
    return caught.value


def check_told(machine: Machine, answer: PushAnswer) -> None:
    """People are told which file system it is, that nothing is free there, and what to do."""
    error = said(answer)
    assert "the node is back on what it had" in error.message
    assert f"{machine.root}: 0 B free of 524 kB" in error.message, error.message
    assert "make room there: `dynia node ssh web-1 -- df -h`" in error.hint


def test_wherever_a_push_runs_out_of_room_nothing_of_it_stays_and_people_are_told(small: Machine) -> None:
    """One page more each time, until it fits: in what is received, in the number of the lease, in what is kept."""
    config, live = small.path("haproxy/haproxy.cfg"), small.path("live")
    small.write("live", "old config\n")
    small.observe()
    fence = Fence(lineage=LINEAGE, cluster="prod", number=8)
    request = push(small, activate=f"cat {config} >{live}", fence=fence)
    before, tries = everything(small), 0
    while True:
        fill(small, left=tries * PAGE)
        answer = small.push(request)
        if answer.phase == "done":
            break
        assert (answer.phase, answer.restored) == ("stage", True)
        check_told(small, answer)
        assert everything(small) == before, tries
        facts = small.observe()
        assert facts.unfinished == () and facts.disk_used_percent > 90
        tries += 1
    assert tries > 5
    assert small.read("live") == "new config\n"


def test_a_deed_whose_number_does_not_fit_is_not_begun_and_people_are_told_where(small: Machine) -> None:
    """A drain, say, which comes before the push."""
    fill(small)
    argv = ("20", "sh", "-c", script("drain"), "dynia", "60", "api")
    told = small.run_raw("deed", argv, Fence(lineage=LINEAGE, cluster="prod", number=9))
    with pytest.raises(DyniaError) as caught:
        answers.refuse_deed(*told)
    assert f"could not be kept ({small.root}: 0 free of 512K)" in caught.value.message
    assert "make room there" in caught.value.hint


def test_a_node_without_room_for_one_more_file_says_so(small: Machine) -> None:
    before = everything(small)
    request = push(small)
    with contextlib.suppress(OSError):
        for number in range(1000):
            (small.root / f"none-{number}").touch()
    answer = small.push(request)
    assert answer.phase == "stage"
    error = said(answer)
    assert f"{small.root}: " in error.message and "no more files fit" in error.message, error.message
    for number in range(1000):
        (small.root / f"none-{number}").unlink(missing_ok=True)
    assert everything(small) == before


def test_what_an_activation_fills_the_disk_with_is_no_reason_to_stay_half_way(small: Machine) -> None:
    before = everything(small)
    config = small.path("haproxy/haproxy.cfg")
    activate = f"! grep -q new {config} || cat /dev/zero >{small.root}/ballast"
    answer = small.push(push(small, activate=activate))
    assert (answer.phase, answer.restored) == ("activate", True)
    assert everything(small) == before
    check_told(small, answer)
    assert small.observe().unfinished == ()


def stand_in(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f'#!/bin/sh\n{text}\nexec /usr/bin/{name} "$@"\n')
    (folder / name).chmod(0o755)
    return folder


def test_a_swap_that_can_not_be_marked_is_taken_back(machine: Machine, tmp_path: Path) -> None:
    before = everything(machine)
    tools = stand_in(tmp_path / "tools", "touch", "case $1 in */activating) exit 1 ;; esac")
    request = push(machine)
    raw = machine.run_with(tools, "push", push_args(request), messages.push_message(request))
    answer = answers.parse_push(raw)
    assert (answer.phase, answer.restored) == ("swap", True)
    assert everything(machine) == before


def test_what_a_push_that_died_has_kept_outlives_a_disk_that_fills_afterwards(
    machine: Machine, tmp_path: Path
) -> None:
    """The list of what was kept is written anew by the push that goes on, and half of it is all that fits."""
    before = everything(machine)
    dying = push(machine)
    place = place_of("push", "staged=''")
    assert machine.cut(cut_at("push", place, 1), push_args(dying), messages.push_message(dying)) is None
    assert machine.read("haproxy/haproxy.cfg") == "new config\n"
    tools = stand_in(tmp_path / "tools", "cat", 'case $1 in */manifest) head -c 5 "$1"; exit 1 ;; esac')
    going_on = push(machine, size=20)
    raw = machine.run_with(tools, "push", push_args(going_on), messages.push_message(going_on))
    answer = answers.parse_push(raw)
    assert (answer.phase, answer.restored) == ("stage", True)
    assert everything(machine) == before
