"""`cluster create`, `deploy`, `cluster scale` and `undeploy` on a file as people write them: git shows which lines
they changed, Docker and curl what came of it, and a no leaves every byte."""

from __future__ import annotations

import hashlib
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.e2e.remains import machines
from tests.e2e.scratch import COMPOSE, Scratch
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.lab

ODD = """\
# ours;\task before you change it
x-rollout: &careful {max_unavailable: 1}   # shared by all

clusters:
     other:                # not made yet
           provider: { kind: docker }
           nodes:   {count: 1,}
           rollout: *careful
           # services: none so far

# the end"""
DOMAIN = "hello.example.com"


@pytest.fixture
def empty(cluster: Scratch) -> Iterator[Scratch]:
    """A folder in git, with an odd file of another cluster."""
    cluster.write("clusters.yaml", ODD)
    cluster.write("compose.yaml", COMPOSE)
    cluster.write(".gitignore", "state.json\n.dynia/\nhistory/\n")
    git(cluster, "init", "--quiet")
    commit(cluster)
    yield cluster


def git(cluster: Scratch, *argv: str) -> str:
    """git over the folder. Its own folder is not called .git: a checkout of its own would have a lab of its own."""
    begin = "git --git-dir history --work-tree . -c user.name=t -c user.email=t@example.com -c core.autocrlf=false"
    return subprocess.run(
        [*begin.split(), *argv], cwd=cluster.folder, capture_output=True, text=True, check=True
    ).stdout


def commit(cluster: Scratch) -> None:
    git(cluster, "add", "--all")
    git(cluster, "commit", "--quiet", "--allow-empty", "--message", "as it is")


def changed(cluster: Scratch) -> dict[str, list[str]]:
    """File -> its lines that went and came, by git; committed then."""
    found = {}
    for name in git(cluster, "diff", "--name-only").split():
        lines = git(cluster, "diff", "--unified=0", "--", name).split("\n@@", 1)[1].splitlines()
        # git also says that the last line has no line break; as before, or it would stand there as a change
        found[name] = [line for line in lines if line[:1] in ("+", "-")]
    git(cluster, "diff", "--check")
    commit(cluster)
    return found


def hashes(cluster: Scratch) -> dict[str, str]:
    """sha256 of all that a person wrote."""
    files = [Path(cluster.folder / name) for name in ("clusters.yaml", "compose.yaml")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def said_no(cluster: Scratch, *argv: str) -> None:
    """Answered no on a terminal: the edit and the plan were shown, and every byte is as before."""
    before, there = hashes(cluster), cluster.nodes()
    with Terminal(cluster, *argv) as person:
        person.wait_for("is accepted:")
        person.type("no")
        assert person.end() == 1, person.shown
        assert "+++ " in person.shown and "Plan:" in person.shown
        assert "nothing was changed" in person.shown
    assert hashes(cluster) == before
    assert cluster.nodes() == there


def answer(cluster: Scratch) -> str:
    request = urllib.request.Request(f"http://{cluster.entry()}/", headers={"Host": DOMAIN})
    with urllib.request.urlopen(request, timeout=3) as reply:
        return str(reply.read(4096).decode())


def images(cluster: Scratch) -> set[str]:
    """What runs as the service, on every node."""
    script = "docker ps --filter label=com.docker.compose.service=web --format '{{.Image}}'"
    return {f"{node} {image}" for node in cluster.nodes() for image in cluster.sh(node, script).split()}


@pytest.mark.slow
def test_from_an_odd_file_through_create_deploy_scale_undeploy(empty: Scratch) -> None:
    create = ("cluster", "create", empty.name, "--nodes", "2", "--provider", "docker")
    said_no(empty, *create)
    assert not empty.nodes()
    assert empty.state()["currentCluster"] is None

    empty.dynia(*create, "--yes")
    assert changed(empty) == {
        "clusters.yaml": [
            f"+     {empty.name}:",
            "+           provider: {kind: docker}",
            "+           nodes: {count: 2}",
        ]
    }
    assert len(machines(empty)) == 2
    assert empty.state()["currentCluster"] == empty.name

    deploy = (
        "deploy",
        "--name",
        "hello",
        "--compose",
        "./compose.yaml",
        "--domain",
        DOMAIN,
        "--health",
        "/healthz",
    )
    said_no(empty, *deploy)
    empty.dynia(*deploy, "--yes")
    assert changed(empty) == {
        "clusters.yaml": [
            "+           services:",
            "+                 hello:",
            "+                       compose: ./compose.yaml",
            f"+                       domains: [{DOMAIN}]",
            "+                       health: {path: /healthz}",
        ]
    }
    assert answer(empty)
    assert len(before := images(empty)) == 2

    # the app's own CI: only the image
    image = ("deploy", "--name", "hello", "--image", "dynia-lab/hello:2")
    said_no(empty, *image)
    empty.dynia(*image, "--yes")
    assert changed(empty) == {
        "compose.yaml": ["-    image: dynia-lab/hello:1", "+    image: dynia-lab/hello:2"]
    }
    assert answer(empty)
    assert not images(empty) & before

    scale = ("cluster", "scale", empty.name, "3")
    said_no(empty, *scale)
    dry = empty.dynia(*scale, "--dry-run")
    assert "+           nodes: {count: 3}" in dry.stdout and "nodes 2 → 3" in dry.stdout
    assert "nothing was changed" in dry.stderr
    assert changed(empty) == {}
    empty.dynia(*scale, "--yes")
    assert changed(empty) == {
        "clusters.yaml": ["-           nodes: {count: 2}", "+           nodes: {count: 3}"]
    }
    assert len(machines(empty)) == 3
    assert answer(empty)

    said_no(empty, "undeploy", "hello")
    empty.dynia("undeploy", "hello", "--yes")
    assert changed(empty) == {
        "clusters.yaml": [
            "-           services:",
            "-                 hello:",
            "-                       compose: ./compose.yaml",
            f"-                       domains: [{DOMAIN}]",
            "-                       health: {path: /healthz}",
            "+           services: {}",
        ]
    }
    assert not images(empty)
    assert empty.dynia("plan", "--detailed-exitcode").exit == 0
    assert (empty.folder / "clusters.yaml").read_text().startswith(ODD.removesuffix("\n\n# the end"))
    assert (empty.folder / "clusters.yaml").read_text().endswith("\n\n# the end")
    # said twice, nothing is left to do
    assert "says this already" in empty.dynia("cluster", "scale", empty.name, "3", "--yes").stderr
    empty.dynia("undeploy", "hello", "--yes", exits=1)


def test_a_file_that_changes_while_the_question_stands_is_not_written_over(empty: Scratch, lab: Lab) -> None:
    del lab
    with Terminal(empty, "cluster", "create", empty.name, "--nodes", "1", "--provider", "docker") as person:
        person.wait_for("is accepted:")
        empty.write("clusters.yaml", ODD + "\n# mine\n")
        person.type("yes")
        assert person.end() == 6, person.shown
    assert (empty.folder / "clusters.yaml").read_text() == ODD + "\n# mine\n"
    assert not empty.nodes()
