"""Exit codes: what a finding is worth, and which one wins."""

from __future__ import annotations

import itertools

import pytest

from dynia.commands.exit_codes import WINS, drift_code, plan_code, worst
from tests.unit.screens import samples


def test_where_several_apply_the_worst_wins() -> None:
    order = [9, 8, 7, 6, 5, 1, 4, 10, 3, 2, 0]
    assert [code for code in WINS if code != 130] == order
    for worse, better in itertools.combinations(order, 2):
        assert worst((better, worse)) == worse
    assert worst(()) == 0


@pytest.mark.parametrize(
    ("name", "plain", "detailed", "drift"),
    [
        ("nothing-to-do", 0, 0, 0),
        ("nothing-to-do-one-silent", 4, 4, 4),
        ("image-change", 0, 2, 0),
        ("drift-only", 0, 2, 3),
        ("drift-and-pending", 0, 2, 3),
        ("split", 0, 0, 3),
        ("failures", 4, 4, 4),
        ("fifty-nodes", 4, 4, 4),
        ("first-deploy", 0, 2, 0),
        ("paused", 0, 0, 0),
    ],
)
def test_a_finding_has_its_exit_code(name: str, plain: int, detailed: int, drift: int) -> None:
    plan = samples.PLANS[name]
    assert plan_code(plan, detailed=False) == plain
    assert plan_code(plan, detailed=True) == detailed
    assert drift_code(plan) == drift
