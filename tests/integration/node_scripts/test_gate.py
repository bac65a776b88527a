"""The gate: waits while waiting makes sense, fails early where it does not, and shows the last lines.

Docker is a stand-in that plays prepared looks at a project, one a poll; the last one stays.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from dynia.interfaces.node_requests import GateAnswer
from dynia.providers.ssh import answers
from tests.integration.node_scripts.machine import Machine

OLD = "2020-01-01T00:00:00.5Z"
STAND_IN = """#!/bin/sh
here=$(dirname "$0")
case $1 in
  ps) cat "$here/ps" ;;
  inspect)
    next=$(ls "$here/looks" | sort -n | head -n 1)
    cat "$here/looks/$next"
    [ "$(ls "$here/looks" | wc -l)" = 1 ] || rm "$here/looks/$next" ;;
  logs) echo "line 1"; echo "panic: missing column" >&2 ;;
esac
"""


def row(
    name: str = "web",
    *,
    config: str = "new",
    status: str = "running",
    health: str = "healthy",
    code: int = 0,
    restarts: int = 0,
    policy: str = "unless-stopped",
    started: str = OLD,
) -> str:
    return f"id-{name}|/api-{name}-1|{name}|{config}|{status}|{health}|{code}|{restarts}|{policy}|{started}"


def gate(
    machine: Machine,
    *looks: tuple[str, ...],
    wanted: str = "web|new\n",
    url: str = "",
    release: str = "api-ab01",
    timeout_s: int = 2,
    monitor_s: int = 0,
) -> GateAnswer:
    tools = machine.root / "tools"
    (tools / "looks").mkdir(parents=True)
    (tools / "docker").write_text(STAND_IN)
    (tools / "docker").chmod(0o755)
    (tools / "ps").write_text("api-web-1\n")
    for number, rows in enumerate(looks):
        (tools / "looks" / str(number)).write_text("".join(f"{line}\n" for line in rows))
    args = ("api", url, "api.example.com", release, str(timeout_s), str(monitor_s))
    return answers.parse_gate(machine.run_with(tools, "gate", args, wanted.encode()))


def test_healthy_containers_pass(machine: Machine) -> None:
    assert gate(machine, (row(),)) == GateAnswer(healthy=True)


def test_a_container_that_becomes_healthy_is_waited_for(machine: Machine) -> None:
    assert gate(machine, (), (row(config="old"),), (row(health="starting"),), (row(),), timeout_s=20).healthy


def test_one_shot_containers_may_have_ended_with_0(machine: Machine) -> None:
    rows = (row(), row("init", status="exited", health="none", policy="no"))
    assert gate(machine, rows, wanted="init|new\nweb|new\n").healthy


@pytest.mark.parametrize(
    ("looks", "reason"),
    [
        ([(row(health="unhealthy"),)], "api-web-1 is unhealthy"),
        ([(row(status="exited", code=2, policy="no"),)], "api-web-1 exited with 2"),
        ([(row(status="exited", code=0),)], "api-web-1 has stopped"),
        ([(row(status="restarting", code=1),)], "api-web-1 keeps ending (last exit code 1)"),
        (
            [(row(health="starting", restarts=5),), (row(health="starting", restarts=6, code=1),)],
            "api-web-1 keeps ending (it has been restarted)",
        ),
    ],
)
def test_waiting_in_vain_ends_at_once_with_the_last_lines(
    machine: Machine, looks: list[tuple[str, ...]], reason: str
) -> None:
    begun = datetime.now(UTC)
    answer = gate(machine, *looks, timeout_s=60)
    assert (answer.healthy, answer.reason, answer.container) == (False, reason, "api-web-1")
    assert answer.output == "api-web-1 | line 1\napi-web-1 | panic: missing column"
    assert (datetime.now(UTC) - begun).total_seconds() < 20


def test_what_is_watched_is_well_for_so_long_on_end(machine: Machine) -> None:
    """A lapse begins the time anew; the last look stays."""
    begun = datetime.now(UTC)
    answer = gate(machine, (row(),), (row(config="old"),), (row(),), timeout_s=30, monitor_s=1)
    assert answer == GateAnswer(healthy=True)
    assert (datetime.now(UTC) - begun).total_seconds() > 1
    assert len(list((machine.root / "tools" / "looks").iterdir())) == 1


def test_what_restarts_while_it_is_watched_does_not_pass(machine: Machine) -> None:
    answer = gate(machine, (row(),), (row(),), (row(restarts=1),), timeout_s=30, monitor_s=20)
    assert (answer.healthy, answer.reason) == (False, "api-web-1 keeps ending (it has been restarted)")


def test_what_is_never_well_for_so_long_is_told_with_its_last_lapse(machine: Machine) -> None:
    looks = [(row(),), (row(health="starting"),)] * 20
    answer = gate(machine, *looks, timeout_s=1, monitor_s=2)
    assert answer.reason == "not well for 2 s on end (api-web-1 is starting)"


def test_restarts_of_long_ago_do_not_count(machine: Machine) -> None:
    assert gate(machine, (row(restarts=40),), (row(restarts=40),)).healthy


def test_a_timeout_says_what_was_waited_for(machine: Machine) -> None:
    answer = gate(machine, (row(health="starting"),), timeout_s=1)
    assert answer.reason == "not healthy within 1 s (api-web-1 is starting)"
    assert answer.container == "api-web-1"


def test_a_container_of_another_configuration_does_not_count(machine: Machine) -> None:
    answer = gate(machine, (row(config="old"),), timeout_s=1)
    assert answer.reason == "not healthy within 1 s (no container of web runs this configuration)"


def test_a_container_without_a_check_must_have_lived_a_moment(machine: Machine) -> None:
    now = datetime.now(UTC).isoformat()
    assert gate(machine, (row(health="none", started=now),), timeout_s=10).healthy
    (machine.root / "tools").rename(machine.root / "used")
    future = "2999-01-01T00:00:00Z"
    answer = gate(machine, (row(health="none", started=future),), timeout_s=0)
    assert answer.reason == "not healthy within 0 s (api-web-1 has only just started)"


DATE = """#!/bin/sh
# From the second question on it is another time.
case $1 in
  -d) exec /usr/bin/date "$@" ;;
