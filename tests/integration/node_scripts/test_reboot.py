"""A node that reboots in the middle of a push: what was half done is told by the next look, and ended by the next push."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dynia.interfaces.node_requests import PushRequest
from dynia.providers.ssh import messages
from tests.integration.node_scripts.cuts import cut_at, place_of
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args

AT = {
    "being received": "receive",
    "checked": 'perform check "$(left)" || fail check',
    "kept": 'swap >>"$log" 2>&1 || fail swap',
    "swapped": "staged=''",
    "activating": 'perform activate "$(left)" || fail activate',
    "activated": "until_s=$(($(seconds) + probe_s))",
}


def request(machine: Machine, content: str) -> PushRequest:
    config = machine.path("haproxy/haproxy.cfg")
    return PushRequest(
        component="haproxy",
        lineage=LINEAGE,
        files=(machine.file("haproxy/haproxy.cfg", content), machine.file("haproxy/new.map", content)),
        expected=machine.expectations("haproxy/haproxy.cfg", "haproxy/new.map"),
        activate=f"cp {config} {machine.path('live')}",
        probe=f"cmp {config} {machine.path('live')}",
    )


def reboot(machine: Machine, *, alive: int) -> None:
    """/run is empty then, whatever runs on is something else, and so are the processes' numbers."""
    for path in Path(machine.places.run).iterdir():
        path.unlink() if path.is_file() else shutil.rmtree(path)
    for stage in Path(machine.places.var).glob("stage.*"):
        stage.rename(stage.with_name(f"stage.{alive}.7"))
    machine.write("live", machine.read("haproxy/haproxy.cfg"))


@pytest.mark.parametrize("when", AT)
def test_whenever_it_was_the_next_plan_ends_it(machine: Machine, when: str) -> None:
    first = request(machine, "new config\n")
    place = place_of("push", AT[when])
    assert machine.cut(cut_at("push", place, 1), push_args(first), messages.push_message(first)) is None
    reboot(machine, alive=1)
    facts = machine.observe()
    assert facts.busy_since == 0
    assert facts.unfinished == (() if when in ("being received", "checked") else ("haproxy",))
    again = machine.push(request(machine, "new config\n"))
    assert again.phase == "done"
    assert {machine.read(name) for name in ("haproxy/haproxy.cfg", "haproxy/new.map", "live")} == {
        "new config\n"
    }
    assert machine.observe().unfinished == ()
    assert [path.name for path in Path(machine.places.var).glob("stage.*")] == []
    assert [path.name for path in (Path(machine.places.var) / "txn").iterdir()] == []


@pytest.mark.parametrize("when", ["kept", "swapped", "activated"])
def test_a_plan_from_before_finds_the_node_as_it_was_then(machine: Machine, when: str) -> None:
    old = request(machine, "new config\n")
    other = request(machine, "third config\n")
    place = place_of("push", AT[when])
    assert machine.cut(cut_at("push", place, 1), push_args(old), messages.push_message(old)) is None
    reboot(machine, alive=1)
    assert machine.push(other).phase == "done"
    assert machine.read("live") == "third config\n"
    assert machine.observe().unfinished == ()
