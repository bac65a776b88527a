"""A saved plan: refused in words, or a plan that is shown whole and is written and read again the same."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from typing import Any

import msgspec

from dynia.commands.screens.saved import SavedView, saved_json, saved_text
from dynia.services import saved_plan
from dynia.services.planning.digest import sealed
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.stale import Reviewed, listed, reasons
from dynia.services.saved_plan import SavedPlan, decode, encode
from tests.fuzz import tree_mutator
from tests.fuzz.chance import Chance
from tests.fuzz.oracle import Broken
from tests.fuzz.target import Target
from tests.plans import cases

CASES = ("scale-up", "tampered-and-pending", "dns", "destroy", "nothing-to-do")


def _small(plan: Plan) -> Plan:
    """A little of everything, so that a change meets each kind of thing before long."""
    return sealed(
        msgspec.structs.replace(
            plan,
            steps=tuple(msgspec.structs.replace(step, after=()) for step in plan.steps[:2]),
            later=plan.later[:1],
            diffs=(),
            content=plan.content[:1],
            changes=plan.changes[:2],
        )
    )


class PlanFile(Target):
    name = "plan"
    weight = 60
    examples = 100

    def __init__(self) -> None:
        self._plans = [_small(make_plan(cases.CASES[name]())) for name in CASES]

    def good(self) -> list[bytes]:
        return [encode(SavedPlan(by="me", at=1, commit="", tool="2", plan=plan)) for plan in self._plans]

    def untree(self, tree: Any, chance: Chance) -> bytes:
        """Most files are made by somebody who knows how: checksum and digest are right again."""
        if chance.below(4) == 0 or not isinstance(tree, dict) or "saved" not in tree:
            return tree_mutator.written(tree, chance)
        saved = tree["saved"]
        with contextlib.suppress(Exception):
            plan = sealed(msgspec.convert(saved["plan"], Plan))
            saved = {**saved, "plan": msgspec.to_builtins(plan)}
        try:
            raw = json.dumps(saved, ensure_ascii=False, separators=(",", ":")).encode()
        except (UnicodeEncodeError, RecursionError, ValueError):
            return tree_mutator.written(tree, chance)
        head = {**tree, "checksum": saved_plan._checksum(raw)}
        del head["saved"]
        try:
            return json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"saved":' + raw + b"}\n"
        except (RecursionError, ValueError):
            return tree_mutator.written(tree, chance)

    def attempt(self, raw: bytes) -> Iterable[str]:
        found = decode(raw, "prod.plan")
        if decode(encode(found), "prod.plan") != found:
            raise Broken("a saved plan is read otherwise than it was written")
        why = reasons(found.plan, self._plans[0])
        if bool(why) != (found.plan.digest != self._plans[0].digest):
            raise Broken("a difference without a reason")
        view = SavedView(file="prod.plan", saved=found, stale=why)
        for width in (40, 80):
            yield saved_text(view, width=width, detail="full")
            yield saved_text(view, width=width, detail="summary")
        yield saved_json(view).decode()
        from dynia.commands.screens.error import error_text
        from dynia.interfaces.errors import Stale
        from dynia.services.planning.stale import check_reviewed

        try:
            check_reviewed(Reviewed(digest=found.plan.digest, plan=found.plan), self._plans[0])
        except Stale as stale:
            yield error_text(stale, width=80)
        yield listed("", ())
