"""A plan that was reviewed: applied as it is, or not at all once a node, the file or what it includes is another."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.look import look, touched
from tests.e2e.pair import write_pair
from tests.e2e.scratch import Scratch
from tests.e2e.test_changed_since_plan import HAPROXY, state_of

pytestmark = pytest.mark.lab

PLAN = "review.plan"
NEVER = "sha256:" + "0" * 64


@pytest.fixture(autouse=True)
def settled(pair: Scratch) -> Iterator[None]:
    """A test begins with nothing to do and no plan file, whatever the one before it left."""
    write_pair(pair)
    pair.apply()
    (pair.folder / PLAN).unlink(missing_ok=True)
    yield


def reviewed(pair: Scratch) -> dict[str, tuple[str, ...]]:
    """A change is asked for, planned, and kept; how both ways apply it."""
    pair.edit("clusters.yaml", "default: true", "default: true\n        domains: [pair.test]")
    run = pair.dynia("plan", "--cluster", pair.name, "--json", "--out", PLAN, "--detailed-exitcode", exits=2)
    digest = json.loads(run.stdout)["digest"]
    assert digest in pair.dynia("show", PLAN).stdout
    return {"FILE": ("apply", PLAN), "digest": ("apply", "--cluster", pair.name, "--expect", digest)}


@pytest.mark.parametrize("way", ["FILE", pytest.param("digest", marks=pytest.mark.slow)])
def test_what_was_reviewed_is_applied_without_a_question(pair: Scratch, way: str) -> None:
    ways = reviewed(pair)
    assert "File and state are as they were" in pair.dynia("show", PLAN).stdout
    pair.dynia(*ways[way])
    assert pair.dynia("plan", "--detailed-exitcode").exit == 0
    assert "another apply ran since" in pair.dynia("show", PLAN).stdout
    assert pair.dynia(*ways[way], exits=6).exit == 6


def test_a_hot_fix_after_the_review_stays_and_nothing_is_touched(pair: Scratch) -> None:
    ways = reviewed(pair)
    node = list(pair.nodes())[-1]
    pair.sh(node, f"echo '# 3 am' >>{HAPROXY}")
    fixed = {name: state_of(pair, name, HAPROXY) for name in pair.nodes()}
    before = look(pair)
    by_file, by_digest = (pair.dynia(*ways[way], exits=6) for way in ("FILE", "digest"))
    assert f"{node}: {HAPROXY} was edited" in " ".join(by_file.stderr.split())
    assert HAPROXY in by_digest.stderr and "not the one that was reviewed" in " ".join(
        by_digest.stderr.split()
    )
    assert touched(before, look(pair)) == set()
    assert {name: state_of(pair, name, HAPROXY) for name in pair.nodes()} == fixed


EDITS = {
    "desired": (("clusters.yaml", "count: 3", "count: 4"), "clusters.yaml: nodes was edited"),
    "compose": (("compose.yaml", "blue", "green"), "service pair: compose.yaml was edited"),
    "mounted": (("greeting/text", "morning", "evening"), "service pair: greeting/text was edited"),
}


@pytest.mark.parametrize(
    "row", ["mounted", *(pytest.param(row, marks=pytest.mark.slow) for row in ("desired", "compose"))]
)
def test_what_was_edited_after_the_review_stops_both_ways(pair: Scratch, row: str) -> None:
    edit, said = EDITS[row]
    ways = reviewed(pair)
    pair.edit(*edit)
    before = look(pair)
    assert said in " ".join(pair.dynia("show", PLAN).stdout.split())
    assert said in " ".join(pair.dynia(*ways["FILE"], exits=6).stderr.split())
    pair.dynia(*ways["digest"], exits=6)
    assert touched(before, look(pair)) == set()


@pytest.mark.slow
def test_a_digest_of_no_plan_touches_nothing(pair: Scratch) -> None:
    reviewed(pair)
    before = look(pair)
    pair.dynia("apply", "--cluster", pair.name, "--expect", NEVER, exits=6)
    assert touched(before, look(pair)) == set()
