"""What earlier drift reports found: since when each entry is there, for how many runs, and when that is to be
told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dynia.interfaces.shape import Shape

MOST_RUNS = 90
MOST_ITEMS = 2000
MOST_BYTES = 32 * 2**20
# Longer than a path may be; what has a longer name is not remembered.
MOST_NAME = 5000
_Text = Annotated[str, Meta(max_length=MOST_NAME)]
_Moment = Annotated[int, Meta(ge=0, le=1 << 40)]


class Found(Shape):
    """One entry of drift, by its name, its class, and its node (empty: the cluster itself)."""

    item: _Text
    category: Literal["tampered", "orphan", "split"]
    node: _Text = ""


class Run(Shape):
    """One report: when, its exit code, what had drifted, and who did not answer. `told` are entries of which
    webhooks know, `open`: they have not been told yet that all is well again."""

    cluster: _Text
    at: _Moment
    code: Annotated[int, Meta(ge=0, le=255)]
    items: tuple[Found, ...] = ()
    silent: tuple[_Text, ...] = ()
    told: tuple[_Text, ...] = ()
    open: bool = False


class Sighting(Shape):
    """Since when an entry is seen, and in how many runs on end."""

    first: int
    runs: int


class Alert(Shape):
    """What webhooks are to be told now: entries that have been there for long enough, with how many runs
    each, or that nothing differs any more."""

    state: Literal["drifting", "well"]
    items: tuple[tuple[str, int], ...] = ()


def read_runs(text: bytes) -> tuple[tuple[Run, ...], int]:
    """Runs of a file with one a line, the newest last, and how many lines are none."""
    runs, bad = [], 0
    for line in text.splitlines():
        try:
            runs.append(msgspec.json.decode(line, type=Run))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            bad += 1
    return tuple(runs), bad


def write_runs(runs: Sequence[Run]) -> bytes:
    """As many of the newest as there may be."""
    lines: list[bytes] = []
    room = MOST_BYTES
    for run in reversed(runs[-MOST_RUNS:]):
        line = msgspec.json.encode(run) + b"\n"
        room -= len(line)
        if room < 0 and lines:
            break
        lines.append(line)
    return b"".join(reversed(lines))


def sightings(runs: Sequence[Run]) -> dict[str, Sighting]:
    """Of everything that the last run found. A run in which its node did not answer says nothing about it:
    there it is neither counted nor gone."""
    if not runs:
        return {}
    found = {one.item: one for one in runs[-1].items}
    known: dict[str, Sighting] = {}
    open_ = dict(found)
    for run in reversed(runs):
        there = {one.item for one in run.items}
        for name, one in tuple(open_.items()):
            if name in there:
                runs_so_far = known[name].runs if name in known else 0
                known[name] = Sighting(first=run.at, runs=runs_so_far + 1)
            elif not (one.node and one.node in run.silent):
                del open_[name]
        if not open_:
            break
    return known


def next_run(
    before: Sequence[Run], cluster: str, at: int, code: int, items: Iterable[Found], silent: Iterable[str]
) -> Run:
    """This run, with what webhooks know from before: of an entry that is gone they may be told again."""
    once = {one.item: one for one in items if len(one.item) <= MOST_NAME}
    kept = tuple(once.values())[:MOST_ITEMS]
    last, unseen = before[-1] if before else None, tuple(silent)
    nodes = {one.item: one.node for run in before for one in run.items}
    told = last.told if last else ()
    return Run(
        cluster=cluster,
        at=at,
        code=code,
        items=kept,
        silent=unseen,
        told=tuple(name for name in told if name in once or nodes.get(name, "") in unseen),
        open=last.open if last else False,
    )


def alert_of(before: Sequence[Run], now: Run, after: int) -> Alert | None:
    """What is to be told, each once: what has just been there in `after` runs on end, or that all is well."""
    if now.open and not now.code:
        return Alert(state="well")
    seen = sightings((*before, now))
    due = tuple((name, one.runs) for name, one in seen.items() if one.runs >= after and name not in now.told)
    return Alert(state="drifting", items=due) if due else None


def alerted(now: Run, alert: Alert) -> Run:
    """The run, once webhooks were told."""
    if alert.state == "well":
        return msgspec.structs.replace(now, told=(), open=False)
    return msgspec.structs.replace(now, told=(*now.told, *(name for name, _ in alert.items)), open=True)
