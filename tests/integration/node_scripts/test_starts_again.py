"""A unit is reloaded, and starts again only where its drop-in was touched: by the push, by its way back, or before."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from dynia.interfaces.node_requests import PushAnswer, PushRequest
from dynia.providers.ssh import answers, messages
from dynia.services.planning.components.scripts import awake
from tests.integration.node_scripts.cuts import cut_at, place_of
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args

CONFIG, DROP_IN = "haproxy/haproxy.cfg", "haproxy.service.d/dynia.conf"
SYSTEMCTL = """#!/bin/sh
echo "$*" >>{log}
case "$*" in *NeedDaemonReload*) echo no ;; *MainPID*) echo {pid} ;; esac
"""


@pytest.fixture
def tools(machine: Machine, tmp_path: Path) -> Path:
    """A systemd in whose eyes the unit is this very process."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "systemctl").write_text(SYSTEMCTL.format(log=machine.path("asked"), pid=os.getpid()))
    (folder / "systemctl").chmod(0o755)
    machine.write(DROP_IN, "[Service]\n")
    return folder


def request(machine: Machine, *names: str, probe: str = "") -> PushRequest:
    argument = Path("/proc/self/cmdline").read_bytes().split(b"\0")[0].decode()
    return PushRequest(
        component="haproxy",
        lineage=LINEAGE,
        files=tuple(machine.file(name, f"new {name}\n") for name in names),
        activate=awake("haproxy.service", argument, machine.path(DROP_IN)),
        probe=probe,
        probe_s=0.1,
    )


def push(machine: Machine, tools: Path, asked: PushRequest) -> PushAnswer:
    raw = machine.run_with(tools, "push", push_args(asked), messages.push_message(asked))
    return answers.parse_push(raw)


def done(machine: Machine) -> list[str]:
    """What systemd was told to do with the unit."""
    verbs = ("reload", "restart", "daemon-reload")
    return [line.split()[0] for line in machine.read("asked").splitlines() if line.split()[0] in verbs]


def test_another_config_is_a_reload(machine: Machine, tools: Path) -> None:
    assert push(machine, tools, request(machine, CONFIG)).phase == "done"
    assert done(machine) == ["reload"]


def test_another_drop_in_is_a_restart(machine: Machine, tools: Path) -> None:
    assert push(machine, tools, request(machine, CONFIG, DROP_IN)).phase == "done"
    assert done(machine) == ["daemon-reload", "restart"]


def test_an_activation_alone_is_a_reload(machine: Machine, tools: Path) -> None:
    assert push(machine, tools, request(machine)).phase == "done"
    assert done(machine) == ["reload"]


def test_what_is_put_back_starts_again_on_what_it_was(machine: Machine, tools: Path) -> None:
    answer = push(machine, tools, request(machine, DROP_IN, probe="false"))
    assert (answer.phase, answer.restored) == ("probe", True)
    assert done(machine) == ["daemon-reload", "restart"] * 2
    assert machine.read(DROP_IN) == "[Service]\n"


def test_a_push_that_died_is_gone_on_with_by_a_restart(machine: Machine, tools: Path) -> None:
    """Its files are there, and nobody tells whether the unit started again since."""
    asked = request(machine, DROP_IN)
    cut = cut_at("push", place_of("push", 'perform activate "$(left)" || fail activate'), 1)
    machine.run_and_kill(cut, push_args(asked), messages.push_message(asked))
    assert machine.observe().unfinished == ("haproxy",)
    assert push(machine, tools, msgspec.structs.replace(asked, files=())).phase == "done"
    assert done(machine) == ["daemon-reload", "restart"]
