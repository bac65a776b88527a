"""`dynia history` on real nodes: an apply, a look for drift, and an apply that is killed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.scratch import Scratch

pytestmark = pytest.mark.lab


def runs(cluster: Scratch) -> list[dict[str, Any]]:
    return list(json.loads(cluster.dynia("history", "--json", "--last", "200").stdout)["runs"])


def with_domain(cluster: Scratch, name: str) -> None:
    cluster.write_clusters()
    cluster.edit("clusters.yaml", "default: true", f"default: true\n        domains: [{name}]")


@pytest.mark.slow
def test_an_apply_and_a_drift_are_told_with_plan_and_events(running: Scratch) -> None:
    serial = len(runs(running))
    with_domain(running, "history.test")
    running.apply()
    running.dynia("drift")
    newest, applied, *others = runs(running)
    assert len(others) == serial
    assert (newest["verb"], newest["result"]) == ("drift", "no_drift")
    assert (applied["verb"], applied["state"], applied["result"]) == ("apply", "ended", "done")
    assert applied["generation"] == applied["generationBefore"] + 1 and applied["stepsDone"] > 0
    told = json.loads(running.dynia("history", "show", str(applied["number"]), "--json").stdout)
    ended = {event["step"] for event in told["events"] if event["event"] == "step_ended"}
    assert {step["id"] for step in told["plan"]["steps"]} <= ended
    running.write_clusters()
    running.apply()


@pytest.mark.slow
def test_an_apply_that_is_killed_did_not_end(running: Scratch) -> None:
    with_domain(running, "killed.test")
    begun = running.begin("apply", "--yes")
    while (first := runs(running)[0])["state"] != "under way":
        assert begun.poll() is None, "it ended before it was seen"
    running.kill(begun)
    killed = next(one for one in runs(running) if one["number"] == first["number"])
    assert killed["state"] == "did not end" and killed["result"] is None
    running.apply()
    running.write_clusters()
    running.apply()
