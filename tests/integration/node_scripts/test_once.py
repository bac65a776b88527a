"""A script that is run once on what is received: beside what runs, and nothing of the node is another afterwards."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from dynia.interfaces.desired import PreDeploy
from dynia.interfaces.node_requests import Fence, PushRequest
from dynia.providers.ssh import answers, messages
from dynia.services.planning.render import recipes
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args
from tests.unit.components.clusters import cluster, topology, web_service

replace = msgspec.structs.replace
# It tells what it was called with, what is there, and does what its word says.
DOCKER = """#!/bin/sh
echo "$*" >>"{folder}/called"
case "$*" in
  version*) echo 26.1.5 ;;
  "ps -aq"*) echo c1 ;;
  *" run "*)
    while [ "$1" != --project-directory ]; do shift; done
    stat -c '%a %n' "$2"/config
    cat "$2/.env" "$2/config/app.toml" "$2/pre-deploy.yaml"
    {how} ;;
esac
"""


def once(machine: Machine, **more: object) -> PushRequest:
    request = PushRequest(
        component="pre-deploy/api",
        lineage=LINEAGE,
        files=(machine.file("services/api/app.toml", "new\n"), machine.file("services/api/.env", "A=b\n")),
        swap=False,
    )
    return replace(request, **more)


def everything(machine: Machine) -> dict[str, bytes]:
    found = (p for p in sorted(Path(machine.root).rglob("*")) if p.is_file())
    return {str(p): p.read_bytes() for p in found if p.name not in ("dynia.lock", "log", "fencing")}


@pytest.mark.parametrize(
    ("script", "phase", "said"),
    [
        ('cat "$(find "$STAGE" -name app.toml)"; false', "check", "new"),
        ('[ "$(cat "$(find "$STAGE" -name app.toml)")" = new ]', "done", ""),
        ("echo started; exec sleep 20", "check", "check: no end within"),
    ],
)
def test_it_sees_what_was_sent_and_leaves_nothing(
    machine: Machine, script: str, phase: str, said: str
) -> None:
    machine.write("services/api/app.toml", "old\n")
    machine.write("lineage", f"{LINEAGE}\n")
    before = everything(machine)
    answer = machine.push(once(machine, check=script, deadline_s=2.0 if "sleep" in script else 60.0))
    assert (answer.phase, said in answer.output) == (phase, True)
    assert everything(machine) == before


def test_it_is_refused_to_who_was_overtaken_and_on_a_host_of_another_state(machine: Machine) -> None:
    machine.write("lineage", f"{LINEAGE}\n")
    script = f"touch {machine.root}/it-ran"
    fence = Fence(lineage=LINEAGE, cluster="prod", number=7)
    assert machine.push(once(machine, check="true", fence=fence)).phase == "done"
    late = replace(fence, number=6)
    assert machine.push(once(machine, check=script, fence=late)).phase == "fenced"
    assert machine.push(once(machine, check=script, lineage="another")).phase == "lineage"
    assert not (Path(machine.root) / "it-ran").exists()


@pytest.mark.parametrize(
    ("how", "timeout", "phase", "said"),
    [
        ("echo fine", 60.0, "done", ""),
        ("echo no column; exit 3", 60.0, "check", "no column"),
        ("exec sleep 20", 1.0, "check", "not done within 1 s (pre_deploy_timeout)"),
    ],
)
def test_the_command_runs_in_a_project_of_its_own_that_is_swept_away(
    machine: Machine, tmp_path: Path, how: str, timeout: float, phase: str, said: str
) -> None:
    """With the service's `.env` and files, of which a user who is not root may read those that are mounted."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "docker").write_text(DOCKER.format(folder=tools, how=how))
    (tools / "docker").chmod(0o755)
    command = PreDeploy(container="web", command=("./manage.py", "migrate", "it's"), timeout=timeout)
    spec = cluster(services=(replace(web_service("api"), pre_deploy=command),))
    recipe = recipes(topology(spec))["misty-owl"]["service/api"]
    request = PushRequest(
        component="pre-deploy/api",
        lineage=LINEAGE,
        files=recipe.release.files,
        check=recipe.pre_deploy,
        swap=False,
    )
    raw = machine.run_with(tools, "once", push_args(request), messages.push_message(request))
    answer = answers.parse_push(raw)
    assert (answer.phase, said in answer.output) == (phase, True), answer.output
    called = (tools / "called").read_text().splitlines()
    (ran,) = (n for n, line in enumerate(called) if " run " in line)
    assert "-p dynia-api_pre-deploy " in called[ran]
    assert called[ran].endswith("run --rm --no-deps -T web ./manage.py migrate it's")
    assert "override.yaml" not in called[ran]
    for some in (called[:ran], called[ran + 1 :]):
        assert "rm -fv c1" in some, "of one that was killed, and of this one"
    if phase == "check" and "column" in how:
        assert "755 " in answer.output
