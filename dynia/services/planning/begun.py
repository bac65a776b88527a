"""Creates that an earlier apply began and that did not end: those that nobody goes on with are forgotten."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Literal

from dynia.services.actions import ForgetIntent
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Line, Step
from dynia.state.model import Intent

WHY = "because it was begun by an earlier apply and the file does not want it"


def left_over(
    given: PlanningInput, kind: Literal["node", "reserved_ip"], going_on: Container[str]
) -> tuple[Intent, ...]:
    """Intents whose step is not among those of this plan."""
    mine = (i for i in given.state.intents if i.cluster == given.target and i.kind == kind)
    return tuple(i for i in mine if i.step not in going_on)


def forget(intents: Iterable[Intent], before: Mapping[str, tuple[str, ...]]) -> Part:
    """`before` maps the step of an intent to the steps that first take away what came of it."""
    steps, lines = [], []
    for intent in intents:
        action = ForgetIntent(begun=intent.step, kind=intent.kind, name=intent.name)
        after = before.get(intent.step, ())
        steps.append(Step(id=f"{intent.step}/forget", action=action, why=WHY, after=after))
        lines.append(Line(sign="~", subject="state", details=(("forget", action.what()),), why=WHY))
    return Part(steps=tuple(steps), lines=tuple(lines))
