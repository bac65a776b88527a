"""A saved plan as people and programs read it: who made it when, what it does, and whether it still holds."""

from __future__ import annotations

import time

import msgspec

from dynia.commands.screens.machine import document
from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.plan_json import plan_body
from dynia.commands.screens.text import clean, one_line, paint, wrap
from dynia.interfaces.requests import Detail
from dynia.interfaces.shape import Shape
from dynia.services.planning.plan import Plan
from dynia.services.saved_plan import SavedPlan


class SavedView(Shape):
    """`stale` are the reasons that file and state give; `unknown` is what could not be compared."""

    file: str
    saved: SavedPlan
    stale: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def digest_text(plan: Plan, *, width: int) -> str:
    """The plan's digest, and what can be done with it."""
    way = f"`dynia apply --cluster {one_line(plan.cluster)} --expect DIGEST` applies exactly this plan."
    return "\n".join(
        [*wrap(plan.digest, width, first="Digest  ", rest="        "), *wrap(way, width, rest="  ")]
    )


def kept_text(file: str, *, width: int) -> str:
    """What became of `--out`."""
    name = one_line(file)
    said = f"Saved as {name}. `dynia apply {name}` applies exactly this plan; `dynia show {name}` shows it."
    return "\n".join(wrap(said, width, rest="  "))


def saved_text(view: SavedView, *, width: int, detail: Detail = "normal", color: bool = False) -> str:
    """The screen of `dynia show`: the plan as it was shown when it was made, and then whether it is stale."""
    saved = view.saved
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(saved.at))
    commit = f" · commit {one_line(saved.commit)}" if saved.commit else ""
    first = f"Saved {when} by {one_line(saved.by)}{commit} · Dynia {one_line(saved.tool)}"
    head = [paint(line, "head", color) for line in wrap(first, width, rest="  ")]
    plan = plan_text(cleaned(saved.plan), width=width, detail=detail, color=color, now=float(saved.at))
    return "\n\n".join(
        "\n".join(block)
        for block in (head, [plan, "", *_digest(saved.plan, width)], _verdict(view, width, color))
    )


def cleaned(plan: Plan) -> Plan:
    """Whoever wrote the file chose every text in it, also those that Dynia itself makes in a plan."""
    return msgspec.convert(_clean(msgspec.to_builtins(plan)), Plan)


def _clean(value: object) -> object:
    match value:
        case str():
            return clean(value)
        case list() | tuple():
            return [_clean(one) for one in value]
        case dict():
            return {clean(key): _clean(one) for key, one in value.items()}
        case _:
            return value


def _digest(plan: Plan, width: int) -> list[str]:
    return wrap(one_line(plan.digest), width, first="Digest  ", rest="        ")


def _verdict(view: SavedView, width: int, color: bool) -> list[str]:
    lines: list[str] = []
    if view.stale:
        lines.append(paint("Stale because", "bad", color))
        for reason in view.stale:
            lines += wrap(one_line(reason), width, first="  ", rest="    ")
        lines += ["", *wrap("Next: `dynia plan`, look at it, then apply that.", width, rest="  ")]
    for what in view.unknown:
        lines += wrap(f"Not compared: {one_line(what)}", width, rest="  ")
    if not view.stale and not view.unknown:
        said = "File and state are as they were. No node was asked: "
        said += f"`dynia apply {one_line(view.file)}` does that first, and stops where something differs."
        lines += wrap(said, width, rest="  ")
    return lines


def saved_json(view: SavedView) -> bytes:
    """`dynia show --json`."""
    saved = view.saved
    body = {
        "by": saved.by,
        "at": saved.at,
        "commit": saved.commit,
        "tool": saved.tool,
        "stale": list(view.stale),
        "notCompared": list(view.unknown),
        "plan": plan_body(saved.plan),
    }
    return document("show", body)
