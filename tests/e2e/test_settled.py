"""After an apply there is nothing to do, plan and drift say so in a line, and looking changes nothing on any node."""

from __future__ import annotations

import pytest

from tests.e2e.look import look, touched
from tests.e2e.scratch import Scratch

pytestmark = pytest.mark.lab


def test_after_apply_the_plan_is_empty_and_says_so_in_one_line(pair: Scratch) -> None:
    before = look(pair)
    state = pair.state()
    plan = pair.dynia("plan", "--detailed-exitcode")
    assert (plan.stdout.count("\n"), plan.stdout.rstrip("\n"), plan.stderr) == (
        1,
        f"{pair.name}: nothing to do (3 nodes observed, generation {state_generation(pair)})",
        "",
    )
    drift = pair.dynia("drift")
    assert (drift.stdout, drift.stderr) == (f"{pair.name}: no drift on 3 nodes\n", "")
    assert touched(before, look(pair)) == set()
    assert pair.state() == state


def test_an_apply_with_nothing_to_do_does_nothing(pair: Scratch) -> None:
    before, state = look(pair), pair.state()
    said = pair.apply()
    assert (
        said.stdout == f"{pair.name}: nothing to do (3 nodes observed, generation {state_generation(pair)})\n"
    )
    assert touched(before, look(pair)) == set()
    assert pair.state() == state


def state_generation(cluster: Scratch) -> int:
    (mine,) = (one for one in cluster.state()["clusters"] if one["name"] == cluster.name)
    return int(mine["generation"])
