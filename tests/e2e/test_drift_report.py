"""The drift report of a cluster on which much is wrong at once: every format names all of it, and none once it is
right again."""

from __future__ import annotations

import json

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.e2e.faults import kill_node
from tests.e2e.scratch import Scratch, applied

pytestmark = [pytest.mark.lab, pytest.mark.slow]

HAPROXY = "/opt/dynia/haproxy/haproxy.cfg"
ORPHAN = "docker run -d --name left-over --label com.docker.compose.project=dynia-hello dynia-lab/hello:1"


def test_every_format_names_all_that_is_wrong_and_nothing_once_it_is_right(lab: Lab) -> None:
    with applied(lab, "r") as cluster:
        check(cluster)


def check(cluster: Scratch) -> None:
    holder = cluster.holder()
    first, last = (name for name in sorted(cluster.nodes()) if name != holder)
    cluster.sh(first, f"echo '# by hand' >>{HAPROXY}")
    cluster.sh(first, ORPHAN)
    kill_node(cluster, last)
    reports = cluster.folder / "reports"
    cluster.dynia("drift", "--report", "reports", exits=4)
    for name in ("drift.txt", "drift.md", "drift.json", "drift.html"):
        text = (reports / name).read_text()
        for said in ("haproxy/haproxy.cfg", "left-over", last, "# by hand", "tampered", "orphan"):
            assert said in text, f"{name} does not name {said}\n{text}"
    found = json.loads((reports / "drift.json").read_text())
    assert found["exitCode"] == 4
    assert last in [one["node"] for one in found["notObserved"]]
    edited = next(one for one in found["drift"] if one["what"] == "haproxy/haproxy.cfg")
    assert edited["since"] > 0 and edited["evidence"][0]["at"] > 0
    container = next(one for one in found["drift"] if one["what"].endswith("left-over"))
    assert container["evidence"][0]["at"] > 0

    cluster.sh(first, "docker rm --force left-over")
    cluster.apply(exits=None)
    cluster.apply()
    cluster.dynia("drift", "--report", "reports")
    found = json.loads((reports / "drift.json").read_text())
    assert (found["exitCode"], found["drift"], found["notObserved"]) == (0, [], [])
    assert [run["exitCode"] for run in found["runs"]] == [4, 0]
    assert "no drift" in (reports / "drift.md").read_text()
