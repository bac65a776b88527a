"""While Caddy reloads, HAProxy sends the node nothing new: a request that came in that moment would get no answer."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dynia.interfaces.node_requests import PushAnswer, PushRequest
from dynia.providers.ssh import answers, messages
from dynia.services.planning.components.caddy import caddy_component
from dynia.services.planning.simulate import rendered_for
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args
from tests.plans import worlds

CONFIG, COMPOSE, NODE = "caddy/Caddyfile", "caddy/compose.yaml", "node.env"
# What flags there were, and what stood in them, when Caddy was told to reload.
DOCKER = """#!/bin/sh
case "$*" in
  *"caddy reload"*)
    cd {flags} 2>/dev/null && grep -H . -- * >{seen} || echo none >{seen}
    [ ! -e {broken} ] || exit 1 ;;
esac
"""
CURL = """#!/bin/sh
printf 'HTTP/1.1 200 OK\\r\\nX-Dynia-Config: %s\\r\\n' "$(cat {running})"
"""
QUICK = """#!/bin/sh
"""


@pytest.fixture
def tools(machine: Machine, tmp_path: Path) -> Path:
    """A Docker in which Caddy runs a file of before."""
    folder = tmp_path / "tools"
    folder.mkdir()
    named = {
        "flags": machine.path("caddy/drain"),
        "seen": machine.path("seen"),
        "broken": machine.path("broken"),
        "running": machine.path("running"),
    }
    for name, text in (("docker", DOCKER.format(**named)), ("curl", CURL.format(**named)), ("sleep", QUICK)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    machine.write(NODE, "DYNIA_PRIVATE_IP=198.18.7.11\n")
    machine.write(COMPOSE, "name: dynia-caddy\n")
    machine.write("running", "aaaa")
    return folder


def push(machine: Machine, tools: Path) -> PushAnswer:
    given = rendered_for(worlds.settled(worlds.cluster(2, (worlds.service(), worlds.service("web")))))
    assert given is not None
    caddy = caddy_component(given.topology.spec).recipe(given.topology, given.topology.nodes[0])
    request = PushRequest(
        component="caddy",
        lineage=LINEAGE,
        files=(machine.file(CONFIG, "header X-Dynia-Config bbbb\n"),),
        activate=caddy.activate.replace("/opt/dynia", machine.places.opt),
    )
    raw = machine.run_with(tools, "push", push_args(request), messages.push_message(request))
    return answers.parse_push(raw)


def seen(machine: Machine) -> dict[str, int]:
    lines = [line for line in machine.read("seen").splitlines() if line != "none"]
    return {name: int(until) for name, _, until in (line.partition(":") for line in lines)}


def flags(machine: Machine) -> list[str]:
    folder = Path(machine.path("caddy/drain"))
    return sorted(one.name for one in folder.iterdir()) if folder.exists() else []


def test_every_service_is_kept_away_while_it_reloads_and_not_after_it(machine: Machine, tools: Path) -> None:
    began = int(time.time())
    assert push(machine, tools).phase == "done"
    assert set(seen(machine)) == {"api", "web"}
    assert all(began < until <= began + 60 for until in seen(machine).values()), "a runner may be killed here"
    assert flags(machine) == []


def test_a_drain_that_is_on_stays_as_it_was(machine: Machine, tools: Path) -> None:
    until = int(time.time()) + 500
    machine.write("caddy/drain/api", f"{until}\n")
    assert push(machine, tools).phase == "done"
    assert seen(machine)["api"] == until and "web" in seen(machine)
    assert flags(machine) == ["api"] and machine.read("caddy/drain/api") == f"{until}\n"


def test_a_drain_that_is_over_keeps_nobody_away_and_is_put_anew(machine: Machine, tools: Path) -> None:
    machine.write("caddy/drain/api", "1\n")
    assert push(machine, tools).phase == "done"
    assert seen(machine)["api"] > time.time() - 60
    assert flags(machine) == []


def test_where_caddy_runs_the_file_already_nobody_is_kept_away(machine: Machine, tools: Path) -> None:
    machine.write("running", "bbbb")
    assert push(machine, tools).phase == "done"
    assert seen(machine) == {}


def test_where_nothing_runs_yet_nobody_is_kept_away(machine: Machine, tools: Path) -> None:
    machine.write("running", "")
    assert push(machine, tools).phase == "done"
    assert seen(machine) == {}


def test_a_reload_that_fails_leaves_nobody_kept_away(machine: Machine, tools: Path) -> None:
    machine.write("broken", "")
    answer = push(machine, tools)
    assert answer.phase != "done" and seen(machine)
    assert flags(machine) == []
