"""Real processes and one lease: frozen with SIGSTOP at any step of any write and taken over; two at the same moment."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from dynia.interfaces.errors import Locked
from dynia.state.store import open_store
from tests.fakes.states import born
from tests.integration.state_crash.test_kill import ROOT, acknowledged, command

ROUNDS = 20


def started(folder: Path, *options: str, count: int = 3) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(folder, "prod", count, "--fold-after", "3", *options),
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def valid_journal(folder: Path) -> tuple[bytes, int]:
    """What a reader makes of it: the whole state, and where it ends."""
    import msgspec

    store = open_store(folder, make=False)
    return msgspec.json.encode(store.state), store.serial("prod")


@pytest.mark.parametrize("first", [22, 25, 28])
def test_frozen_at_any_step_of_a_write_and_taken_over_it_changes_nothing_when_it_wakes(tmp_path, first):
    frozen = 0
    for stop_at in range(first, 190, 9):
        folder = tmp_path / str(stop_at)
        folder.mkdir()
        child = started(folder, "--stop-at", str(stop_at))
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            child.returncode = os.waitstatus_to_exitcode(status)
            child.communicate()
            break
        store = open_store(folder)
        number = store.tenant("prod").fencing
        if not number:  # It has no lease yet: when it wakes it takes one like anybody else.
            child.kill()
            child.communicate()
            continue
        with pytest.raises(Locked, match="prod is locked by run of prod"), store.lock("prod", "too early"):
            pass
        with store.lock("prod", "who took over", past=number):
            if store.state.cluster("prod"):
                store.write("prod", born("prod", 99), "by who took over")
        before = valid_journal(folder)
        child.send_signal(signal.SIGCONT)
        told, said = child.communicate()
        assert valid_journal(folder) == before, stop_at
        had_ended = acknowledged(told) == 3 and child.returncode == 0
        assert had_ended or (child.returncode == 1 and "Locked" in said), (stop_at, said)
        ordinals = [n.ordinal for n in store.state.nodes_of("prod") if n.ordinal != 99]
        assert len(ordinals) >= max(acknowledged(told), 0), "what it had acknowledged before is there"
        with open_store(folder).lock("prod", "the next run"):
            pass
        frozen += 1
    assert frozen > 6


def test_a_frozen_run_that_nobody_took_over_goes_on(tmp_path):
    child = started(tmp_path, "--stop-at", "40")
    os.waitpid(child.pid, os.WUNTRACED)
    child.send_signal(signal.SIGCONT)
    _, said = child.communicate()
    assert child.returncode == 0, said
    assert len(open_store(tmp_path).state.nodes_of("prod")) == 3


def test_two_at_the_same_moment_twenty_times_one_works_and_every_serial_is_there_once(tmp_path):
    """The other one waits for nothing here: it is refused, or comes when the first has ended."""
    refused = 0
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        both = [started(folder, "--together", count=4) for _ in range(2)]
        for one in both:
            assert one.stdout is not None and one.stdout.readline() == "ready\n"
        for one in both:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        ends = [one.communicate() for one in both]
        codes = [one.returncode for one in both]
        assert 0 in codes, ends
        for code, (_, said) in zip(codes, ends, strict=True):
            assert code == 0 or "Locked: prod is locked by" in said, said
        refused += 1 in codes
        serials = sorted(int(line) for told, _ in ends for line in told.split())
        assert serials == list(range(1, len(serials) + 1)), "every serial once, and none is missing"
        assert open_store(folder).serial("prod") == serials[-1]
    assert refused
