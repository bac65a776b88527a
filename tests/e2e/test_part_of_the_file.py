"""`--target`, and `protect: true`: what is left out stays as it was, what is protected stays there at all."""

from __future__ import annotations

import urllib.request

import pytest

from tests.e2e.remains import machines
from tests.e2e.scratch import COMPOSE, Scratch

pytestmark = [pytest.mark.lab, pytest.mark.slow]

OTHER = """\
      other:
        compose: ./other.yaml
        domains: [other.example.test]
        health: {path: /healthz}
"""


def containers(cluster: Scratch, service: str) -> set[str]:
    """The ids of its containers, over all nodes."""
    ask = f"docker ps --filter label=com.docker.compose.project=dynia-{service} --no-trunc --format '{{{{.ID}}}}'"
    return {cluster.sh(node, ask).strip() for node in cluster.nodes()}


def answers(cluster: Scratch, host: str) -> bytes:
    asked = urllib.request.Request(f"http://{cluster.entry()}/", headers={"Host": host})
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return bytes(answer.read())


def unwrapped(screen: str) -> str:
    return " ".join(screen.split())


def labelled(level: int) -> str:
    return COMPOSE.replace("    restart:", f"    environment: {{LEVEL: '{level}'}}\n    restart:")


def test_a_target_is_done_and_the_rest_waits_for_the_next_apply(running: Scratch) -> None:
    running.write("other.yaml", COMPOSE)
    running.write("clusters.yaml", (running.folder / "clusters.yaml").read_text() + OTHER)
    running.apply()
    hello, other = containers(running, "hello"), containers(running, "other")
    running.write("compose.yaml", labelled(1))
    running.write("other.yaml", labelled(1))
    plan = running.dynia("plan", "--target", "other", "--detailed-exitcode", exits=2)
    assert "Partial: --target service/other" in plan.stdout and "service hello" in plan.stdout
    done = running.apply("--target", "other")
    assert "the cluster is not settled by it" in unwrapped(done.stdout)
    assert containers(running, "hello") == hello and not containers(running, "other") & other
    assert running.get() and answers(running, "other.example.test")
    assert running.dynia("plan", "--target", "other", "--detailed-exitcode").exit == 0
    running.dynia("plan", "--detailed-exitcode", exits=2)
    running.apply()
    assert not containers(running, "hello") & hello
    running.dynia("plan", "--detailed-exitcode")


def test_a_protected_cluster_keeps_its_machines_whatever_the_file_says(running: Scratch) -> None:
    there = machines(running)
    running.edit("clusters.yaml", "    entry:", "    protect: true\n    entry:")
    running.apply()
    running.edit("clusters.yaml", "count: 3", "count: 2")
    for argv in (("plan",), ("apply", "--yes", "--allow-destroy", "9")):
        refused = running.dynia(*argv, exits=1)
        said = unwrapped(refused.stderr)
        assert "is protected" in said and "clusters.yaml:5:14" in said, str(refused)
    whole = (running.folder / "clusters.yaml").read_text()
    running.write("clusters.yaml", "clusters: {other: {provider: {kind: docker}, nodes: {count: 1}}}\n")
    name = running.name
    refused = running.dynia("cluster", "destroy", name, "--yes-destroy", name, exits=1)
    assert f"cluster {name} is protected" in unwrapped(refused.stderr), str(refused)
    assert machines(running) == there and running.get()
    running.write("clusters.yaml", whole.replace("    protect: true\n", "").replace("count: 2", "count: 3"))
    running.apply()
    running.dynia("plan", "--detailed-exitcode")
