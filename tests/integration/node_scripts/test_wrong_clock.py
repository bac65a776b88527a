"""A node whose clock is set while a push runs there: how long that may take is counted on a clock that nobody sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynia.interfaces.node_requests import PushAnswer, PushRequest
from dynia.providers.ssh import answers, messages
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args

# Each time that it is asked it is an hour later, or earlier.
DATE = """#!/bin/sh
echo >>"$0.asked"
exec /usr/bin/date -d "$(($(wc -l <"$0.asked") - 1)) %s" "$@"
"""
TIMEOUT = """#!/bin/sh
echo "$3" >>"$0.given"
exec /usr/bin/timeout "$@"
"""


def push(machine: Machine, tools: Path, jump: str, **changes: object) -> PushAnswer:
    tools.mkdir()
    for name, text in (("date", DATE % jump), ("timeout", TIMEOUT)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    request = PushRequest(
        component="haproxy",
        lineage=LINEAGE,
        files=(machine.file("haproxy/haproxy.cfg", "new config\n"),),
        activate=f"cp {machine.path('haproxy/haproxy.cfg')} {machine.path('live')}",
        **changes,  # type: ignore[arg-type]
    )
    raw = machine.run_with(tools, "push", push_args(request), messages.push_message(request))
    return answers.parse_push(raw)


@pytest.mark.parametrize("jump", ["hours", "hours ago"])
def test_an_activation_is_given_its_time(machine: Machine, tmp_path: Path, jump: str) -> None:
    answer = push(machine, tmp_path / "tools", jump, deadline_s=60.0)
    assert answer.phase == "done"
    given = [int(seconds) for seconds in (tmp_path / "tools" / "timeout.given").read_text().split()]
    assert given and all(30 < seconds <= 60 for seconds in given), given


def test_a_probe_that_fails_is_not_asked_for_an_hour(machine: Machine, tmp_path: Path) -> None:
    answer = push(machine, tmp_path / "tools", "hours ago", probe="false", probe_s=1.0)
    assert (answer.phase, answer.restored) == ("probe", True)
    assert machine.read("live") == "old config\n"
