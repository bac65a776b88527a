"""Law 8: a push that may cut people off stays only if somebody says so in time; killed anywhere, the node goes back alone."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from dynia.interfaces.node_requests import ConfirmRequest, Fence, PushAnswer, PushRequest
from dynia.providers.ssh import answers, messages
from tests.integration.node_scripts.cuts import cut_at, cuttable, place_of, places_between
from tests.integration.node_scripts.machine import LINEAGE, TIMERS, Machine, confirm_args, push_args
from tests.integration.node_scripts.test_cut import NEW, OLD, assert_nothing_is_left, content, request

STAY = ConfirmRequest(component="haproxy", lineage=LINEAGE)
BACK = replace(STAY, stay=False)
ARGS = ("haproxy", LINEAGE, "haproxy", "60")
PUSH_CUTS = range(cuttable("push")[1])
ARMS = places_between("push", "arm", "at_boot")
LATE = {*ARMS, *range(place_of("push", 'swap >>"$log" 2>&1 || fail swap'), len(PUSH_CUTS))}


def waiting(machine: Machine, *, good: bool = True) -> PushRequest:
    return replace(request(machine, good=good), confirm_s=30.0)


def push(machine: Machine, asked: PushRequest) -> PushAnswer:
    raw = machine.run_with(TIMERS, "push", push_args(asked), messages.push_message(asked), asked.fence)
    return answers.parse_push(raw)


def opened(machine: Machine) -> None:
    answer = push(machine, waiting(machine))
    assert answer.phase == "open", answer
    assert (content(machine), machine.read("live")) == (NEW, NEW["haproxy.cfg"])


def timers(machine: Machine) -> list[list[str]]:
    found = Path(machine.places.run) / "timers"
    return [line.split() for line in found.read_text().splitlines()] if found.exists() else []


def over(machine: Machine, *, boot: str = "", rest: int = -1) -> None:
    """So many seconds are left of the time; or it is another boot by now."""
    armed = Path(machine.places.var) / "txn" / "haproxy" / "armed"
    if armed.exists():
        was, _, timer = armed.read_text().split()
        up = int(float(Path("/proc/uptime").read_text().split()[0]))
        armed.write_text(f"{boot or was} {up + rest} {timer}\n")


def end_timer(machine: Machine) -> None:
    """What the timer runs, as it does; nothing where there is none."""
    for _, _, script in timers(machine):
        if Path(script).exists():
            subprocess.run(["env", "-i", "sh", script], check=True, timeout=60)


def at_boot(machine: Machine) -> None:
    """What systemd runs when it finds our units among those that are wanted."""
    for unit in (Path(machine.places.units) / "multi-user.target.wants").glob("*"):
        said = dict(line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line)
        if Path(said["ConditionPathExists"]).exists():
            subprocess.run(["env", "-i", *said["ExecStart"].split()], check=True, timeout=60)


def assert_all_is_over(machine: Machine, wanted: dict[str, str]) -> None:
    assert content(machine) == wanted
    assert machine.read("live") == wanted["haproxy.cfg"]
    assert_nothing_is_left(machine)
    assert list(Path(machine.places.units).rglob("dynia-*")) == []


def test_a_push_that_waits_for_its_word_is_open_and_a_timer_and_a_unit_are_there(machine: Machine) -> None:
    opened(machine)
    assert machine.observe().unfinished == ("haproxy",)
    assert [after for _, after, _ in timers(machine)] == ["30"]
    assert len(list((Path(machine.places.units) / "multi-user.target.wants").glob("*"))) == 1


def test_with_the_word_it_stays_and_nothing_is_left_of_the_way_back(machine: Machine) -> None:
    opened(machine)
    answer = machine.confirm(STAY)
    assert answer.phase == "done", answer
    assert timers(machine) == []
    assert_all_is_over(machine, NEW)


def test_without_it_the_node_goes_back_by_itself(machine: Machine) -> None:
    opened(machine)
    over(machine)
    end_timer(machine)
    assert_all_is_over(machine, OLD)
    assert machine.confirm(STAY).phase == "back"
    assert_all_is_over(machine, OLD)


def test_a_timer_that_is_early_waits_for_the_rest(machine: Machine) -> None:
    opened(machine)
    over(machine, rest=2)
    began = time.monotonic()
    end_timer(machine)
    assert time.monotonic() - began >= 1
    assert_all_is_over(machine, OLD)


def test_a_timer_that_waits_finds_that_the_word_was_said(machine: Machine) -> None:
    opened(machine)
    over(machine, rest=2)
    ((_, _, script),) = timers(machine)
    with subprocess.Popen(["env", "-i", "sh", script]) as waits:
        assert machine.confirm(STAY).phase == "done"
        assert waits.wait(timeout=30) == 0
    assert_all_is_over(machine, NEW)


def test_after_a_reboot_nobody_can_say_the_word_and_it_goes_back_at_once(machine: Machine) -> None:
    opened(machine)
    over(machine, boot="00000000-0000-4000-8000-000000000000", rest=10**6)
    at_boot(machine)
    assert_all_is_over(machine, OLD)


def test_a_word_that_it_shall_not_stay_puts_it_back_at_once(machine: Machine) -> None:
    opened(machine)
    answer = machine.confirm(BACK)
    assert (answer.phase, answer.restored) == ("back", True), answer
    assert timers(machine) == []
    assert_all_is_over(machine, OLD)


def test_who_was_overtaken_has_no_word(machine: Machine) -> None:
    asked = waiting(machine)
    newest = Fence(lineage=LINEAGE, cluster="prod", number=7)
    assert push(machine, replace(asked, fence=newest)).phase == "open"
    for word in (STAY, BACK):
        assert machine.confirm(replace(word, fence=replace(newest, number=6))).phase == "fenced"
    assert machine.observe().unfinished == ("haproxy",)
    assert machine.confirm(replace(STAY, fence=newest)).phase == "done"


def test_where_nothing_was_before_there_is_nothing_to_wait_for(machine: Machine) -> None:
    new = machine.path("caddy/Caddyfile")
    asked = PushRequest(
        component="caddy",
        lineage=LINEAGE,
        files=(machine.file("caddy/Caddyfile", "new\n"),),
        expected=machine.expectations("caddy/Caddyfile"),
        activate=f"test -e {new}",
        confirm_s=30.0,
    )
    assert push(machine, asked).phase == "done"
    assert timers(machine) == []


def test_an_activation_alone_is_over_at_once(machine: Machine) -> None:
    asked = replace(waiting(machine), files=(), delete=(), expected=(), check="", activate="true", probe="")
    assert push(machine, asked).phase == "done"
    assert timers(machine) == []


def test_without_a_timer_nothing_is_changed(machine: Machine, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "systemd-run").write_text("#!/bin/sh\necho 'no D-Bus here' >&2\nexit 1\n")
    (broken / "systemd-run").chmod(0o755)
    asked = waiting(machine)
    raw = machine.run_with(broken, "push", push_args(asked), messages.push_message(asked))
    answer = answers.parse_push(raw)
    assert (answer.phase, answer.restored) == ("stage", True), answer
    assert "no D-Bus here" in answer.output
    assert_all_is_over(machine, OLD)


def test_a_push_that_goes_on_where_one_waits_waits_too_and_goes_back_to_what_was_first(
    machine: Machine,
) -> None:
    opened(machine)
    third = replace(
        request(machine),
        files=(machine.file("haproxy/haproxy.cfg", "third config\n"),),
        delete=(),
        expected=machine.expectations("haproxy/haproxy.cfg"),
        confirm_s=30.0,
    )
    assert push(machine, third).phase == "open"
    assert machine.read("live") == "third config\n"
    over(machine)
    end_timer(machine)
    assert_all_is_over(machine, OLD)


def test_an_activation_that_goes_on_where_one_waits_waits_too(machine: Machine) -> None:
    opened(machine)
    again = replace(waiting(machine), files=(), delete=(), expected=(), check="")
    assert push(machine, again).phase == "open"
    over(machine)
    end_timer(machine)
    assert_all_is_over(machine, OLD)


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=() if n in LATE and n % 4 == 0 else pytest.mark.slow) for n in PUSH_CUTS],
)
def test_killed_anywhere_the_node_is_back_when_the_timer_ends_or_was_never_touched(
    machine: Machine, number: int
) -> None:
    asked = waiting(machine)
    machine.run_and_kill(cut_at("push", number, 1), push_args(asked), messages.push_message(asked))
    before = content(machine)
    if not timers(machine):
        assert (before, machine.read("live")) == (OLD, OLD["haproxy.cfg"])
    over(machine)
    end_timer(machine)
    assert (content(machine), machine.read("live")) == (OLD, OLD["haproxy.cfg"])
    answer = push(machine, waiting(machine))
    assert answer.phase == "open", answer
    assert machine.confirm(STAY).phase == "done"
    assert_all_is_over(machine, NEW)


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=() if n in LATE and n % 4 == 2 else pytest.mark.slow) for n in PUSH_CUTS],
)
def test_killed_anywhere_the_next_plan_goes_on_and_says_the_word(machine: Machine, number: int) -> None:
    asked = waiting(machine)
    machine.run_and_kill(cut_at("push", number, 1), push_args(asked), messages.push_message(asked))
    assert push(machine, waiting(machine)).phase == "open"
    assert machine.confirm(STAY).phase == "done"
    assert_all_is_over(machine, NEW)


@pytest.mark.parametrize("word", [STAY, BACK], ids=["stay", "back"])
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(n, marks=() if n % 10 == 0 else pytest.mark.slow)
        for n in range(place_of("confirm", "take_lock") + 1)
    ],
)
def test_a_word_that_is_cut_off_was_said_or_was_not(
    machine: Machine, number: int, word: ConfirmRequest
) -> None:
    opened(machine)
    machine.cut(cut_at("confirm", number, 1), confirm_args(word), b"")
    over(machine)
    end_timer(machine)
    at_boot(machine)
    assert_all_is_over(machine, NEW if content(machine) == NEW and word.stay else OLD)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(n, marks=() if n in places_between("back", "put_back", "commit") else pytest.mark.slow)
        for n in range(cuttable("back")[1])
    ],
)
def test_a_way_back_that_is_killed_is_gone_to_its_end_after_the_boot(machine: Machine, number: int) -> None:
    opened(machine)
    over(machine)
    machine.cut(cut_at("back", number, 1), ARGS, b"")
    at_boot(machine)
    assert_all_is_over(machine, OLD)