esac
[ -e "$0.asked" ] || { : >"$0.asked"; exec /usr/bin/date "$@"; }
exec /usr/bin/date -d '%s' "$@"
"""


@pytest.mark.parametrize("jump", ["1 hour", "1 hour ago"])
def test_a_clock_that_is_set_meanwhile_neither_ends_the_waiting_nor_prolongs_it(
    machine: Machine, jump: str
) -> None:
    tools = machine.root / "tools"
    tools.mkdir()
    (tools / "date").write_text(DATE % jump)
    (tools / "date").chmod(0o755)
    now = datetime.now(UTC).isoformat()
    looks = ((row(health="starting"),), (row(health="none", started=now),))
    assert gate(machine, *looks, timeout_s=20).healthy


@contextmanager
def caddy(status: int, release: str) -> Iterator[str]:
    """An HTTP server that answers only for the right Host."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.headers["Host"] == "api.example.com" else 404)
            self.send_header("X-Dynia-Release", release)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/healthz"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("status", [200, 204, 301])
def test_the_right_release_behind_caddy_passes(machine: Machine, status: int) -> None:
    with caddy(status, "api-ab01") as url:
        assert gate(machine, (row(),), url=url).healthy


@pytest.mark.parametrize(
    ("status", "release", "reason"),
    [
        (500, "api-ab01", "500"),
        (200, "api-0000", "answered by release api-0000, not api-ab01"),
        (200, "", "answered by release unknown, not api-ab01"),
    ],
)
def test_a_wrong_answer_behind_caddy_does_not_pass(
    machine: Machine, status: int, release: str, reason: str
) -> None:
    with caddy(status, release) as url:
        answer = gate(machine, (row(),), url=url, timeout_s=1)
    assert answer.reason == f"not healthy within 1 s (GET {url}: {reason})"
    assert "panic: missing column" in answer.output


def test_no_answer_behind_caddy_does_not_pass(machine: Machine) -> None:
    answer = gate(machine, (row(),), url="http://127.0.0.1:1/healthz", timeout_s=1)
    assert answer.reason == "not healthy within 1 s (GET http://127.0.0.1:1/healthz: no answer)"
