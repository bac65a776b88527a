"""Laws 3 and 8: a push or removal that is killed at any command leaves something that the next one repairs."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from msgspec.structs import replace

from dynia.interfaces.node_requests import ExpectedFile, PushRequest, RemoveRequest
from dynia.providers.ssh import messages
from tests.integration.node_scripts.cuts import cut_at, cuttable, place_of, places_between
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args, remove_args

OLD = {"haproxy.cfg": "old config\n", "errors/503.http": "old page\n", "kept": "kept\n"}
NEW = {"haproxy.cfg": "new config\n", "maps/eu/hosts.map": "new map\n", "kept": "kept\n"}
SCENARIOS = ("the same plan again", "a new plan", "a new plan that fails")
PUSH_CUTS = range(cuttable("push")[1])
REMOVE_CUTS = range(cuttable("remove")[1])
PUT_BACK = places_between("push", "put_back", "perform")


def cases() -> list[object]:
    """Every other cut once in the quick run; every cut with every scenario, also at its second passing, in the slow one."""
    found = []
    for number, times, scenario in itertools.product(PUSH_CUTS, (1, 2), SCENARIOS):
        quick = (
            (number % 2 == 0 or number in PUT_BACK)
            and times == 1
            and SCENARIOS.index(scenario) == number % len(SCENARIOS)
        )
        found.append(pytest.param(number, times, scenario, marks=() if quick else pytest.mark.slow))
    return found


def content(machine: Machine) -> dict[str, str]:
    folder = Path(machine.path("haproxy"))
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def request(machine: Machine, *, good: bool = True) -> PushRequest:
    """From what is there now to NEW; its activation makes the config live."""
    now = content(machine)
    config, live = machine.path("haproxy/haproxy.cfg"), machine.path("live")
    write = [name for name in ("haproxy.cfg", "maps/eu/hosts.map") if now.get(name) != NEW[name]]
    delete = [name for name in ("errors/503.http",) if name in now]
    return PushRequest(
        component="haproxy",
        lineage=LINEAGE,
        files=tuple(machine.file(f"haproxy/{name}", NEW[name]) for name in write),
        delete=tuple(machine.path(f"haproxy/{name}") for name in delete),
        expected=machine.expectations(*(f"haproxy/{name}" for name in (*write, *delete))),
        check=f"test -e $STAGE{config}",
        activate=f"cat {config} >{live}",
        probe=f"cmp {config} {live}" if good else "false",
        probe_s=1.0,
        deadline_s=20.0,
    )


@pytest.mark.parametrize(("number", "times", "scenario"), cases())
def test_a_killed_push_is_repaired_by_the_next(
    machine: Machine, number: int, times: int, scenario: str
) -> None:
    planned = request(machine)
    machine.run_and_kill(cut_at("push", number, times), push_args(planned), messages.push_message(planned))
    committed = not machine.observe().unfinished and content(machine) == NEW
    match scenario:
        case "the same plan again":
            answer = machine.push(planned)
            assert answer.phase == ("expected" if committed else "done"), answer
        case "a new plan":
            answer = machine.push(request(machine))
            assert answer.phase == "done", answer
        case _:
            answer = machine.push(request(machine, good=False))
            assert (answer.phase, answer.restored) == ("probe", True), answer
    ends_new = committed or scenario != "a new plan that fails"
    assert content(machine) == (NEW if ends_new else OLD)
    assert machine.read("live") == (NEW if ends_new else OLD)["haproxy.cfg"]
    assert_nothing_is_left(machine)


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=() if n in PUT_BACK else pytest.mark.slow) for n in PUSH_CUTS],
)
def test_a_push_killed_while_it_puts_the_node_back_is_repaired_by_the_next(
    machine: Machine, number: int
) -> None:
    planned = request(machine, good=False)
    machine.run_and_kill(cut_at("push", number, 1), push_args(planned), messages.push_message(planned))
    answer = machine.push(replace(planned, probe=""))
    assert answer.phase == "done", answer
    assert content(machine) == NEW
    assert machine.read("live") == NEW["haproxy.cfg"]
    assert_nothing_is_left(machine)


@pytest.mark.parametrize(
    ("number", "times"),
    [
        pytest.param(n, times, marks=() if times == 2 and n % 2 == 0 else pytest.mark.slow)
        for n, times in itertools.product(PUT_BACK, (1, 2, 3))
    ],
)
def test_a_push_that_goes_on_where_a_put_back_was_killed_and_fails_too_leaves_what_was_there(
    machine: Machine, number: int, times: int
) -> None:
    planned = request(machine, good=False)
    machine.run_and_kill(cut_at("push", number, times), push_args(planned), messages.push_message(planned))
    answer = machine.push(request(machine, good=False))
    assert (answer.phase, answer.restored) == ("probe", True), answer
    assert content(machine) == OLD
    assert machine.read("live") == OLD["haproxy.cfg"]
    assert_nothing_is_left(machine)


def test_a_push_and_then_a_removal_that_are_killed_are_put_back_both(machine: Machine) -> None:
    planned = request(machine)
    cut = cut_at("push", place_of("push", 'perform activate "$(left)" || fail activate'), 1)
    machine.run_and_kill(cut, push_args(planned), messages.push_message(planned))
    assert content(machine) == NEW
    removal = RemoveRequest(
        component="haproxy", lineage=LINEAGE, paths=(machine.path("haproxy"),), everything=True
    )
    cut = cut_at("remove", place_of("remove", "commit"), 1)
    machine.run_and_kill(cut, remove_args(removal), messages.remove_message(removal))
    assert not Path(machine.path("haproxy")).exists()
    answer = machine.push(
        replace(planned, expected=(ExpectedFile(path=machine.path("kept"), digest="", mode=0o600),))
    )
    assert answer.phase == "expected", answer
    assert content(machine) == OLD
    assert_nothing_is_left(machine)


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=() if n % 6 == 0 else pytest.mark.slow) for n in REMOVE_CUTS]
)
def test_a_killed_removal_is_finished_by_the_next(machine: Machine, number: int) -> None:
    def removal() -> RemoveRequest:
        seen = [f"haproxy/{name}" for name in content(machine)]
        return RemoveRequest(
            component="haproxy",
            lineage=LINEAGE,
            paths=(machine.path("haproxy"),),
            expected=machine.expectations(*seen),
            deactivate=f": >{machine.path('live')}",
            deadline_s=20.0,
        )

    first = removal()
    machine.run_and_kill(cut_at("remove", number, 1), remove_args(first), messages.remove_message(first))
    answer = machine.remove(removal())
    assert answer.phase == "done", answer
    assert sorted(machine.files()) == ["lineage", "live"] or sorted(machine.files()) == ["live"]
    assert machine.read("live") == ""
    assert_nothing_is_left(machine)


def assert_nothing_is_left(machine: Machine) -> None:
    left = [p.name for p in Path(machine.places.var).rglob("*") if p.is_file()]
    assert sorted(left) == ["inner", "log", "outer"]
    assert not list(machine.root.rglob(".dynia-new"))
