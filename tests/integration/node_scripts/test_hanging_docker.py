"""A node whose Docker hangs: nothing is claimed of its containers, nothing waits without end, and people are told.

Docker is a stand-in. One that never answers is what `timeout` makes of it: exit 124.
"""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest

from dynia.interfaces.errors import ApplyFailed, NotObservedError
from dynia.interfaces.node_requests import ObserveRequest, PushAnswer, PushRequest, RemoveRequest
from dynia.providers.ssh import answers, messages
from dynia.providers.ssh.framing import sections, text, token
from dynia.providers.ssh.observation import parse_observation
from dynia.services.actions import RemoveComponent
from dynia.services.actions.answered import must_be_done
from dynia.services.actions.setback import what_next
from dynia.services.planning.components import removal
from dynia.services.planning.render import recipes
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args, remove_args
from tests.unit.components.clusters import cluster, topology

ANSWERS = """#!/bin/sh
case "$*" in
  {hangs}) {how} ;;
  version*) echo 26.1.5 ;;
  ps*) echo c1 ;;
  inspect*)
    echo '["c1","/api-web-1","sha256:1","running","healthy",0,2,"2026-01-01T00:00:00Z","api","web","cfg",[""]]' ;;
  "compose version"*) echo 2.26.1 ;;
esac
"""


def docker(folder: Path, hangs: str, how: str = "exit 124") -> Path:
    folder.mkdir()
    (folder / "docker").write_text(ANSWERS.format(hangs=hangs, how=how))
    (folder / "docker").chmod(0o755)
    return folder


def look(machine: Machine, tools: Path) -> tuple[str, ...]:
    request = ObserveRequest(roots=(machine.places.opt,))
    raw = machine.run_with(tools, "observe", (), messages.observe_message(request))
    facts = parse_observation(raw, request, runner_ms=round(time.time() * 1000))
    return tuple(container.name for container in facts.containers)


@pytest.mark.parametrize("question", ["version*", "ps*", "inspect*", "image*", "network*"])
def test_whichever_question_is_not_answered_the_node_is_not_observed(
    machine: Machine, tmp_path: Path, question: str
) -> None:
    """A daemon that is stuck on one lock answers all but one: "no container" would be a lie then (law 6)."""
    assert look(machine, docker(tmp_path / "well", "nothing")) == ("api-web-1",)
    with pytest.raises(NotObservedError, match=r"its Docker does not answer .*`systemctl restart docker`"):
        look(machine, docker(tmp_path / "tools", question))


def test_a_systemd_that_does_not_answer_is_no_machine_without_units(machine: Machine, tmp_path: Path) -> None:
    tools = docker(tmp_path / "tools", "nothing")
    (tools / "systemctl").write_text("#!/bin/sh\nexit 124\n")
    (tools / "systemctl").chmod(0o755)
    with pytest.raises(NotObservedError, match="its systemd does not answer within 10 s"):
        look(machine, tools)


def test_a_look_at_a_docker_that_never_answers_ends(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(NotObservedError, match="its Docker does not answer within 10 s"):
        look(machine, docker(tmp_path / "tools", "inspect*", "exec sleep 600"))


def test_a_container_that_went_in_between_is_no_mystery(machine: Machine, tmp_path: Path) -> None:
    assert look(machine, docker(tmp_path / "tools", "inspect*", "exit 1")) == ()


@pytest.mark.parametrize("component", ["service/api", "caddy"])
def test_a_push_that_needs_docker_asks_it_before_it_touches_anything(
    machine: Machine, tmp_path: Path, component: str
) -> None:
    """With the check that nodes are really given."""
    whole = topology(cluster())
    recipe = recipes(whole)[whole.nodes[0].name][component]
    request = PushRequest(
        component="haproxy",
        lineage=LINEAGE,
        files=(machine.file("haproxy/haproxy.cfg", "new config\n"),),
        check=recipe.check,
        activate=f"cp {machine.path('haproxy/haproxy.cfg')} {machine.path('live')}",
    )
    tools = docker(tmp_path / "tools", "version*")
    raw = machine.run_with(tools, "push", push_args(request), messages.push_message(request))
    answer = answers.parse_push(raw)
    assert (answer.phase, answer.restored) == ("check", True)
    assert (machine.read("haproxy/haproxy.cfg"), machine.read("live")) == ("old config\n", "old config\n")
    with pytest.raises(ApplyFailed, match="Docker does not answer here within 30 s") as caught:
        must_be_done("web-1", component, answer)
    assert caught.value.hint == "`dynia node ssh web-1 -- systemctl restart docker`, then apply again"
    # The real one is bounded too.
    assert re.search(r"timeout -k 1 30 docker version", recipe.check)


@pytest.mark.parametrize("component", ["service/api", "caddy"])
def test_whoever_takes_containers_away_asks_docker_first(component: str) -> None:
    deactivate = removal(component).deactivate
    assert deactivate.index("timeout -k 1 30 docker version") < deactivate.index("docker compose")


def test_a_removal_that_gets_no_answer_from_docker_has_deleted_nothing_and_says_so(
    machine: Machine, tmp_path: Path
) -> None:
    before, tools = machine.files(), docker(tmp_path / "tools", "version*")

    class Node:
        async def remove(self, request: RemoveRequest) -> PushAnswer:
            asked = messages.remove_message(request)
            return answers.parse_push(machine.run_with(tools, "remove", remove_args(request), asked))

    class Desk:
        cluster, lineage, fence = "prod", LINEAGE, None

        async def connection(self, name: str) -> Node:
            return Node()

    action = RemoveComponent(
        node="web-1",
        component="service/api",
        paths=(machine.path("haproxy"),),
        everything=True,
        deactivate=removal("service/api").deactivate,
    )
    with pytest.raises(ApplyFailed) as caught:
        asyncio.run(action.run(Desk()))  # type: ignore[arg-type]
    assert caught.value.message == (
        "web-1 · service/api · deactivate failed; none of its files is gone; what it ran may be stopped\n"
        "Docker does not answer here within 30 s\ndeactivate: exit 1"
    )
    assert caught.value.hint == "`dynia node ssh web-1 -- systemctl restart docker`, then apply again"
    assert machine.files() == before


def test_no_image_is_sent_to_a_docker_that_does_not_answer(machine: Machine, tmp_path: Path) -> None:
    tools = docker(tmp_path / "tools", "image*")
    found = sections(machine.run_with(tools, "image", ("load", "sha256:1", "app:1", "30"), b""))
    assert "need" not in found
    said = text(token(found, "failed", 0))
    assert said == "Docker does not answer here: systemctl restart docker"
    assert "systemctl restart docker" in what_next("web-1", said)


@pytest.mark.parametrize("question", ["ps*", "inspect*"])
def test_a_gate_names_docker_and_not_the_container(machine: Machine, tmp_path: Path, question: str) -> None:
    tools = docker(tmp_path / "tools", question)
    raw = machine.run_with(tools, "gate", ("api", "", "", "", "1", "0"), b"web|new\n")
    answer = answers.parse_gate(raw)
    assert answer.reason == ("not healthy within 1 s (Docker does not answer here: systemctl restart docker)")
