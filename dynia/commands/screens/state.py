"""The state in words: lineage, and how far each cluster's story has come. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dynia.commands.screens.machine import document
from dynia.commands.screens.text import cells, columns, count, join_wrapped, one_line, pad, paint, wrap
from dynia.interfaces.shape import Shape
from dynia.state.pushed_copy import Replaced


class StateCluster(Shape, rename="camel"):
    """One cluster. `fencing` is the number of its last lease; `unfinished` are steps of which no end is
    known, `intents` creates that were begun."""

    name: str
    provider: str
    generation: int
    serial: int
    fencing: int
    nodes: tuple[str, ...]
    services: tuple[str, ...]
    unfinished: tuple[str, ...]
    intents: tuple[str, ...]


class StateView(Shape, rename="camel"):
    lineage: str
    current_cluster: str | None = None
    clusters: tuple[StateCluster, ...] = ()


def state_text(view: StateView, *, width: int, color: bool) -> str:
    if not view.lineage:
        none = "There is no state here. Was there one? `dynia state rebuild` makes it again."
        return "\n".join(wrap(none, width))
    lines = [paint(f"Lineage {view.lineage}", "head", color)]
    if not view.clusters:
        return "\n".join([*lines, "It knows no cluster yet."])
    lines.append("")
    wide = max(cells(one_line(one.name)) for one in view.clusters)
    for one in view.clusters:
        mark = "*" if one.name == view.current_cluster else " "
        begun = len(one.unfinished) + len(one.intents)
        parts = [
            f"generation {one.generation}",
            f"serial {one.serial}",
            f"lease {one.fencing}",
            count(len(one.nodes), "node"),
            count(len(one.services), "service"),
            *([f"{begun} begun and not ended"] if begun else []),
        ]
        lines += join_wrapped(parts, width, first=f"{mark} {pad(one_line(one.name), wide)}  ")
    return "\n".join(lines)


def state_json(view: StateView) -> bytes:
    """`dynia state show --json`."""
    return document("state", msgspec.to_builtins(view))


def pushed_text(replaced: Sequence[Replaced], *, width: int) -> str:
    """What a copy changes, a line a cluster."""
    rows = [["cluster", "", "serial here", "in the copy"]]
    rows += [
        [one_line(one.cluster), one.what, str(one.before or "-"), str(one.serial or "-")] for one in replaced
    ]
    return "\n".join(columns(rows, width))
