"""A step that failed names itself and its node, once."""

from __future__ import annotations

import pytest

from dynia.commands.screens.apply import apply_result_text
from dynia.services.planning.plan import Plan
from dynia.services.reconcile import ApplyResult, Failure


@pytest.mark.parametrize(
    ("message", "first"),
    [
        (
            "the connection broke: connection lost",
            "✘ web-1/caddy/push · the connection broke: connection lost",
        ),
        ("web-1 · caddy · check failed", "✘ web-1 · caddy · check failed"),
    ],
)
def test_where_it_happened_is_said(message: str, first: str) -> None:
    plan = Plan(cluster="prod", lineage="1", serial=1, generation=1)
    failure = Failure(step="web-1/caddy/push", node="web-1", message=message, hint="look")
    result = ApplyResult(
        exit_code=7,
        plan=plan,
        last=plan,
        done=0,
        failures=(failure,),
        not_run=(),
        seconds=1.0,
        generation=1,
    )
    assert apply_result_text(result, width=100).splitlines()[:2] == [first, "  next: look"]
